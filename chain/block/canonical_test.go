package block

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// checkFastPath checks that a text that scanJSON calls canonical stays the same when it
// is brought into canonical form. It returns whether scanJSON calls it canonical.
func checkFastPath(t interface{ Fatalf(string, ...any) }, text string) bool {
	_, canonical, err := scanJSON(text, 0)
	if err != nil {
		return false
	}
	rebuilt, err := canonicalize(text)
	if canonical && (err != nil || string(rebuilt) != text) {
		t.Fatalf("%q is taken as canonical, which is %q (%v)", text, rebuilt, err)
	}
	fast, errFast := ParseTx([]byte(text))
	slow, errSlow := newTx(text)
	if fast != slow || (errFast == nil) != (errSlow == nil) || errFast != nil && errFast.Error() != errSlow.Error() {
		t.Fatalf("%q: %v, %v; rebuilt: %v, %v", text, fast, errFast, slow, errSlow)
	}
	return canonical
}

func TestCanonicalIsRecognised(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`:            true,
		`{"a":1,"b":2}`: true,
		`{"b":1,"a":2}`: false,
		`{"a":1,"aa":2,"b":[{"":0},true,false,null,""]}`: true,
		`{"aa":1,"a":2}`:                 false,
		`{"a":{"b":1,"a":2}}`:            false,
		`{"a": 1}`:                       false,
		` {"a":1}`:                       false,
		"{\"a\":1}\n":                    false,
		`{"a":[1, 2]}`:                   false,
		`{"a":0}`:                        true,
		`{"a":-0}`:                       false,
		`{"a":-1}`:                       true,
		`{"a":999999999999999}`:          true,
		`{"a":9007199254740991}`:         true,
		`{"a":1700000000.123456}`:        true,
		`{"a":1700000000.1234560}`:       false,
		`{"a":1.0}`:                      false,
		`{"a":0.000001}`:                 true,
		`{"a":0.0}`:                      false,
		`{"a":-0.5}`:                     true,
		`{"a":1e3}`:                      false,
		`{"a":0.1000000000000000055511}`: false,
		`{"a":"\u0000\u001f\u000b"}`:     true,
		`{"a":"\u001F"}`:                 false,
		`{"a":"\u000a"}`:                 false,
		`{"a":"\n\t\r\f\b\"\\"}`:         true,
		`{"a":"\/"}`:                     false,
		`{"a":"\u007f"}`:                 false,
		`{"a":"é😂"}`:                     true,
		`{"a":"\u00e9"}`:                 false,
		`{"a":"\ud83d\ude02"}`:           false,
		`{"z":1,"é":2}`:                  true,
		`{"😂":1,"\uffff":2}`:             false,
		"{\"😂\":1,\"\uffff\":2}":         false, // canonical, but inOrder does not recognize such rare keys
		"{\"\uffff\":1,\"😂\":2}":         false,
	} {
		if got := checkFastPath(t, text); got != want {
			t.Errorf("%s: taken as canonical %v, want %v", text, got, want)
		}
	}
}

// The transactions that NewTx makes are recognized as canonical when they are parsed
// again.
func TestCanonicalFormsAreRecognised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		post := fmt.Appendf(nil, `{"content":%s,"author":%s,"n":%s}`,
			strconv.Quote("x"+rapid.StringMatching(`[ -!#-\[\]-~é\x{4e00}-\x{9fff}]*`).Draw(t, "content")),
			`"ann"`, strconv.FormatFloat(rapid.Float64Range(1e-6, 1e20).Draw(t, "n"), 'f', -1, 64))
		tx, err := NewTx(post, testTime)
		if err != nil {
			t.Skip(err)
		}
		if !checkFastPath(t, tx.String()) {
			t.Fatalf("%s is not recognised", tx)
		}
	})
}

func TestNumbersInCanonicalForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		literal := strconv.FormatFloat(f, rapid.SampledFrom([]byte("feg")).Draw(t, "format"), rapid.IntRange(-1, 20).Draw(t, "digits"), 64)
		checkFastPath(t, `{"a":`+literal+`}`)
	})
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		`{"author":"a","content":"b","timestamp":1700000000.123456}`,
		`{"a":"\u001f\n\/","b":[{"c":0.1,"d":-0},1e21,123456789012345.6]}`,
		`{"a":"é😂\ud83d\ude02","é":"\u007f"}`,
		`{"author":"a","content":"b","public_key":"` + strings.Repeat("0", 64) + `","signature":"` + strings.Repeat("0", 128) + `","timestamp":1}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkFastPath(t, text) })
}
