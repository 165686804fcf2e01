package headers

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

// verifyBatches does what verifyStream does with batches.
func verifyBatches(r io.Reader, c Config) (s Summary, where string, err error) {
	reader := NewReader(r)
	v := NewVerifier(c)
	var b Batch
	for {
		end := b.Read(reader)
		kept, err := v.AddAll(b.Headers())
		if err != nil {
			where, _ = b.Where(kept)
			return v.Summary(), where, err
		}
		if errors.Is(end, io.EOF) {
			return v.Summary(), "", nil
		}
		if end != nil {
			return v.Summary(), reader.Where(), end
		}
	}
}

// A stream is judged the same in batches as header by header: at any length, and with a
// fault at any place of a batch.
func TestBatches(t *testing.T) {
	lines := strings.SplitAfter(strings.TrimSpace(testnet3(t)), "\n")
	compare := func(what, text string) {
		t.Helper()
		want, errWant := verifyStream(strings.NewReader(text), Config{Retarget: true})
		got, where, err := verifyBatches(strings.NewReader(text), Config{Retarget: true})
		if got.Headers != want.Headers || got.Best != want.Best || len(got.Side) != len(want.Side) {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
		if errWant == nil {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
			return
		}
		if err == nil || err.Error() != errWant.Error() {
			t.Errorf("%s: error %v, want %v", what, err, errWant)
		}
		if want := int(want.Headers); want < len(lines) && where != "line "+strconv.Itoa(want+1) {
			t.Errorf("%s: the fault is at %s, want line %d", what, where, want+1)
		}
	}
	for _, n := range []int{0, 1, 2, 3, 4, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, len(lines)} {
		compare("beginning of length "+strconv.Itoa(n), strings.Join(lines[:n], ""))
	}
	for _, at := range []int{2, 3, 62, 63, 64, 65, 127, 128, 300, len(lines) - 1} {
		broken := append([]string{}, lines...)
		broken[at] = strings.Replace(broken[at], broken[at][150:152], "zz", 1)
		compare("no hex in line "+strconv.Itoa(at+1), strings.Join(broken, ""))
		broken[at] = lines[at][:100] + flip(lines[at][100]) + lines[at][101:]
		compare("another root in line "+strconv.Itoa(at+1), strings.Join(broken, ""))
		compare("without line "+strconv.Itoa(at+1), strings.Join(lines[:at], "")+strings.Join(lines[at+1:], ""))
	}
}

func flip(digit byte) string {
	if digit == '0' {
		return "1"
	}
	return "0"
}

// AddAll keeps the headers before the one with a fault, and can go on after it.
func TestAddAllGoesOn(t *testing.T) {
	r := NewReader(strings.NewReader(testnet3(t)))
	var all []pow.Header
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	v := NewVerifier(Config{})
	bad := all[200]
	bad.Nonce++
	stream := append(append(append([]pow.Header{}, all[:200]...), bad), all[200:]...)
	kept, err := v.AddAll(stream)
	if kept != 200 || !errors.Is(err, reject.HighHash) || v.Summary().Headers != 200 {
		t.Fatalf("%d headers were kept, %d counted: %v", kept, v.Summary().Headers, err)
	}
	kept, err = v.AddAll(stream[201:])
	if err != nil || kept != len(all)-200 || v.Summary().Headers != uint64(len(all)) {
		t.Errorf("%d more headers were kept, %d in all: %v", kept, v.Summary().Headers, err)
	}
}
