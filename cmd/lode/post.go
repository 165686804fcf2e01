package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/client"
	"github.com/lodepow/lode/cmd/internal/cli"
)

type postCmd struct {
	Content string            `arg:"" help:"Text of the transaction."`
	Author  string            `env:"LODE_AUTHOR" required:"" placeholder:"NAME" help:"Name of the author."`
	Field   map[string]string `placeholder:"NAME=TEXT" help:"A further field of the transaction; may be repeated."`
	Key     string            `env:"LODE_KEY" placeholder:"FILE" help:"File of the private key to sign with; lode key new makes one."`
	passphraseFlag
	Node nodeURL `env:"LODE_NODE" default:"http://127.0.0.1:8000" placeholder:"URL" help:"Node to post to, http://host:port or host:port (${default})."`
}

const postTimeout = 30 * time.Second

// Run posts a transaction to a node and prints the answer.
func (c *postCmd) Run(ctx context.Context, s cli.Std) error {
	body, err := c.body(s, time.Now())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	// The command posts once and tells the user what went wrong. The user decides whether to
	// try again.
	node, err := client.New(client.Config{URL: string(c.Node), Timeout: postTimeout, Retries: -1})
	if err != nil {
		return err
	}
	defer node.Close()
	posted, err := node.PostJSON(ctx, body)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.Out, posted.Message)
	return err
}

// body returns the transaction as JSON, signed if the user named a key.
func (c *postCmd) body(s cli.Std, now time.Time) ([]byte, error) {
	fields := map[string]string{}
	for name, value := range c.Field {
		switch name {
		case "author", "content", "timestamp", "public_key", "signature":
			return nil, cli.UsageError{Err: fmt.Errorf("--field %s: this field has its own flag or is set automatically", name)}
		}
		fields[name] = value
	}
	fields["author"], fields["content"] = c.Author, c.Content
	body, err := json.Marshal(fields)
	if err != nil || c.Key == "" {
		return body, err
	}
	key, err := c.readKey(s, c.Key)
	if err != nil {
		return nil, err
	}
	tx, err := block.Sign(body, key, now)
	return []byte(tx.String()), err
}
