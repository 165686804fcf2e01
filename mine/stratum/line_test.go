package stratum

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
)

// The line that is written without JSON's package is the one that this package writes,
// whatever the job is called and however long its parts are.
func TestAppendLine(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	some := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	names := []string{"", "1", "7fffffffffffffff", `"`, `\`, "a b", "<&>", "\n", "\x7f", "\x80", "é", "日本", "\u2028", strings.Repeat("x", maxJob)}
	for i, name := range names {
		n := Notify{
			Job: name, Prev: pow.Hash(some(pow.HashSize)), Coinbase1: some(i * 7), Coinbase2: some(i * 5),
			Version: int32(random.Uint32()), Bits: pow.Bits(random.Uint32()), Time: random.Uint32(), Clean: i%2 == 0,
		}
		for range i % 4 {
			n.Branch = append(n.Branch, pow.Hash(some(pow.HashSize)))
		}
		want := string(n.Message().Line())
		if got := string(n.AppendLine([]byte("before "))); got != "before "+want {
			t.Errorf("%q:\n got %s\nwant before %s", name, got, want)
		}
	}
}

// BenchmarkNotifyLine is what the line of a job costs a server for each session.
func BenchmarkNotifyLine(b *testing.B) {
	n := Notify{
		Job: "1f", Coinbase1: make([]byte, 60), Coinbase2: make([]byte, 80), Branch: make([]pow.Hash, 8),
		Version: 0x20000000, Bits: 0x1d00ffff, Time: 1700000000, Clean: true,
	}
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line = n.AppendLine(line[:0])
	}
	b.SetBytes(int64(len(line)))
}
