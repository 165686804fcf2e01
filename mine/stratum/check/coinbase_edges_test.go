package check

import (
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
)

// TestFirstJobThatIsNoWork checks that a job of height 1 that nobody can mine, because its
// branch is too long, is judged by the hash of its parent like any other job.
func TestFirstJobThatIsNoWork(t *testing.T) {
	p := goodPool()
	p.job[2] = `"` + coinbaseBegin + "0951" + `"` // the height, and 8 bytes for the extranonce
	p.job[4] = "[" + strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("00", pow.HashSize)+`",`, 33), ",") + "]"
	report, _ := checkPool(t, p, nil)
	if !strings.Contains(report, "\nok    "+whatParent+": 00000001baadf00d") {
		t.Errorf("the report does not say that the parent is right:\n%s", report)
	}
}

// TestCoinbaseWithoutExtranonce checks that the first part of a coinbase must contain the
// length of the script, even where the extranonce has no bytes.
func TestCoinbaseWithoutExtranonce(t *testing.T) {
	p := goodPool()
	p.subscribe = `{"id":ID,"result":[[["mining.notify","1"]],"",0],"error":null}`
	p.job[2], p.job[3] = `"`+coinbaseBegin+`"`, `"0403a08601`+coinbaseEnd+`"`
	report, _ := checkPool(t, p, nil)
	if !strings.Contains(report, "\nFAIL  the coinbase is a transaction whose script holds the extranonce: a script of 4 bytes") {
		t.Errorf("the report does not say that the script begins too late:\n%s", report)
	}
}
