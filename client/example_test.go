package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/client"
	"github.com/lodepow/lode/node"
)

// withNode runs a node for an example, and calls use with its URL. A program that uses
// a node that runs elsewhere needs nothing of this.
func withNode(use func(ctx context.Context, url string) error) {
	run := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		data, err := os.MkdirTemp("", "lode")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(data) }()
		params, err := rules.Tutorial(1)
		if err != nil {
			return err
		}
		n, err := node.Open(ctx, node.Config{Params: params, Data: data, Listen: "127.0.0.1:0", Workers: 1})
		if err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		err = use(ctx, "http://"+n.Addr().String())
		return errors.Join(err, n.Close(), <-ended)
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// Example posts a text, has it mined, and proves that the block contains it.
func Example() {
	withNode(func(ctx context.Context, url string) error {
		c, err := client.New(client.Config{URL: url})
		if err != nil {
			return err
		}
		defer c.Close()
		posted, err := c.Post(ctx, "ann", "hello")
		if err != nil {
			return err
		}
		mined, err := c.Mine(ctx)
		if err != nil {
			return err
		}
		proof, err := c.Proof(ctx, posted.ID)
		if err != nil {
			return err
		}
		fmt.Println(mined.Message)
		fmt.Println("proved:", proof.Transaction.Content(), proof.Header.Hash() == mined.Hash)
		return nil
	})
	// Output:
	// Block #1 is mined.
	// proved: hello true
}

// ExampleError branches on why the node refuses a post.
func ExampleError() {
	withNode(func(ctx context.Context, url string) error {
		c, err := client.New(client.Config{URL: url})
		if err != nil {
			return err
		}
		defer c.Close()
		forged := `{"author":"ann","content":"it was me","timestamp":1,"public_key":"` + fmt.Sprintf("%064d", 1) + `","signature":"` + fmt.Sprintf("%0128d", 1) + `"}`
		_, err = c.PostJSON(ctx, []byte(forged))
		var refused *client.Error
		switch {
		case errors.Is(err, block.TxBadSignature):
			fmt.Println("sign it again")
		case errors.Is(err, client.MempoolFull):
			fmt.Println("mine a block first")
		}
		if errors.As(err, &refused) {
			fmt.Println(refused.Status, refused.Reason)
		}
		return nil
	})
	// Output:
	// sign it again
	// 400 tx-bad-signature
}

// ExampleClient_Events follows a chain: it reads where the tip is, and then waits for the
// next block.
func ExampleClient_Events() {
	withNode(func(ctx context.Context, url string) error {
		c, err := client.New(client.Config{URL: url})
		if err != nil {
			return err
		}
		defer c.Close()
		for event, err := range c.Events(ctx, "") {
			if err != nil {
				return err
			}
			switch event.Kind {
			case client.EventTip: // we are connected
				if _, err := c.Post(ctx, "ann", "hello"); err != nil {
					return err
				}
				if _, err := c.Mine(ctx); err != nil {
					return err
				}
			case client.EventBlock, client.EventReorg:
				tip, err := event.Tip()
				if err != nil {
					return err
				}
				fmt.Println(event.Kind, tip.Height)
				return nil
			}
		}
		return nil
	})
	// Output:
	// block 1
}
