package web

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/block"
)

// runNode runs a script of testdata/js with Node.js, with some standard input, and returns
// what it prints. It skips the test if there is no Node.js.
func runNode(t *testing.T, stdin []byte, script string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("NOT TESTED: needs Node.js")
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{filepath.Join("testdata", "js", script)}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", script, err, stderr.String())
	}
	return out
}

// TestLessonCommands runs the commands with which the lessons end, with a real shell, and
// looks for what the pages show in what they print.
func TestLessonCommands(t *testing.T) {
	for _, program := range []string{"bash", "curl", "sed", "sha256sum"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT TESTED: needs the program %s", program)
		}
	}
	n := newTestNode(t, testSetup{})
	n.mine(n.post("ann", "hello"), n.post("ben", "a second one"))
	n.mine(n.post("cleo", `quotes " and \ and ' and <b>`))
	server := httptest.NewServer(n.api)
	defer server.Close()

	var commands []struct{ Command, Want string }
	if err := json.Unmarshal(runNode(t, nil, "commands.mjs", server.URL), &commands); err != nil {
		t.Fatal(err)
	}
	if len(commands) != 16 {
		t.Errorf("%d commands, want 16", len(commands))
	}
	for _, c := range commands {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", c.Command)
		cmd.Env = append(os.Environ(), "http_proxy=", "no_proxy=*")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.Want) || strings.Count(string(out), "\n") > 1 {
			t.Errorf("%s\nprints %q, %v, want %q", c.Command, out, err, c.Want)
		}
	}
}

// TestCanonicalInBrowser compares the canonical form that the pages compute with that of
// the node, for thousands of random documents. Both must refuse the same ones.
func TestCanonicalInBrowser(t *testing.T) {
	random := rand.New(rand.NewPCG(14, 8785))
	var stdin bytes.Buffer
	var texts []string
	for len(texts) < 3000 {
		var text strings.Builder
		text.WriteString(`{"timestamp":1700000000.25,"author":"a","content":"b","more":`)
		writeRandom(&text, random, 0)
		text.WriteString("}")
		line, err := json.Marshal(text.String())
		if err != nil {
			t.Fatal(err)
		}
		stdin.Write(append(line, '\n'))
		texts = append(texts, text.String())
	}
	lines := bytes.Split(bytes.TrimSpace(runNode(t, stdin.Bytes(), "canonical.mjs")), []byte("\n"))
	if len(lines) != len(texts) {
		t.Fatalf("%d answers for %d documents", len(lines), len(texts))
	}
	accepted := 0
	for i, text := range texts {
		var got *string
		if err := json.Unmarshal(lines[i], &got); err != nil {
			t.Fatal(err)
		}
		tx, err := block.ParseTx([]byte(text))
		switch {
		case (err == nil) != (got != nil):
			t.Errorf("%s: the page refuses it is %v, the node says %v", text, got == nil, err)
		case err == nil && *got != tx.String():
			t.Errorf("%s: the page says %s, the node %s", text, *got, tx.String())
		case err == nil:
			accepted++
		}
	}
	if accepted < 1000 || accepted > 2950 {
		t.Errorf("%d of %d documents accepted: too one-sided to mean much", accepted, len(texts))
	}
}

// writeRandom writes a random JSON value. The keys of an object differ, because JSON.parse
// does not tell of duplicates.
func writeRandom(w *strings.Builder, random *rand.Rand, depth int) {
	switch kind := random.IntN(9); {
	case kind < 2 && depth < 5:
		w.WriteString("{")
		for i := range random.IntN(6) {
			if i > 0 {
				w.WriteString(", ")
			}
			key := randomString(random)
			w.WriteString(strings.TrimSuffix(key, `"`) + strconv.Itoa(i) + `": `)
			writeRandom(w, random, depth+1)
		}
		w.WriteString("}")
	case kind < 3 && depth < 5:
		w.WriteString("[")
		for i := range random.IntN(4) {
			if i > 0 {
				w.WriteString(" ,")
			}
			writeRandom(w, random, depth+1)
		}
		w.WriteString("]")
	case kind == 3:
		w.WriteString([]string{"null", "true", "false", "-0", "0.0", "1e21", "1e20", "9007199254740991", "9007199254740992", "-9007199254740993", "1E-7", "5e-324"}[random.IntN(12)])
	case kind == 4:
		nest := 20 + random.IntN(16)
		w.WriteString(strings.Repeat("[", nest) + strings.Repeat("]", nest))
	case kind < 7:
		f := math.Float64frombits(random.Uint64())
		if random.IntN(2) == 0 {
			f = random.NormFloat64() * math.Pow(10, float64(random.IntN(30)-15))
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			f = 0
		}
		w.WriteString(strconv.FormatFloat(f, "eg"[random.IntN(2)], -1, 64))
	default:
		w.WriteString(randomString(random))
	}
}

// randomString returns a JSON string with characters of all kinds, some of them escaped.
func randomString(random *rand.Rand) string {
	var s strings.Builder
	s.WriteByte('"')
	for range random.IntN(8) {
		r := []rune{'a', 'Z', '0', ' ', 'é', 'ß', '€', '\u2028', '\ufb33', '\ue000', '\uffff', '😀', '\U00010000', '\U0010ffff', '\x7f', '\u0080'}[random.IntN(16)]
		switch random.IntN(12) {
		case 0:
			s.WriteString([]string{`\n`, `\t`, `\"`, `\\`, `\/`, `\b`, `\f`, `\r`, `\u0000`, `\u001F`, `\u00e9`, `\uD83D\uDE00`}[random.IntN(12)])
		case 1:
			if random.IntN(10) == 0 {
				s.WriteString(`\ud800`) // a lone surrogate
			}
		default:
			s.WriteRune(r)
		}
	}
	return s.String() + `"`
}
