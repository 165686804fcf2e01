package node

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/server"
	"github.com/lodepow/lode/mine/stratum/vardiff"
	"github.com/lodepow/lode/node/internal/bounds"
)

// ErrListenForMiners is wrapped by the error of Open if the node cannot listen at the
// address for miners.
var ErrListenForMiners = errors.New("listen for miners")

// StratumConfig says whether a node has miners work for it over Stratum V1, and how. The
// zero value has no server.
type StratumConfig struct {
	Listen string      // host:port; "": no server. Without a host: 127.0.0.1
	TLS    *tls.Config // nil: connections are not encrypted
	Only   bool        // the node searches nothing itself

	Vardiff vardiff.Config
	Limits  server.Limits
}

// validate returns an error if no server could be opened with the configuration.
func (c StratumConfig) validate() error {
	if c.Only && c.Listen == "" {
		return errors.New("node: nobody would mine: StratumConfig.Only needs an address to listen on")
	}
	return errors.Join(bounds.Check("server.Limits", c.Limits), bounds.Check("vardiff.Config", c.Vardiff))
}

// address returns the address to listen on. A port alone means this machine only,
// because everybody who reaches the server can occupy the node.
func (c StratumConfig) address() (string, error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "", fmt.Errorf("listen for miners on %q: want host:port: %w", c.Listen, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// minerServer is a node's server for miners.
type minerServer struct {
	server   *server.Server
	listener net.Listener
}

// openStratum begins to listen for miners.
func openStratum(ctx context.Context, c Config, source mine.Source, first uint32) (*minerServer, error) {
	address, err := c.Stratum.address()
	if err != nil {
		return nil, err
	}
	s, err := server.New(server.Config{
		Source: source, Vardiff: c.Stratum.Vardiff, Limits: c.Stratum.Limits, First: first,
		MaxAhead: time.Duration(c.Params.Limits().FutureSeconds) * time.Second,
		Now:      c.Now, Logger: c.Logger,
	})
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrListenForMiners, err)
	}
	if c.Stratum.TLS != nil {
		l = tls.NewListener(l, c.Stratum.TLS)
	}
	return &minerServer{server: s, listener: l}, nil
}

// close stops listening. Later calls do nothing.
func (s *minerServer) close() error {
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// part offers the part of a source's work whose extranonces begin with a prefix. What
// solves it goes to the source, which does not know the parts.
type part struct {
	mine.Source
	prefix []byte
}

// Offer implements [mine.Source].
func (p part) Offer() (mine.Offer, error) {
	o, err := p.Source.Offer()
	if err != nil || o.Work == nil {
		return o, err
	}
	w, err := o.Work.Sub(p.prefix)
	if err != nil {
		return mine.Offer{}, err
	}
	o.Work = &w
	return o, nil
}

// prefixOf returns the extranonce's prefix of the node itself, in front of those of the
// sessions that begin with the number first.
func prefixOf(first uint32) []byte { return binary.BigEndian.AppendUint32(nil, first-1) }

// StratumAddr returns the address on which the node listens for miners, or nil if it
// does not.
func (n *Node) StratumAddr() net.Addr {
	if n.stratum == nil {
		return nil
	}
	return n.stratum.listener.Addr()
}

// Stratum returns the node's server for miners, or nil if it has none.
func (n *Node) Stratum() *server.Server {
	if n.stratum == nil {
		return nil
	}
	return n.stratum.server
}
