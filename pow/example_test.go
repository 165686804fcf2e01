package pow_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/lodepow/lode/pow"
)

// unsolved is the header of block 67,071 of Bitcoin's main chain with its nonce set
// to zero, as the miner had it before it was solved.
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

// A job can set another target than its header's, and a list of versions to try.
// If its space contains no answer, the error is ErrExhausted.
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

// A search that was cancelled is resumed after the nonces that it has searched.
func ExampleEngine_Search_resumed() {
	engine, err := pow.New(pow.Config{})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("lunch"))

	genesis := pow.BitcoinGenesis()
	job := pow.Job{Header: genesis, First: genesis.Nonce - 1000}
	result, err := engine.Search(ctx, job)
	fmt.Println(err, errors.Is(err, context.Canceled))

	job.First += uint32(result.Searched)
	result, err = engine.Search(context.Background(), job)
	fmt.Println(result.Header.Nonce, err)
	// Output:
	// lunch true
	// 2083236893 <nil>
}

// When the nonces of a header are used up, a miner changes its time and searches
// them again.
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
	// This was the first retarget on Bitcoin's main chain that changed the target:
	// blocks 30,240 to 32,255 had taken less than two weeks.
	bits := pow.BitcoinRetarget().Next(0x1d00ffff, 1261130161, 1262152739)
	fmt.Println(bits)
	// Output: 1d00d86a
}
