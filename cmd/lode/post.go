package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lodepow/lode/chain/block"
)

type postCmd struct {
	Content string            `arg:"" help:"What to say."`
	Author  string            `env:"LODE_AUTHOR" required:"" placeholder:"NAME" help:"Who says it."`
	Field   map[string]string `placeholder:"NAME=TEXT" help:"A further field of the transaction; may be repeated."`
	Key     string            `env:"LODE_KEY" placeholder:"FILE" help:"Sign with this key; see lode key."`
	Node    string            `env:"LODE_NODE" default:"http://127.0.0.1:8000" placeholder:"URL" help:"Node to post to (${default})."`
}

const postTimeout = 30 * time.Second

// Run posts a transaction and prints the node's answer.
func (c *postCmd) Run(ctx context.Context, s std) error {
	body, err := c.body(time.Now())
	if err != nil {
		return usageError{err}
	}
	base, err := url.Parse(c.Node)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return usageError{fmt.Errorf("--node %q: want a URL such as http://127.0.0.1:8000", c.Node)}
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base.JoinPath("new_transaction").String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/plain")
	req.Header.Set("Idempotency-Key", rand.Text()) // a transport that tries again posts once
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("is a node running there? %w", err)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	text := strings.TrimSpace(string(answer))
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("the node answered %s: %s", resp.Status, text)
	}
	_, err = fmt.Fprintln(s.out, text)
	return err
}

// body returns the post, signed if there is a key.
func (c *postCmd) body(now time.Time) ([]byte, error) {
	fields := map[string]string{}
	for name, value := range c.Field {
		switch name {
		case "author", "content", "timestamp", "public_key", "signature":
			return nil, fmt.Errorf("--field %s: it has a flag of its own or is set for you", name)
		}
		fields[name] = value
	}
	fields["author"], fields["content"] = c.Author, c.Content
	body, err := json.Marshal(fields)
	if err != nil || c.Key == "" {
		return body, err
	}
	key, err := readKey(c.Key)
	if err != nil {
		return nil, err
	}
	tx, err := block.Sign(body, key, now)
	return []byte(tx.String()), err
}
