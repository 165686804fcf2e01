package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/cmd/internal/cli/clitest"
)

// lodeOut runs a command that must succeed, with some standard input, and returns what it
// prints on standard output and on standard error.
func lodeOut(t *testing.T, in string, args ...string) (out, errs string) {
	t.Helper()
	var stdout, stderr strings.Builder
	if code := run(t.Context(), args, cli.Std{In: strings.NewReader(in), Out: &stdout, Err: &stderr}); code != 0 {
		t.Fatalf("lode %v: exit status %d: %s", args, code, stderr.String())
	}
	return strings.TrimSpace(stdout.String()), stderr.String()
}

// lodeFails runs a command that must fail with exit status 1, and returns its error.
func lodeFails(t *testing.T, in string, args ...string) string {
	t.Helper()
	var stdout, stderr strings.Builder
	if code := run(t.Context(), args, cli.Std{In: strings.NewReader(in), Out: &stdout, Err: &stderr}); code != cli.ExitFailed || stdout.Len() > 0 {
		t.Errorf("lode %v: exit status %d, want %d; standard output %q", args, code, cli.ExitFailed, stdout.String())
	}
	return stderr.String()
}

// TestKeyPassphrase makes an encrypted key, shows it, copies it in both directions and
// signs with it.
func TestKeyPassphrase(t *testing.T) {
	clitest.UnsetSettings(t)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	passphrase := writeFile(t, "passphrase", []byte("correct horse\r\nthis line does not count\n"))

	public, said := lodeOut(t, "", "key", "new", in("key.pem"), "--passphrase-file", passphrase)
	if len(public) != 64 || !strings.Contains(said, "key.pem, encrypted, and nowhere else") {
		t.Errorf("key new prints %q and %q", public, said)
	}
	file, err := os.ReadFile(in("key.pem"))
	if err != nil || !strings.HasPrefix(string(file), "-----BEGIN ENCRYPTED PRIVATE KEY-----") {
		t.Errorf("the file is %q, %v", file, err)
	}
	for stdin, flag := range map[string]string{"": passphrase, "correct horse": "-", "correct horse\n": "-"} {
		if got, _ := lodeOut(t, stdin, "key", "show", in("key.pem"), "--passphrase-file", flag); got != public {
			t.Errorf("key show prints %q, want %q", got, public)
		}
	}

	// Copies: encrypted with the same passphrase, not encrypted, and encrypted again.
	if got, said := lodeOut(t, "", "key", "import", in("key.pem"), in("copy.pem"), "--passphrase-file", passphrase); got != public || !strings.Contains(said, "copy.pem, encrypted, a copy of "+in("key.pem")) {
		t.Errorf("key import prints %q and %q", got, said)
	}
	if got, said := lodeOut(t, "", "key", "import", in("copy.pem"), in("plain.pem"), "--passphrase-file", passphrase, "--plain"); got != public || strings.Contains(said, "encrypted") {
		t.Errorf("key import --plain prints %q and %q", got, said)
	}
	if got, _ := lodeOut(t, "", "key", "show", in("plain.pem")); got != public {
		t.Errorf("the copy that is not encrypted has the public key %q", got)
	}
	lodeOut(t, "another one", "key", "import", in("plain.pem"), in("again.pem"), "--passphrase-file", "-")
	if got, _ := lodeOut(t, "another one", "key", "show", in("again.pem"), "--passphrase-file", "-"); got != public {
		t.Errorf("the copy that is encrypted again has the public key %q", got)
	}

	t.Setenv("LODE_PASSPHRASE_FILE", passphrase)
	p := startNode(t, t.TempDir(), "--difficulty", "1")
	lodeOut(t, "", "post", "--node", p.url, "--author", "ann", "--key", in("key.pem"), "signed with a passphrase")
	var pending []struct {
		PublicKey string `json:"public_key"`
	}
	p.getJSON(t, "/pending_tx", &pending)
	if len(pending) != 1 || pending[0].PublicKey != public {
		t.Errorf("%+v, want one that %s signed", pending, public)
	}
}

// TestKeyMistakes checks the sentences for what goes wrong with keys and passphrases.
func TestKeyMistakes(t *testing.T) {
	clitest.UnsetSettings(t)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	lodeOut(t, "right", "key", "new", in("key.pem"), "--passphrase-file", "-")
	lodeOut(t, "", "key", "new", in("plain.pem"))
	words := writeFile(t, "words", []byte("hello\n"))
	for _, tc := range []struct{ in, args, want string }{
		{"", "key show KEY", "a passphrase is needed, and standard input is no terminal to ask for it: use --passphrase-file"},
		{"", "key new NEW --passphrase", "standard input is no terminal to ask for it"},
		{"wrong", "key show KEY --passphrase-file -", "key.pem: wrong passphrase, or the file is damaged"},
		{"wrong", "key import KEY NEW --passphrase-file -", "key.pem: wrong passphrase, or the file is damaged"},
		{"wrong", "post --author ann --key KEY --passphrase-file - x", "key.pem: wrong passphrase"},
		{"\nright", "key show KEY --passphrase-file -", "--passphrase-file -: the first line is empty"},
		{"", "key new NEW --passphrase-file -", "--passphrase-file -: the first line is empty"},
		{strings.Repeat("x", 1025) + "\n", "key new NEW --passphrase-file -", "--passphrase-file -: the first line is longer than 1024 bytes"},
		{"", "key new NEW --passphrase-file MISSING", "no such file"},
		{"", "key import WORDS NEW", "words holds no private key in PEM: make one with lode key new"},
		{"", "key import MISSING NEW", "no such file"},
		{"", "key import PLAIN KEY", "key.pem exists: a key is never overwritten, choose another name"},
		{"right", "key new KEY --passphrase-file -", "key.pem exists"},
	} {
		args := strings.Fields(strings.NewReplacer("KEY", in("key.pem"), "PLAIN", in("plain.pem"), "NEW", in("new.pem"), "MISSING", in("missing"), "WORDS", words).Replace(tc.args))
		if got := lodeFails(t, tc.in, args...); !strings.Contains(got, tc.want) && (tc.want != "no such file" || !strings.Contains(got, "cannot find")) {
			t.Errorf("lode %s: %s, want %s", tc.args, got, tc.want)
		}
		if _, err := os.Lstat(in("new.pem")); err == nil {
			t.Fatalf("lode %s has left a file", tc.args)
		}
	}
	var stderr strings.Builder
	if code := run(t.Context(), []string{"key", "import", in("plain.pem"), in("new.pem"), "--plain", "--passphrase"}, cli.Std{Out: &stderr, Err: &stderr}); code != cli.ExitUsage {
		t.Errorf("--plain with --passphrase: exit status %d: %s", code, stderr.String())
	}
}

// TestKeyOfOpenSSL brings a key that the real openssl has made.
func TestKeyOfOpenSSL(t *testing.T) {
	clitest.UnsetSettings(t)
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("NOT TESTED: needs the program openssl")
	}
	dir := t.TempDir()
	for _, args := range [][]string{
		{"genpkey", "-algorithm", "ed25519", "-out", "plain.pem"},
		{"pkcs8", "-topk8", "-in", "plain.pem", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-passout", "pass:s3cret", "-out", "sealed.pem"},
	} {
		cmd := exec.CommandContext(t.Context(), openssl, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
	}
	want, _ := lodeOut(t, "", "key", "show", filepath.Join(dir, "plain.pem"))
	if got, _ := lodeOut(t, "s3cret\n", "key", "import", filepath.Join(dir, "sealed.pem"), filepath.Join(dir, "lode.pem"), "--passphrase-file", "-"); got != want {
		t.Errorf("the public key is %s, want %s", got, want)
	}
	cmd := exec.CommandContext(t.Context(), openssl, "pkey", "-in", "lode.pem", "-passin", "pass:s3cret")
	cmd.Dir = dir
	got, err := cmd.Output()
	if plain, _ := os.ReadFile(filepath.Join(dir, "plain.pem")); err != nil || string(got) != string(plain) {
		t.Errorf("openssl reads %q, %v, want %q", got, err, plain)
	}
}
