package main

import (
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/lodepow/lode/node"
)

// stratumFlags let miners work for a node.
type stratumFlags struct {
	Stratum         string `env:"LODE_STRATUM" placeholder:"[HOST]:PORT" help:"Address at which miners can connect over Stratum V1. Without a host, only those of this machine can."`
	StratumOnly     bool   `env:"LODE_STRATUM_ONLY" help:"Leave the search to those miners: the node itself hashes nothing."`
	StratumCert     string `env:"LODE_STRATUM_CERT" type:"path" placeholder:"FILE" help:"Certificate (PEM) with which to encrypt the connections of miners; with --stratum-key."`
	StratumKey      string `env:"LODE_STRATUM_KEY" type:"path" placeholder:"FILE" help:"Private key (PEM) of that certificate."`
	StratumSessions int    `env:"LODE_STRATUM_SESSIONS" default:"2048" placeholder:"N" help:"Maximum number of connections of miners (${default})."`
}

// check returns an error if the flags do not fit each other.
func (f *stratumFlags) check() error {
	var errs []error
	if f.Stratum == "" && (f.StratumOnly || f.StratumCert != "" || f.StratumKey != "") {
		errs = append(errs, errors.New("--stratum-only, --stratum-cert and --stratum-key need --stratum"))
	}
	if (f.StratumCert == "") != (f.StratumKey == "") {
		errs = append(errs, errors.New("--stratum-cert and --stratum-key need each other"))
	}
	if f.Stratum != "" {
		errs = append(errs, checkListen("--stratum", f.Stratum))
	}
	return errors.Join(append(errs, atLeast("--stratum-sessions", f.StratumSessions, 1))...)
}

// setIn sets what the flags say. It reads the certificate.
func (f *stratumFlags) setIn(c *node.Config) error {
	c.Stratum.Listen, c.Stratum.Only = f.Stratum, f.StratumOnly
	c.Stratum.Limits.Sessions = f.StratumSessions
	if f.StratumCert == "" {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(f.StratumCert, f.StratumKey)
	if err != nil {
		return fmt.Errorf("--stratum-cert and --stratum-key: %w", err)
	}
	c.Stratum.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	return nil
}
