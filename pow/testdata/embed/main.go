// Command embed imports the engine and nothing else of Lode. It prints the nonce and
// the hash of a header that it has solved.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/lodepow/lode/pow"
)

func main() {
	engine, err := pow.New(pow.Config{})
	if err != nil {
		log.Fatal(err)
	}
	header := pow.Header{Version: 1, MerkleRoot: pow.DoubleSHA256([]byte("hello")), Bits: 0x1f00ffff}
	result, err := engine.Search(context.Background(), pow.Job{Header: header})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Header.Nonce, result.Hash)
}
