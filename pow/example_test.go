package pow_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/lodepow/lode/pow"
)

// Block 67,071 of Bitcoin's main chain, as a miner had it before it was solved.
const unsolved = "01000000ceeb2cd48839879c088e3287daf04391715dbb766f5af24c11e04b04" +
	"00000000f179f485f1b10c4023777582100bf86d2f47f5f7a1d90d8f47222177" +
	"1ade03f9be643d4cf4a3051c00000000"

func ExampleEngine_Search() {
	header, err := pow.ParseHeader(unsolved)
	if err != nil {
		log.Fatal(err)
	}
	engine, err := pow.New(pow.Config{})
	if err != nil {
		log.Fatal(err)
	}
	result, err := engine.Search(context.Background(), pow.Job{Header: header})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("nonce", result.Header.Nonce, "after", result.Tries, "tries")
	fmt.Println(result.Hash)
	// Output:
	// nonce 1082 after 1083 tries
	// 0000000004085b772b067293e4a09c870254b55b899be1ab05e6cf8a60fc1369
}

// A job can have a target of its own and versions to roll. An empty space is an
// error of its own, too.
func ExampleEngine_Search_exhausted() {
	engine, err := pow.New(pow.Config{Workers: 2})
	if err != nil {
		log.Fatal(err)
	}
	result, err := engine.Search(context.Background(), pow.Job{
		Header:   pow.BitcoinGenesis(),
		Versions: []int32{0x20000000, 0x20002000, 0x20004000, 0x20006000},
		First:    0,
		Count:    1000,
		Target:   pow.ZerosTarget(100),
	})
	fmt.Println(errors.Is(err, pow.ErrExhausted), "after", result.Tries, "tries")
	// Output: true after 4000 tries
}

// Mine rolls the time of a header whose nonces are used up.
func ExampleEngine_Mine() {
	header := pow.BitcoinGenesis()
	engine, err := pow.New(pow.Config{})
	if err != nil {
		log.Fatal(err)
	}
	header.Time -= 3
	result, err := engine.Mine(context.Background(), func() (pow.Job, error) {
		header.Time++
		return pow.Job{Header: header, First: 2083236893 - 1000, Count: 2000}, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Header.Time, result.Header.Nonce, result.Tries)
	// Output: 1231006505 2083236893 5001
}

func ExampleBits_Target() {
	target, err := pow.Bits(0x1b0404cb).Target()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(target)
	fmt.Printf("%.2f\n", target.Difficulty())

	_, err = pow.Bits(0x1d80ffff).Target()
	fmt.Println(err)
	// Output:
	// 00000000000404cb000000000000000000000000000000000000000000000000
	// 16307.42
	// bits 1d80ffff: target is negative
}

func ExampleRetarget_Next() {
	// The first retarget of Bitcoin's main chain that changed anything: blocks
	// 30,240 to 32,255 took less than two weeks.
	bits := pow.BitcoinRetarget().Next(0x1d00ffff, 1261130161, 1262152739)
	fmt.Println(bits)
	// Output: 1d00d86a
}
