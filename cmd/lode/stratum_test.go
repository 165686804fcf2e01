package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/node"
)

func TestStratumFlags(t *testing.T) {
	for _, bad := range []stratumFlags{
		{StratumOnly: true, StratumSessions: 1},
		{Stratum: ":1", StratumCert: "cert.pem", StratumSessions: 1},
		{Stratum: ":1", StratumKey: "key.pem", StratumSessions: 1},
		{StratumCert: "cert.pem", StratumKey: "key.pem", StratumSessions: 1},
		{Stratum: ":1"},
	} {
		if bad.check() == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
	missing := stratumFlags{Stratum: ":1", StratumCert: filepath.Join(t.TempDir(), "none.pem"), StratumKey: "none.pem", StratumSessions: 1}
	if err := missing.setIn(&node.Config{}); err == nil || !strings.Contains(err.Error(), "--stratum-cert") {
		t.Errorf("error %v for a certificate that does not exist", err)
	}
}

// certificate writes a certificate for 127.0.0.1 and its key, and returns their files.
func certificate(t *testing.T) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pemCert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for file, raw := range map[string][]byte{cert: pemCert, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})} {
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(pemCert)
	return cert, key, roots
}

// With a certificate, miners are served over TLS, and nobody without it.
func TestStratumEncrypted(t *testing.T) {
	cert, key, roots := certificate(t)
	flags := stratumFlags{Stratum: "127.0.0.1:0", StratumCert: cert, StratumKey: key, StratumSessions: 10}
	params, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	config := node.Config{Params: params, Data: t.TempDir(), Listen: "127.0.0.1:0", Workers: 1}
	if err := flags.setIn(&config); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})

	address := n.StratumAddr().String()
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots}}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(stratum.Subscribe{Agent: "test"}.Message(stratum.NumberID(1)).Line()); err != nil {
		t.Fatal(err)
	}
	line, err := stratum.NewReader(conn, stratum.MaxPoolLine).ReadLine()
	if err != nil || !bytes.Contains(line, []byte("mining.notify")) {
		t.Errorf("answer %s, %v", line, err)
	}

	plain, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	if err := plain.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Write(stratum.Subscribe{}.Message(stratum.NumberID(1)).Line()); err != nil {
		t.Fatal(err)
	}
	if line, err := stratum.NewReader(plain, stratum.MaxPoolLine).ReadLine(); err == nil {
		t.Errorf("a miner without TLS was answered %s", line)
	}
}
