// Package keyfile reads and writes the file of an Ed25519 private key: PKCS #8 in PEM
// (RFC 5958, RFC 7468, RFC 8410), as it is or encrypted under a passphrase.
//
// An encrypted key has the form PBES2 of RFC 8018: PBKDF2 with HMAC-SHA-256 makes a
// key of the passphrase, and AES-256 in CBC mode encrypts with it. This is the form
// that openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 writes, that every
// openssl since 1.1.1 reads, and that the page of a node makes in the browser.
//
// CBC does not authenticate. Who can change the file can make it unreadable, but can
// neither read the key nor replace it by another one without that being seen: the
// public key is the account, and it is printed whenever a key is read by hand.
package keyfile

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Bounds of a file. They are far above what any program writes.
const (
	MaxFile       = 16 << 10   // bytes of a file
	MaxPassphrase = 1 << 10    // bytes of a passphrase
	MaxIterations = 10_000_000 // of PBKDF2; they take some seconds
	MinIterations = 1000       // of PBKDF2 in files that Encrypt writes (RFC 8018, 4.2)
)

// DefaultIterations is the number of iterations of PBKDF2 that makes guessing a
// passphrase slow enough, according to the OWASP password storage cheat sheet of 2023,
// and that still takes a browser without WebCrypto only about a second.
const DefaultIterations = 600_000

// The types of PEM blocks (RFC 7468, sections 10 and 11).
const (
	typePlain     = "PRIVATE KEY"
	typeEncrypted = "ENCRYPTED PRIVATE KEY"
)

// Errors for which a caller has something better to do than to print them.
var (
	// ErrNoKey is the error for a file without a private key in PEM.
	ErrNoKey = errors.New("no private key in PEM")
	// ErrPassphrase is the error for a key that the passphrase does not decrypt. CBC
	// does not tell a wrong passphrase from a damaged file.
	ErrPassphrase = errors.New("wrong passphrase, or the file is damaged")
	// ErrLocked is the error for an encrypted key when there is no passphrase.
	ErrLocked = errors.New("the key is encrypted: a passphrase is needed")
)

// Marshal returns the file of a key that is not encrypted.
func Marshal(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: typePlain, Bytes: der}), nil
}

// Encrypt returns the file of a key that is encrypted under a passphrase, which must not
// be empty. The number of iterations is DefaultIterations if it is 0. Salt and
// initialization vector are read from random.
func Encrypt(key ed25519.PrivateKey, passphrase []byte, iterations int, random io.Reader) ([]byte, error) {
	if err := checkPassphrase(passphrase); err != nil {
		return nil, err
	}
	if iterations == 0 {
		iterations = DefaultIterations
	}
	if iterations < MinIterations || iterations > MaxIterations {
		return nil, fmt.Errorf("%d iterations of PBKDF2, want %d to %d", iterations, MinIterations, MaxIterations)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	der, err := seal(plain, passphrase, iterations, random)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: typeEncrypted, Bytes: der}), nil
}

// Encrypted reports whether the key in a file is encrypted. The error matches ErrNoKey if
// there is none.
func Encrypted(file []byte) (bool, error) {
	b, err := find(file)
	return b.Type == typeEncrypted, err
}

// Parse returns the key in a file. It calls passphrase only if the key is encrypted, and
// returns its error. A nil passphrase means that there is none; the error for an encrypted
// key then is ErrLocked.
func Parse(file []byte, passphrase func() ([]byte, error)) (ed25519.PrivateKey, error) {
	return parse(file, passphrase, MaxIterations)
}

// parse is Parse with a bound on the iterations, which tests set lower.
func parse(file []byte, passphrase func() ([]byte, error), maxIterations int) (ed25519.PrivateKey, error) {
	b, err := find(file)
	if err != nil {
		return nil, err
	}
	der := b.Bytes
	if b.Type == typeEncrypted {
		sealed, err := parseSealed(b.Bytes, maxIterations)
		if err != nil {
			return nil, err
		}
		if passphrase == nil {
			return nil, ErrLocked
		}
		secret, err := passphrase()
		if err != nil {
			return nil, err
		}
		if err := checkPassphrase(secret); err != nil {
			return nil, err
		}
		if der, err = sealed.open(secret); err != nil {
			return nil, err
		}
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil && b.Type == typeEncrypted && !isPKCS8(der) {
		// The padding of a text that a wrong passphrase has decrypted is right by chance
		// in one of 256 cases.
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("the key is not for Ed25519")
	}
	return private, nil
}

// find returns the first PEM block of a private key.
func find(file []byte) (pem.Block, error) {
	if len(file) > MaxFile {
		return pem.Block{}, fmt.Errorf("%w: the file has %d bytes, at most %d are read", ErrNoKey, len(file), MaxFile)
	}
	for rest := file; ; {
		var b *pem.Block
		b, rest = pem.Decode(rest)
		if b == nil {
			return pem.Block{}, ErrNoKey
		}
		if slices.Contains([]string{typePlain, typeEncrypted}, b.Type) {
			return *b, nil
		}
	}
}

func checkPassphrase(passphrase []byte) error {
	if len(passphrase) == 0 {
		return errors.New("the passphrase is empty")
	}
	if len(passphrase) > MaxPassphrase {
		return fmt.Errorf("the passphrase has %d bytes, at most %d are allowed", len(passphrase), MaxPassphrase)
	}
	return nil
}
