package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/lodepow/lode/client"
	"github.com/lodepow/lode/cmd/internal/cli"
)

// healthCmd asks a node whether it is healthy. Containers without a shell or curl use
// it as their health check.
type healthCmd struct {
	Node    nodeURL       `env:"LODE_NODE" default:"http://127.0.0.1:8000" placeholder:"URL" help:"Node to ask, http://host:port or host:port (${default})."`
	Timeout time.Duration `default:"5s" placeholder:"TIME" help:"How long to wait for the answer (${default})."`
}

func (*healthCmd) Help() string {
	return `Asks a node for /healthz and prints the answer. The exit status is 0 if the node
runs and can take changes, and 1 if it does not answer or if its disk has failed.`
}

// Validate is called after the flags have been parsed.
func (c *healthCmd) Validate() error { return isPositive("--timeout", c.Timeout) }

// Run prints the answer of the node, or returns an error that says what is wrong.
func (c *healthCmd) Run(ctx context.Context, s cli.Std) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	node, err := client.New(client.Config{
		URL: string(c.Node), Timeout: c.Timeout, Retries: -1,
		Transport: &http.Transport{DisableKeepAlives: true}, // and no proxy: the node is asked itself
	})
	if err != nil {
		return err
	}
	if err := node.Health(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.Out, "ok")
	return err
}
