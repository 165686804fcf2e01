package keyfile

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// testKey is the key of the first test of RFC 8032, section 7.1.
func testKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	seed, err := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.NewKeyFromSeed(seed)
}

func fixed(passphrase string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(passphrase), nil }
}

// TestGolden reads files that openssl 3.0.19 wrote of the key of testKey.
func TestGolden(t *testing.T) {
	for name, passphrase := range map[string]string{
		"plain.pem":          "",
		"openssl.pem":        "correct horse",
		"openssl-utf8.pem":   "pässwörd",
		"openssl-600000.pem": "correct horse",
		"after-text.pem":     "correct horse",
	} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		key, err := Parse(file, fixed(passphrase))
		if err != nil || !key.Equal(testKey(t)) {
			t.Errorf("%s: %x, %v", name, key, err)
		}
		encrypted, err := Encrypted(file)
		if err != nil || encrypted != (passphrase != "") {
			t.Errorf("%s: encrypted is %v, %v", name, encrypted, err)
		}
	}
}

// TestEncrypt encrypts keys and reads them again, with the right passphrase and with
// wrong ones.
func TestEncrypt(t *testing.T) {
	for _, passphrase := range []string{"x", "correct horse", "pässwörd 🔑", strings.Repeat("long ", 204)} {
		file, err := Encrypt(testKey(t), []byte(passphrase), MinIterations, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if key, err := Parse(file, fixed(passphrase)); err != nil || !key.Equal(testKey(t)) {
			t.Errorf("%q: %v", passphrase, err)
		}
		if bytes.Contains(file, []byte(passphrase)) && len(passphrase) > 1 {
			t.Errorf("%q: the file has the passphrase in it", passphrase)
		}
		if _, err := Parse(file, nil); !errors.Is(err, ErrLocked) {
			t.Errorf("without a passphrase: %v", err)
		}
		nobody := errors.New("nobody types a passphrase")
		if _, err := Parse(file, func() ([]byte, error) { return []byte(passphrase), nobody }); !errors.Is(err, nobody) {
			t.Errorf("with nobody to ask: %v", err)
		}
		again, err := Encrypt(testKey(t), []byte(passphrase), MinIterations, rand.Reader)
		if err != nil || bytes.Equal(file, again) {
			t.Errorf("two files of the same key and passphrase are equal, or %v", err)
		}
	}
}

// TestIterations counts the iterations of PBKDF2 in files that Encrypt writes, which are what
// makes guessing slow.
func TestIterations(t *testing.T) {
	for given, want := range map[int]int{0: 600_000, MinIterations: MinIterations} {
		file, err := Encrypt(testKey(t), []byte("x"), given, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b, err := find(file)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := parseSealed(b.Bytes, MaxIterations)
		if err != nil || sealed.iterations != want {
			t.Errorf("%d iterations: the file has %d, %v; want %d", given, sealed.iterations, err, want)
		}
	}
}

// TestWrongPassphrase tries so many wrong passphrases that the padding of some decrypted
// texts is right by chance.
func TestWrongPassphrase(t *testing.T) {
	file, err := Encrypt(testKey(t), []byte("right"), MinIterations, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		if _, err := Parse(file, fixed(rand.Text())); !errors.Is(err, ErrPassphrase) {
			t.Fatalf("%v, want %v", err, ErrPassphrase)
		}
	}
	refused := errors.New("the user went away")
	if _, err := Parse(file, func() ([]byte, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("%v, want %v", err, refused)
	}
}

// TestRefused checks the error for everything that is not accepted.
func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		run  func() error
		want string
	}{
		{"an empty passphrase", func() error {
			_, err := Encrypt(testKey(t), nil, 0, rand.Reader)
			return err
		}, "the passphrase is empty"},
		{"a passphrase that is too long", func() error {
			_, err := Encrypt(testKey(t), make([]byte, MaxPassphrase+1), 0, rand.Reader)
			return err
		}, "the passphrase has 1025 bytes, at most 1024 are allowed"},
		{"too few iterations", func() error {
			_, err := Encrypt(testKey(t), []byte("x"), MinIterations-1, rand.Reader)
			return err
		}, "999 iterations of PBKDF2, want 1000 to 10000000"},
		{"too many iterations", func() error {
			_, err := Encrypt(testKey(t), []byte("x"), MaxIterations+1, rand.Reader)
			return err
		}, "10000001 iterations of PBKDF2, want 1000 to 10000000"},
		{"no randomness", func() error {
			_, err := Encrypt(testKey(t), []byte("x"), MinIterations, bytes.NewReader(make([]byte, saltSize)))
			return err
		}, "EOF"},
		{"a file that is too long", func() error {
			_, err := Parse(make([]byte, MaxFile+1), nil)
			return err
		}, "no private key in PEM: the file has 16385 bytes, at most 16384 are read"},
		{"another file", func() error {
			_, err := Parse([]byte("hello"), nil)
			return err
		}, "no private key in PEM"},
	} {
		if err := tc.run(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
		}
	}
	for name, want := range map[string]string{
		"rsa.pem":            "the key is not for Ed25519",
		"public.pem":         "no private key in PEM",
		"sha1.pem":           "HMAC-SHA-1 in PBKDF2 is not supported: convert the file with openssl pkcs8",
		"aes128.pem":         "the cipher 2.16.840.1.101.3.4.1.2 is not supported",
		"scrypt.pem":         "the key derivation 1.3.6.1.4.1.11591.4.11 is not supported",
		"pbes1.pem":          "the scheme 1.2.840.113549.1.12.1.3 is not supported",
		"20-million.pem":     "20000000 iterations of PBKDF2, at least 1 and at most 10000000 are accepted",
		"cut-off.pem":        "the encrypted key cannot be read: asn1",
		"with-more.pem":      "the encrypted key cannot be read: 1 bytes follow",
		"seven-of-salt.pem":  "a salt of 7 bytes, want 8 to 1024",
		"half-a-block.pem":   "8 bytes of encrypted data, want whole blocks of 16",
		"key-of-16.pem":      "a key of 16 bytes for AES-256, want 32",
		"short-vector.pem":   "an initialization vector of 8 bytes, want 16",
		"less-than-none.pem": "-1 iterations of PBKDF2",
	} {
		file, err := os.ReadFile(filepath.Join("testdata", "refused", name))
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := Parse(file, fixed("correct horse")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// openssl runs the real openssl with some standard input, and skips the test if there is
// none.
func openssl(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("NOT TESTED: needs the program openssl")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = bytes.NewReader(in)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// TestOpenSSLReads has openssl decrypt files that Encrypt and Marshal wrote, and compares
// the private and the public key that it finds.
func TestOpenSSLReads(t *testing.T) {
	plain, err := Marshal(testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, passphrase := range []string{"correct horse", "pässwörd"} {
		file, err := Encrypt(testKey(t), []byte(passphrase), 0, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if got := openssl(t, file, "pkcs8", "-passin", "pass:"+passphrase); !bytes.Equal(got, plain) {
			t.Errorf("openssl decrypts to %s, want %s", got, plain)
		}
		public := openssl(t, file, "pkey", "-passin", "pass:"+passphrase, "-pubout", "-outform", "DER")
		if !bytes.HasSuffix(public, testKey(t).Public().(ed25519.PublicKey)) {
			t.Errorf("openssl finds the public key %x", public)
		}
	}
	if got := openssl(t, plain, "pkey"); !bytes.Equal(got, plain) {
		t.Errorf("openssl writes %s, want %s", got, plain)
	}
}

// TestOpenSSLWrites reads keys that openssl made and encrypted.
func TestOpenSSLWrites(t *testing.T) {
	for range 3 {
		plain := openssl(t, nil, "genpkey", "-algorithm", "ed25519")
		want, err := Parse(plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, iterations := range []string{"1", "2048", "100000"} {
			file := openssl(t, plain, "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-iter", iterations, "-passout", "pass:correct horse")
			if key, err := Parse(file, fixed("correct horse")); err != nil || !key.Equal(want) {
				t.Errorf("%s iterations: %v", iterations, err)
			}
			if _, err := Parse(file, fixed("correct house")); !errors.Is(err, ErrPassphrase) {
				t.Errorf("%s iterations, wrong passphrase: %v", iterations, err)
			}
		}
	}
}

// FuzzParse parses any file. A key that is found must survive being written and read
// again.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.pem", "testdata/refused/*.pem"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			f.Fatalf("%s: %d files, %v", pattern, len(names), err)
		}
		for _, name := range names {
			file, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(file, "correct horse")
			if b, _ := pem.Decode(file); b != nil {
				f.Add(b.Bytes, "")
			}
		}
	}
	f.Fuzz(func(t *testing.T, file []byte, passphrase string) {
		const maxIterations = 5000
		for _, file := range [][]byte{file, pem.EncodeToMemory(&pem.Block{Type: typeEncrypted, Bytes: file})} {
			key, err := parse(file, fixed(passphrase), maxIterations)
			if err != nil {
				continue
			}
			again, err := Encrypt(key, []byte("p"), MinIterations, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := Parse(again, fixed("p")); err != nil || !back.Equal(key) {
				t.Errorf("%x becomes %x, %v", key, back, err)
			}
		}
	})
}
