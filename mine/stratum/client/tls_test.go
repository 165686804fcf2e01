package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/mine/stratum"
)

// selfSigned returns a certificate for a host that has signed itself.
func selfSigned(t *testing.T, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// trusting returns a configuration that trusts the certificate and no other.
func trusting(cert tls.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// The handshake of TLS is a real one, over TCP. A pool with a certificate of its own is
// mined for if the user has named this certificate, and refused otherwise: then it learns
// neither the worker nor the password.
func TestTLS(t *testing.T) {
	pinned, other := selfSigned(t, "pool.example"), selfSigned(t, "pool.example")
	elsewhere := selfSigned(t, "other.example")
	for name, tc := range map[string]struct {
		server tls.Certificate
		client *tls.Config
		err    string // "": the pool is mined for
	}{
		"pinned":                  {pinned, trusting(pinned), ""},
		"not pinned":              {pinned, nil, "certificate"},
		"another one":             {other, trusting(pinned), "certificate"},
		"pinned, of another host": {elsewhere, trusting(elsewhere), "other.example"},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{tc.server}, MinVersion: tls.VersionTLS12})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = listener.Close() }()
			ctx, cancel := context.WithCancel(t.Context())
			c, err := New(Config{
				Pools: []Pool{{Host: "pool.example", Port: 443, TLS: true, User: "worker", Password: "secret"}}, TLS: tc.client,
				Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					if address != "pool.example:443" {
						t.Errorf("dialed %s", address)
					}
					return (&net.Dialer{}).DialContext(ctx, network, listener.Addr().String())
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				c.Run(ctx)
			}()
			defer func() {
				cancel()
				<-done
			}()
			conn, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			pool := &fakeConn{Conn: conn, t: t, in: stratum.NewReader(conn, stratum.MaxMinerLine)}
			if tc.err != "" {
				if line, err := pool.in.ReadLine(); err == nil {
					t.Fatalf("the client has said %s", line)
				}
				await(t, c, func(s Stats) bool { return s.Failures > 0 })
				if s := c.Stats(); !strings.Contains(s.LastError, "TLS: ") || !strings.Contains(s.LastError, tc.err) {
					t.Errorf("%q", s.LastError)
				}
				return
			}
			pool.greet()
			pool.send(jobLine("1", true))
			await(t, c, func(s Stats) bool { return s.Pool == "stratum+ssl://pool.example:443" })
			o, err := c.Offer()
			if err != nil || o.Work == nil {
				t.Fatal(o, err)
			}
			answered := submit(t, c, solution(*o.Work, 1))
			pool.answer(pool.expect(stratum.MethodSubmit), "true")
			if r := <-answered; r.err != nil {
				t.Error(r.err)
			}
		})
	}
}

// await waits until the numbers of the client are as they should be.
func await(t *testing.T, c *Client, are func(Stats) bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !are(c.Stats()); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute: %+v", c.Stats())
		}
	}
}
