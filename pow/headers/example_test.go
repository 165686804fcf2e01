package headers_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/lodepow/lode/pow/headers"
)

func Example() {
	stream, err := os.ReadFile("testdata/blockheader_testnet3.hex")
	if err != nil {
		log.Fatal(err)
	}

	reader := headers.NewReader(bytes.NewReader(stream))
	verifier := headers.NewVerifier(headers.Config{Retarget: true})
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = verifier.Add(header)
		}
		if err != nil {
			log.Fatal(reader.Where(), ": ", err)
		}
	}
	summary := verifier.Summary()
	fmt.Println(summary.Headers, "headers of", summary.Start.Network.Name)
	fmt.Println("tip at height", summary.Best.Height)
	fmt.Println(len(summary.Side), "side branch of", summary.Side[0].Headers, "headers")
	// Output:
	// 548 headers of testnet3
	// tip at height 546
	// 1 side branch of 2 headers
}
