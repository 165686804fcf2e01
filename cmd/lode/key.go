package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/internal/keyfile"
)

type keyCmd struct {
	New    keyNewCmd    `cmd:"" help:"Make a key and print its public half."`
	Show   keyShowCmd   `cmd:"" help:"Print the public half of a key."`
	Import keyImportCmd `cmd:"" help:"Copy a key that a browser or openssl made, and print its public half."`
}

type keyNewCmd struct {
	File       string `arg:"" default:"lode-key.pem" help:"File to write the private key to (${default}). It must not exist."`
	Passphrase bool   `help:"Encrypt the file with a passphrase, which is asked for on the terminal."`
	passphraseFlag
}

type keyShowCmd struct {
	File string `arg:"" env:"LODE_KEY" default:"lode-key.pem" help:"File of the private key (${default})."`
	passphraseFlag
}

type keyImportCmd struct {
	From       string `arg:"" help:"File with the private key: PKCS #8 in PEM, encrypted or not, such as the backup that the page of a node makes."`
	File       string `arg:"" default:"lode-key.pem" help:"File to write the private key to (${default}). It must not exist."`
	Passphrase bool   `xor:"form" help:"Encrypt the new file although the old one is not encrypted."`
	Plain      bool   `xor:"form" help:"Do not encrypt the new file although the old one is encrypted."`
	passphraseFlag
}

// Help tells which form the new file has.
func (*keyNewCmd) Help() string {
	return `Makes an Ed25519 key and writes it to a file, in PKCS #8. With --passphrase or
--passphrase-file the file is encrypted (PBES2 with PBKDF2-HMAC-SHA-256 and
AES-256-CBC), and openssl and the page of a node can read it, too.`
}

// Help tells which form the new file has.
func (*keyImportCmd) Help() string {
	return `Reads a key, which proves that the file and the passphrase are right, and writes it
to a new file. If the old file is encrypted, the new one is encrypted with the same
passphrase, unless --plain is given.`
}

// Run creates an Ed25519 key, writes it to a new file and prints the public key. Standard
// error says where the private key is, of which no other copy exists.
func (c *keyNewCmd) Run(s cli.Std) error {
	if err := mustNotExist(c.File); err != nil { // before anybody types a passphrase
		return err
	}
	var passphrase []byte
	var err error
	if c.Passphrase || c.PassphraseFile != "" {
		if passphrase, err = c.choose(s); err != nil {
			return err
		}
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	return writeKey(s, c.File, private, passphrase, "and nowhere else")
}

// Run copies a key to a new file and prints its public half.
func (c *keyImportCmd) Run(s cli.Std) error {
	if err := mustNotExist(c.File); err != nil {
		return err
	}
	data, err := readKeyFile(c.From)
	if err != nil {
		return err
	}
	var passphrase []byte
	private, err := keyfile.Parse(data, func() (_ []byte, err error) {
		passphrase, err = c.ask(s, c.From)
		return passphrase, err
	})
	if err != nil {
		return keyError(c.From, err)
	}
	switch encrypted := passphrase != nil; {
	case c.Plain:
		passphrase = nil
	case !encrypted && (c.Passphrase || c.PassphraseFile != ""):
		if passphrase, err = c.choose(s); err != nil {
			return err
		}
	}
	return writeKey(s, c.File, private, passphrase, "a copy of "+c.From)
}

// Run prints the public key that belongs to the private key in the file.
func (c *keyShowCmd) Run(s cli.Std) error {
	key, err := c.readKey(s, c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.Out, publicHex(key))
	return err
}

func publicHex(key ed25519.PrivateKey) string {
	return hex.EncodeToString(key.Public().(ed25519.PublicKey))
}

// mustNotExist returns an error if there is a file with that name.
func mustNotExist(file string) error {
	if _, err := os.Lstat(file); err == nil {
		return keyExists(file)
	}
	return nil
}

func keyExists(file string) error {
	return fmt.Errorf("%s exists: a key is never overwritten, choose another name", file)
}

// fill writes a new file and closes it. If that fails, it removes the file: half a key is of
// no use, and would keep the command from being run again.
func fill(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", f.Name(), err), os.Remove(f.Name()))
	}
	return nil
}

// writeKey writes a key to a new file, encrypted if there is a passphrase, and prints its
// public half. Standard error says where the file is, and what else is known about it.
func writeKey(s cli.Std, file string, key ed25519.PrivateKey, passphrase []byte, known string) error {
	data, err := keyfile.Marshal(key)
	how := ""
	if passphrase != nil {
		data, err = keyfile.Encrypt(key, passphrase, 0, rand.Reader)
		how = ", encrypted"
	}
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return keyExists(file)
	}
	if err != nil {
		return err
	}
	if err := fill(f, data); err != nil {
		return err
	}
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	if _, err := fmt.Fprintln(s.Out, publicHex(key)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Err, "lode: the private key is in %s%s, %s; the line above is the public half\n", file, how, known)
	return err
}
