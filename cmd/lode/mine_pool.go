package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/client"
	clientmetrics "github.com/lodepow/lode/mine/stratum/client/metrics"
)

// poolRemote is a pool as a source.
type poolRemote struct{ *client.Client }

// poolSource returns the pools that the addresses name, as one source.
func (c *mineCmd) poolSource(log *slog.Logger) (remote, error) {
	if flag := c.given(); flag != "" {
		return nil, fmt.Errorf("%s is for Bitcoin nodes; a pool knows where to pay from the worker's name", flag)
	}
	pools := make([]client.Pool, len(c.URL))
	for i, address := range c.URL {
		p, err := client.ParsePool(address)
		if err != nil {
			return nil, err
		}
		if p.User == "" {
			p.User, p.Password = c.User, c.Password
		}
		if p.User == "" {
			return nil, fmt.Errorf("no worker's name for %s: give one with --user; pools want an address or account.worker", p)
		}
		if p.Password == "" {
			p.Password = "x" // most pools want one and do not care
		}
		pools[i] = p
	}
	config := client.Config{Pools: pools, Agent: agent(), Logger: log}
	if c.Suggest != nil {
		config.Difficulty = *c.Suggest
	}
	if c.Cert != "" {
		roots, err := readCerts(c.Cert)
		if err != nil {
			return nil, err
		}
		config.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	source, err := client.New(config)
	if err != nil {
		return nil, err
	}
	return poolRemote{source}, nil
}

// readCerts returns the certificates of a file. Pools are trusted that have one of them.
func readCerts(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--cert: %w", err)
	}
	certs := x509.NewCertPool()
	if !certs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--cert: %s contains no certificate in PEM", file)
	}
	return certs, nil
}

// agent returns the name and version of this program, as pools show it.
func agent() string {
	version, _, _ := strings.Cut(cli.Version(), " ")
	return "lode/" + version
}

// Run implements remote. A client tries again whatever a pool says.
func (p poolRemote) Run(ctx context.Context) error {
	p.Client.Run(ctx)
	return nil
}

// Register registers the metrics of the client.
func (p poolRemote) Register(reg prometheus.Registerer) error {
	return clientmetrics.Register(reg, p.Client, nil)
}

// Status says how it goes with the pool.
func (p poolRemote) Status() string { return poolStatus(p.Stats(), time.Now()) }

// poolStatus puts the numbers of a client into one line.
func poolStatus(s client.Stats, now time.Time) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if s.Rate.Shares > 0 && !math.IsInf(s.Rate.High, 1) {
		add("pool sees %s (%s to %s, %d shares in %v)", hashRate(s.Rate.Hashes), hashRate(s.Rate.Low), hashRate(s.Rate.High),
			s.Rate.Shares, s.Window.Round(time.Second))
	}
	var refused uint64
	for outcome, n := range s.Shares {
		if outcome != mine.Accepted && outcome != mine.Unanswered {
			refused += n
		}
	}
	add("%s accepted, %s refused%s", count(s.Shares[mine.Accepted]), count(refused), reasons(s.Rejects))
	if n := s.Shares[mine.Unanswered]; n > 0 {
		add("%s unanswered", count(n))
	}
	if s.Blocks > 0 {
		add("%s blocks", count(s.Blocks))
	}
	if s.Pool == "" {
		if s.LastError == "" {
			add("connecting")
		} else {
			add("no pool: %s", s.LastError)
		}
		return strings.Join(parts, ", ")
	}
	add("difficulty %.4g", s.Difficulty)
	if s.Height > 0 {
		add("block %d", s.Height)
	}
	add("job of %v ago", now.Sub(s.JobTime).Round(time.Second))
	return strings.Join(parts, ", ")
}

// reasons lists why shares were refused, the most frequent first, three at most.
func reasons(rejects map[string]uint64) string {
	if len(rejects) == 0 {
		return ""
	}
	var list []string
	for reason := range rejects {
		list = append(list, reason)
	}
	slices.SortFunc(list, func(a, b string) int {
		if d := int64(rejects[b]) - int64(rejects[a]); d != 0 {
			return int(max(-1, min(1, d)))
		}
		return strings.Compare(a, b)
	})
	for i, reason := range list {
		list[i] = fmt.Sprintf("%s %s", count(rejects[reason]), reason)
	}
	more := ""
	if len(list) > 3 {
		list, more = list[:3], ", …"
	}
	return " (" + strings.Join(list, ", ") + more + ")"
}
