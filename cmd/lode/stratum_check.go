package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/mine/stratum/check"
	"github.com/lodepow/lode/mine/stratum/client"
)

type stratumCheckCmd struct {
	engineFlags

	Host       string        `arg:"" optional:"" help:"Pool to check: HOST:PORT, or an address as lode mine takes it."`
	Listen     string        `placeholder:"HOST:PORT" help:"Check a miner instead: wait for one on this address."`
	User       string        `short:"u" env:"LODE_USER" default:"lode.check" placeholder:"NAME" help:"Worker's name at the pool (${default})."`
	Password   string        `short:"p" env:"LODE_PASSWORD" default:"x" placeholder:"WORD" help:"Password that belongs to it (${default})."`
	Difficulty float64       `default:"0.001" placeholder:"N" help:"Difficulty of the shares that a miner is asked for (${default})."`
	Cert       string        `type:"path" placeholder:"FILE" help:"Certificate (PEM) of a pool that speaks TLS with one of its own; with --listen that of this side, for a miner that speaks TLS."`
	Key        string        `type:"path" placeholder:"FILE" help:"Private key (PEM) of the certificate, with --listen."`
	Wait       time.Duration `default:"1m" placeholder:"TIME" help:"How long to wait for a job, or for each share (${default})."`
}

func (*stratumCheckCmd) Help() string {
	return `Checks whether a pool keeps to Stratum V1, from a miner's side, or with --listen
whether a miner does, from a pool's side. Standard output gets a line for each thing
that was looked at: ok, note (allowed, but some programs do not get on with it) or
FAIL, what the other side sent, and what it should have sent.

  lode stratum-check pool.example:3333 -u account.worker
  lode stratum-check stratum+ssl://pool.example:443 --cert pool.pem -u account.worker
  lode stratum-check --listen 127.0.0.1:3333

The check of a pool submits some bad shares, which a pool may count against the
worker. The exit status is 1 if anything was wrong.`
}

// Validate is called after the flags have been parsed.
func (c *stratumCheckCmd) Validate() error {
	if (c.Host == "") == (c.Listen == "") {
		return errors.New("want either the host of a pool, or --listen for a miner")
	}
	switch {
	case c.Listen == "" && c.Key != "":
		return errors.New("--key belongs to a certificate of this side, which --listen needs; of a pool, give --cert alone")
	case c.Listen != "" && (c.Cert == "") != (c.Key == ""):
		return errors.New("with --listen, --cert and --key need each other")
	}
	if c.Listen != "" {
		if err := checkListen("--listen", c.Listen); err != nil {
			return err
		}
	}
	return errors.Join(isDifficulty("--difficulty", c.Difficulty), isPositive("--wait", c.Wait))
}

// errCheckFailed is the error of a check that found something wrong.
var errCheckFailed = errors.New("the other side does not keep to Stratum V1")

// Run does the check.
func (c *stratumCheckCmd) Run(ctx context.Context, s cli.Std) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	var writing error
	r := &check.Report{Tell: func(l check.Line) {
		if _, err := fmt.Fprintln(s.Out, l); err != nil {
			writing = err
		}
	}}
	var err error
	if c.Listen != "" {
		err = c.miner(ctx, s, r)
	} else {
		err = c.pool(ctx, r)
	}
	switch {
	case writing != nil:
		return fmt.Errorf("write the report: %w", writing)
	case err != nil:
		return err
	case r.Failed():
		return errCheckFailed
	}
	return nil
}

// pool checks a pool.
func (c *stratumCheckCmd) pool(ctx context.Context, r *check.Report) error {
	address := c.Host
	if !strings.Contains(address, "://") {
		address = client.SchemeTCP + "://" + address
	}
	pool, err := client.ParsePool(address)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	secure := &tls.Config{ServerName: pool.Host, MinVersion: tls.VersionTLS12}
	switch {
	case c.Cert != "" && !pool.TLS:
		return cli.UsageError{Err: fmt.Errorf("--cert is for a pool that speaks TLS: write its address as %s://%s", client.SchemeTLS, pool.Address())}
	case c.Cert != "":
		if secure.RootCAs, err = readCerts(c.Cert); err != nil {
			return cli.UsageError{Err: err}
		}
	}
	engine, err := c.newEngine()
	if err != nil {
		return err
	}
	user, password := c.User, c.Password
	if pool.User != "" {
		user, password = pool.User, pool.Password
	}
	dialing, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(dialing, "tcp", pool.Address())
	if err != nil {
		return fmt.Errorf("connect to %s: %w", pool, err)
	}
	defer func() { _ = conn.Close() }()
	if pool.TLS {
		encrypted := tls.Client(conn, secure)
		if err := encrypted.HandshakeContext(dialing); err != nil {
			return fmt.Errorf("connect to %s: TLS: %w%s", pool, err, certHint(err, c.Cert))
		}
		conn = encrypted
	}
	return check.Pool(ctx, conn, check.PoolOptions{User: user, Password: password, Agent: agent(), JobWait: c.Wait, Engine: engine}, r)
}

// certHint says what to do about a pool whose certificate is not trusted, or "". The file
// is that of --cert, if it was given.
func certHint(err error, file string) string {
	var unknown x509.UnknownAuthorityError
	switch {
	case !errors.As(err, &unknown):
		return ""
	case file != "":
		return fmt.Sprintf("; the pool's certificate is not in %s, nor signed by one that is", file)
	}
	return "; if this is the pool's own certificate, name its file with --cert"
}

// miner checks the first miner that connects.
func (c *stratumCheckCmd) miner(ctx context.Context, s cli.Std, r *check.Report) error {
	scheme, secure := client.SchemeTCP, (*tls.Config)(nil)
	if c.Cert != "" {
		cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return cli.UsageError{Err: fmt.Errorf("--cert and --key: %w", err)}
		}
		scheme, secure = client.SchemeTLS, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return cli.UsageError{Err: fmt.Errorf("--listen: %w", err)}
	}
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	fmt.Fprintf(s.Err, "lode: waiting for a miner on %s://%s\n", scheme, listener.Addr())
	conn, err := listener.Accept()
	if ctx.Err() != nil {
		return errors.New("stopped before a miner came")
	}
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := listener.Close(); err != nil {
		return err
	}
	fmt.Fprintf(s.Err, "lode: checking the miner at %s\n", conn.RemoteAddr())
	if secure != nil {
		conn = tls.Server(conn, secure)
	}
	return check.Miner(ctx, conn, check.MinerOptions{Difficulty: c.Difficulty, Wait: c.Wait}, r)
}
