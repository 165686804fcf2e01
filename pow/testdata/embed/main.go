// Command embed is a small program that imports the engine and nothing else of Lode.
// It prints the nonce of Bitcoin's block 67,071.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/lodepow/lode/pow"
)

const unsolved = "01000000ceeb2cd48839879c088e3287daf04391715dbb766f5af24c11e04b04" +
	"00000000f179f485f1b10c4023777582100bf86d2f47f5f7a1d90d8f47222177" +
	"1ade03f9be643d4cf4a3051c00000000"

func main() {
	header, err := pow.ParseHeader(unsolved)
	check(err)
	engine, err := pow.New(pow.Config{})
	check(err)
	result, err := engine.Search(context.Background(), pow.Job{Header: header})
	check(err)
	fmt.Println(result.Header.Nonce)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
