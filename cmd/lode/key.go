package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/lodepow/lode/cmd/internal/cli"
)

type keyCmd struct {
	New  keyNewCmd  `cmd:"" help:"Make a key and print its public half."`
	Show keyShowCmd `cmd:"" help:"Print the public half of a key."`
}

type keyNewCmd struct {
	File string `arg:"" default:"lode-key.pem" help:"File to write the private key to (${default}). It must not exist."`
}

type keyShowCmd struct {
	File string `arg:"" env:"LODE_KEY" default:"lode-key.pem" help:"File of the private key (${default})."`
}

const keyType = "PRIVATE KEY" // PKCS #8, RFC 5958

// Run creates an Ed25519 key, writes it to a new file and prints the public key. Standard
// error says where the private key is, of which no other copy exists.
func (c *keyNewCmd) Run(s cli.Std) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists: a key is never overwritten, choose another name", c.File)
	}
	if err != nil {
		return err
	}
	err = pem.Encode(f, &pem.Block{Type: keyType, Bytes: der})
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	path := c.File
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if _, err := fmt.Fprintln(s.Out, hex.EncodeToString(public)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Err, "lode: the private key is in %s, and nowhere else; the line above is the public half\n", path)
	return err
}

// Run prints the public key that belongs to the private key in the file.
func (c *keyShowCmd) Run(s cli.Std) error {
	key, err := readKey(c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.Out, hex.EncodeToString(key.Public().(ed25519.PublicKey)))
	return err
}

// readKey reads an Ed25519 private key from a PEM file.
func readKey(file string) (ed25519.PrivateKey, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, 16<<10))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != keyType {
		return nil, fmt.Errorf("%s holds no private key in PEM: make one with lode key new", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: the key is not for Ed25519", file)
	}
	return private, nil
}
