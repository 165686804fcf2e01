package block_test

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/lodepow/lode/chain/block"
)

func ExampleNewTx() {
	now := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	tx, err := block.NewTx([]byte(`{ "content": "hello", "author": "alice", "tags": [1.0] }`), now)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tx)
	fmt.Println(tx.ID())

	_, err = block.NewTx([]byte(`{"content": "hello"}`), now)
	fmt.Println(err)
	// Output:
	// {"author":"alice","content":"hello","tags":[1],"timestamp":1767323045.678901}
	// e34149e93571f478ba1875fb44c216ca6671b9ddeb86963e0688cce0f6882499
	// author: missing
}

func ExampleParseTx() {
	one, _ := block.ParseTx([]byte(`{"author":"alice","content":"hello","timestamp":10}`))
	two, _ := block.ParseTx([]byte(`{"timestamp": 1e1, "content": "\u0068ello", "author": "alice"}`))
	fmt.Println(one == two)

	_, err := block.ParseTx([]byte(`{"author":"alice","author":"bob","content":"hello","timestamp":10}`))
	fmt.Println(err)
	// Output:
	// true
	// invalid JSON at byte 18: duplicate key "author"
}

func ExampleSign() {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	tx, err := block.Sign([]byte(`{"author":"alice","content":"hello","timestamp":10}`), key, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tx.Signed(), tx.PublicKey())
	// Output:
	// true 3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29
}
