package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/cmd/internal/cli"
)

// dumpText returns the answer of GET /chain for a chain with blocks up to a height, the
// last of which has a transaction.
func dumpText(t testing.TB, p rules.Params, height int) string {
	t.Helper()
	b := rulestest.NewBranch(p)
	for b.Height < int64(height)-1 {
		b.Grow(10)
	}
	b.Grow(10, rulestest.MakeTx(t, "in the last block"))
	header, coinbase := p.Genesis()
	var texts []string
	for _, bl := range append([]block.Block{{Header: header, Coinbase: coinbase}}, b.Blocks...) {
		text, err := bl.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return fmt.Sprintf(`{"length":%d,"chain":[%s],"peers":[]}`+"\n", len(texts), strings.Join(texts, ","))
}

func tutorialParams(t testing.TB, zeros int) rules.Params {
	t.Helper()
	p, err := rules.Tutorial(zeros)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// runLode runs the command and returns its exit status and what it writes.
func runLode(t testing.TB, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = run(t.Context(), args, cli.Std{In: strings.NewReader(stdin), Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

func writeFile(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestVerifyDump checks what lode verify says of a node's chain.
func TestVerifyDump(t *testing.T) {
	whole := dumpText(t, tutorialParams(t, 1), 20)
	file := writeFile(t, "chain.json", []byte(whole))
	for name, tc := range map[string]struct {
		stdin string
		args  []string
		code  int
		want  []string // in standard output or, if the status is not 0, in standard error
	}{
		"a file":                                 {"", []string{file}, 0, []string{"blocks        21, heights 0 to 20\n", "form          a chain dump of a node\n", "network       tutorial\n", "difficulty    follows the rule\n", "transactions  1, 0 of them signed\n"}},
		"standard input":                         {whole, nil, 0, []string{"heights 0 to 20"}},
		"compressed":                             {string(gzipped(t, whole)), []string{"-"}, 0, []string{"a chain dump of a node, in gzip"}},
		"with retarget":                          {"", []string{"--retarget", "--network", "tutorial", "--height", "0", file}, 0, []string{"follows the rule"}},
		"repeated":                               {"", []string{file, file}, 0, []string{"repeated      21 blocks"}},
		"the last one is missing":                {strings.Replace(whole, `"length":21`, `"length":23`, 1), nil, 0, []string{"missing       2 blocks at the end: the node's chain had 23"}},
		"tampered":                               {strings.Replace(whole, "in the last block", "in the last bl0ck", 1), nil, 1, []string{"lode: standard input: block 20: transactions[0]: bad-txnmrklroot: "}},
		"cut off":                                {whole[:len(whole)/2], nil, 1, []string{"truncated: the stream ends inside a JSON value"}},
		"a cut stream":                           {string(gzipped(t, whole)[:300]), nil, 1, []string{"the compressed file is cut off"}},
		"another network":                        {"", []string{"--network", "lab", file}, 1, []string{"block 0: wrong-genesis: this is the genesis of the network tutorial, not of lab"}},
		"no network":                             {"", []string{"--network", "main", file}, 2, []string{"--network: this is the chain of a node, so want tutorial, lab or a file"}},
		"another height":                         {"", []string{"--height", "7", file}, 2, []string{"begins at another height than was stated: at 0, not at 7"}},
		"of a network whose rules are in a file": {dumpText(t, rulestest.Easy(), 3), nil, 2, []string{"of the network easy, whose rules are in a file: state it with --network"}},
		"no blocks":                              {`{"length":21,"chain":[],"peers":[]}`, nil, 1, []string{"holds no blocks"}},
	} {
		code, out, errs := runLode(t, tc.stdin, append([]string{"verify"}, tc.args...)...)
		text := out
		if tc.code != 0 {
			text = errs
		}
		for _, want := range tc.want {
			if code != tc.code || !strings.Contains(text, want) {
				t.Errorf("%s: exit status %d, %q; want %d and %q", name, code, text, tc.code, want)
			}
		}
	}
}

// TestImport takes the chain of a node, as it answers it, whole and in pages, to other
// nodes. All must then answer the same.
func TestImport(t *testing.T) {
	const height = 1100
	text := dumpText(t, tutorialParams(t, 0), height)
	packed := writeFile(t, "chain.json.gz", gzipped(t, text))
	easy := []string{"--difficulty", "0"}
	data := t.TempDir()
	one := startNode(t, data, append(easy, "--import", packed)...)
	if got := one.height(t); got != height {
		t.Fatalf("height %d, want %d", got, height)
	}
	chainOf := func(p *process, query string) string {
		status, answer, err := p.call(t.Context(), http.MethodGet, "/chain"+query, "")
		if err != nil || status != http.StatusOK {
			t.Fatalf("/chain%s: %d %v", query, status, err)
		}
		return string(answer)
	}
	whole := chainOf(one, "")
	flags := easy
	var pages []string
	for _, query := range []string{"?limit=300", "?from=200&limit=500", "?from=700", "?from=5000"} {
		page := writeFile(t, "page.json", []byte(chainOf(one, query)))
		pages = append(pages, page)
		flags = append(flags, "--import", page)
	}
	two := startNode(t, t.TempDir(), flags...)
	if got := chainOf(two, ""); got != whole {
		t.Errorf("the second node has another chain: %d bytes, want %d", len(got), len(whole))
	}
	code, out, errs := runLode(t, "", append([]string{"verify"}, pages...)...)
	if code != 0 || !strings.Contains(out, "blocks        1101, heights 0 to 1100\n") || !strings.Contains(out, "repeated      100 blocks") {
		t.Errorf("verify: %d, %s%s", code, out, errs)
	}

	// A restart with the same flag changes nothing.
	one.stop(t, syscall.SIGTERM)
	one = startNode(t, data, append(easy, "--import", packed)...)
	if got := chainOf(one, ""); got != whole {
		t.Error("the same import again changed the chain")
	}
	one.stop(t, syscall.SIGTERM)
	if !strings.Contains(one.log.String(), "new=0 known=1101 height=1100") {
		t.Errorf("log: %s", one.log)
	}

	for name, tc := range map[string]struct {
		text  string
		flags []string
		want  string
	}{
		"another network":    {text, []string{"--network", "lab"}, "wrong-genesis: this is the genesis of the network tutorial, not of lab; nothing was kept"},
		"another difficulty": {text, []string{"--difficulty", "3"}, "block 1: bits: bad-diffbits: bits 2100ffff, want 1f0fffff: the dump is of a tutorial network with difficulty 0; the blocks before it, up to height 0, were kept: 0 new ones and 1 that the node had already"},
		"tampered":           {strings.Replace(text, "in the last block", "in the last bl0ck", 1), easy, "block 1100: transactions[0]: bad-txnmrklroot: "},
		"what is kept":       {strings.Replace(text, "in the last block", "in the last bl0ck", 1), easy, "up to height 1099, were kept: 1099 new ones and 1 that"},
		"no chain":           {"hello", easy, "is no chain of a node: want what GET /chain answers"},
		"cut off":            {text[:len(text)/2], easy, "truncated: the stream ends inside a JSON value; the blocks before it"},
	} {
		p, err := tryNode(t.TempDir(), append(tc.flags, "--import", writeFile(t, "bad.json", []byte(tc.text)))...)
		if err == nil {
			p.kill()
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) || p != nil && p.cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	if _, err := tryNode(t.TempDir(), "--import", "missing.json"); err == nil || !strings.Contains(err.Error(), "--import: open missing.json: no such file") {
		t.Errorf("a missing file: %v", err)
	}
}
