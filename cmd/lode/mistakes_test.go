package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/cmd/internal/cli/clitest"
)

// TestExitStatuses checks that the same kind of mistake has the same exit status with
// every command: 2 if the command line is wrong, which a user can tell without looking
// at anything else, and 1 if the command line is right but what it names cannot be used
// or the answer is no.
func TestExitStatuses(t *testing.T) {
	clitest.UnsetSettings(t)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	words := writeFile(t, "words.txt", []byte("hello\n"))
	const header = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000"
	ended, cancel := context.WithCancel(t.Context())
	cancel() // a node that does start ends at once
	node := func(flags ...string) []string {
		return append([]string{"node", "--listen", "127.0.0.1:0", "--data", in("data")}, flags...)
	}
	for _, tc := range []struct {
		want int
		args [][]string
	}{
		{0, [][]string{
			{}, {"help"}, {"--help"}, {"-h"}, {"version"}, {"--version"}, {"-v"},
			{"help", "node"}, {"help", "key", "new"}, {"node", "--help"}, {"key", "--help"}, {"completion", "bash"}, {"completion", "zsh"}, {"completion", "fish"},
			{"key", "new", in("key.pem")}, {"key", "show", in("key.pem")}, {"key", "import", in("key.pem"), in("copy.pem")}, {"grind", header},
		}},
		{cli.ExitUsage, [][]string{ // an unknown command, flag or value; something missing, or too much
			{"dig"}, {"key"}, {"key", "dig"}, {"help", "dig"}, {"--edition"}, {"report"}, {"completion"}, {"completion", "tcsh"},
			{"node", "--x"}, {"post", "--x"}, {"key", "new", "--x"}, {"key", "import"}, {"key", "import", words, in("new.pem"), "--plain", "--passphrase"}, {"grind", "--x"}, {"verify", "--x"}, {"kernels", "--x"}, {"bench", "--x"}, {"version", "--x"},
			{"node", "x"}, {"kernels", "x"}, {"bench", "x"}, {"version", "x"}, {"key", "show", "x", "y"}, {"grind", header, header},
			{"grind"}, {"post"}, {"post", "--author", "a"}, {"post", "x"},
			node("--workers", "0"), node("--workers", "-3"), node("--workers", "many"), node("--workers", "99999"),
			{"grind", "--workers", "0", header}, {"grind", "--workers", "-3", header}, {"grind", "--workers", "99999", header},
			node("--kernel", "gpu"), {"grind", "--kernel", "gpu", header}, {"kernels", "--kernel", "gpu"},
			node("--peer", "junk"), node("--peer", "8001"), node("--peer", "ftp://a:1"), node("--advertise", "http://224.0.0.1:1"), node("--tag", strings.Repeat("x", 99)),
			node("--listen", "8000"), node("--listen", "localhost"), node("--listen", "http://127.0.0.1:8000"), node("--listen", "127.0.0.1:99999"), node("--listen", "::1"), node("--listen", "127.0.0.1:"),
			node("--stratum", "3333"), node("--stratum", "a b:1"), node("--stratum-only"), {"mine"}, {"mine", "pool.example:3333"}, {"stratum-check"}, {"health", "--x"},
			node("--difficulty", "99"), node("--difficulty", "-1"), node("--difficulty", "2", "--network", "lab"), node("--mine", "never"), node("--network", "moon"), node("--ban-time", "1"),
			{"post", "--author", "a", "--node", "8000", "x"}, {"post", "--author", "a", "--field", "author=b", "x"},
			{"verify", "--network", "moon", words}, {"verify", "-", words}, {"verify", "--height", "-1", words},
			{"bench", "--time", "-1s"}, {"bench", "--time", "long"}, {"bench", "--only", "("}, {"bench", "--out", "here"},
		}},
		{cli.ExitFailed, [][]string{
			{"key", "new", in("key.pem")}, {"key", "new", in("no/key.pem")}, {"key", "show", in("missing")}, {"key", "show", words}, {"key", "import", words, in("new.pem")}, {"key", "import", in("key.pem"), in("key.pem")},
			{"post", "--author", "a", "--node", "http://127.0.0.1:1", "x"}, {"post", "--author", "a", "--key", words, "x"}, {"post", "--author", "a", "--key", in("missing"), "x"},
			{"verify", in("missing")}, {"verify", words}, {"verify", dir}, {"grind", "00"}, {"grind", "zz"}, {"grind", header[:144] + "0000000000000000"},
			node("--import", in("missing")), node("--import", words), node("--data", words), node("--listen", "192.0.2.1:0"), node("--stratum", "192.0.2.1:0"),
		}},
	} {
		for _, args := range tc.args {
			var out, errs strings.Builder
			ctx := ended
			if tc.want == 0 {
				ctx = t.Context()
			}
			code := run(ctx, args, cli.Std{In: strings.NewReader(""), Out: &out, Err: &errs})
			if code != tc.want {
				t.Errorf("lode %s: exit status %d, want %d: %s", strings.Join(args, " "), code, tc.want, errs.String())
			}
			if tc.want != 0 && (out.Len() > 0 || !strings.Contains(errs.String(), "lode: ")) {
				t.Errorf("lode %s: standard output %q, standard error %q", strings.Join(args, " "), out.String(), errs.String())
			}
		}
	}
}

// TestMistakes checks that the commonest mistakes get the sentence that helps.
func TestMistakes(t *testing.T) {
	clitest.UnsetSettings(t)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(in("gone"), in("link")); err != nil {
		t.Fatal(err)
	}
	for flags, want := range map[string]string{
		"--listen 8000":                   "--listen=8000: want HOST:PORT, such as 127.0.0.1:8000, or 0.0.0.0:8000 for every address",
		"--stratum 3333":                  "--stratum=3333: want HOST:PORT, such as 127.0.0.1:3333, or 0.0.0.0:3333 for every address",
		"--stratum 192.0.2.1:0":           "--stratum 192.0.2.1:0: this machine has no such address",
		"--listen localhost":              "--listen=localhost: want HOST:PORT, such as localhost:8000",
		"--listen http://127.0.0.1:8000/": "want HOST:PORT, without a scheme: 127.0.0.1:8000 ",
		"--listen 127.0.0.1:80000":        `"80000" is no port: 0 to 65535`,
		"--listen ::1":                    "with brackets around an IPv6 address: [::1]:8000",
		"--listen 192.0.2.1:0":            "--listen 192.0.2.1:0: this machine has no such address",
		"--peer junk":                     `--peer: "junk": want http://HOST:PORT, such as`,
		"--peer 8001":                     "for a node on this machine http://127.0.0.1:8001",
		"--workers 0":                     `--workers: "0": want 1 to 4096; leave the flag out for one worker for each core`,
		"--workers -3":                    `--workers: "-3": want 1 to 4096`,
		"--data " + in("file"):            "file: this is a file, want a folder",
		"--data " + in("file/sub"):        "file is a file, want a folder",
		"--data " + in("link"):            "link is a link to " + in("gone") + ", which does not exist: make that folder, or remove the link",
		"--data " + in("link/sub"):        "link is a link to",
		"--dta x":                         `unknown flag --dta, did you mean one of "--data", "--tag"? (lode node --help tells more)`,
	} {
		args := append([]string{"node", "--listen", "127.0.0.1:0", "--data", in("data")}, strings.Fields(flags)...)
		if code, out, errs := runLode(t, "", args...); code == 0 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("lode node %s: exit status %d, %q; want %q", flags, code, errs, want)
		}
	}
	if _, err := os.Lstat(in("gone")); err == nil {
		t.Error("the folder behind the link was made")
	}

	// Missing folders above the data folder are made.
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the node ends as soon as it has started
	var out, errs strings.Builder
	if code := run(ctx, []string{"node", "--listen", "127.0.0.1:0", "--data", in("a/b/c")}, cli.Std{Out: &out, Err: &errs}); code != 0 {
		t.Errorf("missing parents: %s", errs.String())
	}
	if _, err := os.Stat(in("a/b/c/chain.db")); err != nil {
		t.Error(err)
	}
}

// TestPortTaken checks that a node says who has its port: another node, or another
// program.
func TestPortTaken(t *testing.T) {
	p := startNode(t, t.TempDir())
	listen := strings.TrimPrefix(p.url, "http://")
	who := "another program"
	if runtime.GOOS == "linux" {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		who = fmt.Sprintf("%s (process %d)", strings.TrimSpace(string(name)), p.cmd.Process.Pid)
	}
	// Whether the other node answers in time depends on the machine, so that part of the
	// sentence is left out here; TestStatusTellsANode waits for the answer.
	code, _, errs := runLode(t, "", "node", "--listen", listen, "--data", t.TempDir())
	errs = strings.Replace(errs, " (a node of Lode answers there)", "", 1)
	want := fmt.Sprintf("lode: --listen %s: the port is taken by %s: stop that, or choose another port with --listen %s\n", listen, who, nextPort(listen))
	if code != cli.ExitFailed || !strings.HasSuffix(errs, want) {
		t.Errorf("exit status %d, %q, want %q", code, errs, want)
	}

	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := make(chan struct{})
	go func() { // a program that answers nothing
		defer close(silent)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	if code, _, errs := runLode(t, "", "node", "--listen", l.Addr().String(), "--data", t.TempDir()); code != cli.ExitFailed || !strings.Contains(errs, "the port is taken by ") || strings.Contains(errs, "node of Lode") {
		t.Errorf("exit status %d, %q", code, errs)
	}
	stratum := fmt.Sprintf("--stratum %s: the port is taken by ", l.Addr())
	if code, _, errs := runLode(t, "", "node", "--listen", "127.0.0.1:0", "--stratum", l.Addr().String(), "--data", t.TempDir()); code != cli.ExitFailed || !strings.Contains(errs, stratum) {
		t.Errorf("exit status %d, %q, want %q", code, errs, stratum)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	<-silent
}

// TestStatusTellsANode checks that the fields by which a port is recognised as that of
// a node are in its status.
func TestStatusTellsANode(t *testing.T) {
	p := startNode(t, t.TempDir())
	var status map[string]json.RawMessage
	p.getJSON(t, "/status", &status)
	if len(status["chainwork"]) == 0 || !isNode(t.Context(), strings.TrimPrefix(p.url, "http://")) {
		t.Errorf("%v", status)
	}
}
