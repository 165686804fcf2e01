package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/mine/gbt"
	gbtmetrics "github.com/lodepow/lode/mine/gbt/metrics"
)

// nodeFlags are the flags for a Bitcoin node as the source of work.
type nodeFlags struct {
	Pay             string `env:"LODE_PAY" placeholder:"ADDRESS" help:"Address that gets the reward of a block, for a Bitcoin node."`
	Tag             string `env:"LODE_TAG" placeholder:"TEXT" help:"Text to write into the coinbase, for a Bitcoin node."`
	Cookie          string `env:"LODE_COOKIE" placeholder:"FILE" help:"File in which the Bitcoin node leaves its credentials, instead of --user and --password."`
	Cert            string `env:"LODE_CERT" placeholder:"FILE" help:"Certificate (PEM) of a Bitcoin node or a pool that speaks TLS with one of its own, as btcd does."`
	SignetChallenge string `env:"LODE_SIGNET_CHALLENGE" placeholder:"HEX" help:"Challenge of the node's signet, which must be one that needs no signature, such as 51."`
}

// given returns the name of a flag for nodes alone that was given, or "".
func (f nodeFlags) given() string {
	for _, flag := range []struct{ name, value string }{
		{"--pay", f.Pay}, {"--cookie", f.Cookie}, {"--signet-challenge", f.SignetChallenge},
	} {
		if flag.value != "" {
			return flag.name
		}
	}
	return ""
}

// nodeRemote is a Bitcoin node as a source.
type nodeRemote struct{ *gbt.Source }

// nodeSource returns the node that the address names as a source.
func (c *mineCmd) nodeSource(log *slog.Logger) (remote, error) {
	switch {
	case len(c.URL) > 1:
		return nil, fmt.Errorf("%d addresses: a node is mined for alone; only pools have others to fail over to", len(c.URL))
	case c.Suggest != nil:
		return nil, errors.New("--suggest is for pools; a node takes blocks only")
	case c.Pay == "":
		return nil, errors.New("a Bitcoin node does not say whom to pay: name the address that gets the reward with --pay")
	}
	source, err := gbt.New(gbt.Config{
		URL: c.URL[0], User: c.User, Pass: c.Password, CookieFile: c.Cookie, CertFile: c.Cert,
		PayTo: c.Pay, Tag: c.Tag, SignetChallenge: c.SignetChallenge, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	return nodeRemote{source}, nil
}

// Register registers the metrics of the source.
func (n nodeRemote) Register(reg prometheus.Registerer) error {
	return gbtmetrics.Register(reg, n.Source, nil)
}

// Status says how it goes with the node.
func (n nodeRemote) Status() string { return statusOfNode(n.Source.Status(), time.Now()) }

// Run implements remote.
func (n nodeRemote) Run(ctx context.Context) error { return n.Source.Run(ctx) }

// statusOfNode puts what a source knows about its node into one line.
func statusOfNode(s gbt.Status, now time.Time) string {
	if !s.Connected {
		if s.Err == nil {
			return "connecting"
		}
		return fmt.Sprintf("no template: %v", s.Err)
	}
	var parts []string
	if s.Chain != "" {
		parts = append(parts, s.Chain)
	}
	if s.Height > 0 {
		parts = append(parts, fmt.Sprintf("block %d", s.Height))
	}
	parts = append(parts, fmt.Sprintf("%d transactions", s.Txs), fmt.Sprintf("reward %.8f", float64(s.Value)/1e8),
		fmt.Sprintf("connected for %v", now.Sub(s.Since).Round(time.Second)))
	return strings.Join(parts, ", ")
}
