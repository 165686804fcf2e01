package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestStratumCheck checks the node's server. The check may search for a share for 20 s. Its
// difficulty is one that the slowest kernel of a busy machine meets in a part of that, and
// hard enough that the check's bad shares do not meet it by chance.
func TestStratumCheck(t *testing.T) {
	_, pool := startStratumNode(t, "--difficulty", "5")
	var out, errs bytes.Buffer
	code := runForTest(t, &out, &errs, "stratum-check", pool, "--workers", "1")
	if code != 0 || strings.Contains(out.String(), "FAIL") || !strings.Contains(out.String(), "ok    a good share is accepted") {
		t.Errorf("exit status %d\n%s%s", code, out.String(), errs.String())
	}
}

// TestStratumCheckEncrypted checks the node's server over TLS, with a certificate of its
// own. Without this certificate it is not trusted, and the error says which flag helps; with
// another one, it says which file does not fit.
func TestStratumCheckEncrypted(t *testing.T) {
	cert, key, _ := certificate(t)
	other, _, _ := certificate(t)
	_, pool := startStratumNode(t, "--difficulty", "5", "--stratum-cert", cert, "--stratum-key", key)
	pool = strings.Replace(pool, "stratum+tcp", "stratum+ssl", 1)
	for _, test := range []struct {
		flags []string
		code  int
		out   string
	}{
		{[]string{pool, "--cert", cert}, 0, "ok    a good share is accepted"},
		{[]string{pool}, 1, "if this is the pool's own certificate, name its file with --cert"},
		{[]string{pool, "--cert", other}, 1, "the pool's certificate is not in " + other},
		{[]string{pool, "--cert", key}, 2, "contains no certificate in PEM"},
		{[]string{pool, "--cert", filepath.Join(t.TempDir(), "none.pem")}, 2, "--cert: open "},
		{[]string{strings.Replace(pool, "stratum+ssl", "stratum+tcp", 1), "--cert", cert}, 2, "write its address as " + pool},
		{[]string{pool, "--cert", cert, "--key", key}, 2, "give --cert alone"},
		{[]string{"--listen", "127.0.0.1:0", "--cert", cert}, 2, "--cert and --key need each other"},
		{[]string{"--listen", "127.0.0.1:0", "--cert", cert, "--key", cert}, 2, "--cert and --key: "},
	} {
		var all bytes.Buffer
		code := runForTest(t, &all, &all, append([]string{"stratum-check", "--workers", "1"}, test.flags...)...)
		if code != test.code || !strings.Contains(all.String(), test.out) {
			t.Errorf("%v: exit status %d, want %d and %q:\n%s", test.flags, code, test.code, test.out, all.String())
		}
	}
}

// TestStratumCheckOfMiner checks lode mine, as processes of their own, and over TLS as well.
func TestStratumCheckOfMiner(t *testing.T) {
	cert, key, _ := certificate(t)
	t.Run("plain", func(t *testing.T) { checkMiner(t, "stratum+tcp", nil, nil) })
	t.Run("TLS", func(t *testing.T) {
		checkMiner(t, "stratum+ssl", []string{"--cert", cert, "--key", key}, []string{"--cert", cert})
	})
}

// checkMiner runs a check with the given flags, and lode mine with its own.
func checkMiner(t *testing.T, scheme string, flags, minerFlags []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	errs := &syncBuffer{}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args = append([]string{"lode", "stratum-check", "--listen", "127.0.0.1:0", "--difficulty", "0.00001", "--wait", "5m"}, flags...)
	cmd.Stdout, cmd.Stderr = &out, errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }() // if the test fails before it has ended
	var pool string
	eventually(t, "the check waits for a miner", func() bool {
		if found := regexp.MustCompile(`waiting for a miner on (\S+)\n`).FindStringSubmatch(errs.String()); found != nil {
			pool = found[1]
		}
		return pool != ""
	})
	if !strings.HasPrefix(pool, scheme+"://") {
		t.Errorf("the check waits on %s, want %s", pool, scheme)
	}
	m := startMinerProcess(t, append([]string{pool, "-u", "w", "--workers", "1"}, minerFlags...)...)
	_ = cmd.Wait() // the state says how it ended
	if !cmd.ProcessState.Success() || strings.Contains(out.String(), "FAIL") {
		t.Errorf("%v\n%s%s\n%s", cmd.ProcessState, out.String(), errs, m.log)
	}
	for _, what := range []string{"the hash meets the difficulty of its job", "versions are rolled where that was granted", "client.reconnect to another host is not obeyed"} {
		if !strings.Contains(out.String(), "ok    "+what) {
			t.Errorf("nothing about %q:\n%s", what, out.String())
		}
	}
}

func runForTest(t *testing.T, out, errs io.Writer, args ...string) int {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args = append([]string{"lode"}, args...)
	cmd.Stdout, cmd.Stderr = out, errs
	_ = cmd.Run() // the state says how it ended
	return cmd.ProcessState.ExitCode()
}
