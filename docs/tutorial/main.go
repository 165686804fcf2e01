// Command tutorial proves that a file existed: it writes the file's hash into the chain of a
// node, waits until a block contains it, and checks the proof. See docs/tutorial.md.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/lodepow/lode/client"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: tutorial URL FILE")
	}
	if err := stamp(context.Background(), os.Args[1], os.Args[2], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func stamp(ctx context.Context, url, file string, out io.Writer) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	node, err := client.New(client.Config{URL: url})
	if err != nil {
		return err
	}
	defer node.Close()
	posted, err := node.Post(ctx, "stamp", fmt.Sprintf("sha256 %x", sha256.Sum256(data)))
	if err != nil {
		return err
	}
	for event, err := range node.Events(ctx, "") {
		if err != nil {
			return err
		}
		if event.Kind != client.EventTip && event.Kind != client.EventBlock && event.Kind != client.EventReorg {
			continue
		}
		proof, err := node.Proof(ctx, posted.ID) // verified
		if errors.Is(err, client.NotFound) {
			continue // the post is still pending
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%x is in block %d of %s\n", sha256.Sum256(data), proof.Height, time.Unix(int64(proof.Header.Time), 0).UTC())
		return err
	}
	return nil
}
