package block

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCheckJSONAccepts(t *testing.T) {
	for _, text := range []string{
		`{}`,
		" \t\r\n{ } \n",
		`{"":""}`,
		`{"a":{"a":1},"b":[{"a":1},{"a":2}]}`,
		`{"a":"\"\\\/\b\f\n\r\t\u0000"}`,
		`{"a":"` + "\x7f\u2028\uffff\U0010ffff" + `"}`,
		`{"a":"\ud83d\ude02\uDBFF\uDFFF"}`,
		`{"a":"\ufffd\ufffe"}`,
		`{"A":1,"a":2}`,
		`{"e\u0301":1,"\u00e9":2}`, // no Unicode normalization, as in RFC 8785
		`{"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`,
	} {
		if _, err := checkJSON(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCheckJSONRefuses(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{``, `byte 0: the text ends, want an object`},
		{`[]`, `byte 0: unexpected '[', want an object`},
		{"\ufeff{}", `byte 0: unexpected '\ufeff', want an object`},
		{"\xff{}", `byte 0: invalid UTF-8, want an object`},
		{"\x00{}", `byte 0: unexpected '\x00', want an object`},
		{`{`, `byte 1: the text ends, want a key in double quotes`},
		{`{"a"}`, `byte 4: unexpected '}', want a colon`},
		{`{"a":}`, `byte 5: unexpected '}', want a value`},
		{`{"a":1,}`, `byte 7: unexpected '}', want a key in double quotes`},
		{`{"a":1 "b":2}`, `byte 7: unexpected '"', want a comma or '}'`},
		{`{"a":[1}`, `byte 7: unexpected '}', want a comma or ']'`},
		{`{"a":[1,]}`, `byte 8: unexpected ']', want a value`},
		{`{"a":1}{}`, `byte 7: unexpected '{', want nothing after the object`},
		{"{\"a\":1}\x00", `byte 7: unexpected '\x00', want nothing after the object`},
		{`{"a":nul}`, `byte 5: unexpected 'n', want a value`},
		{`{"a":nulll}`, `byte 9: unexpected 'l', want a comma or '}'`},
		{`{"a":"b`, `byte 7: the text ends, want a closing quote`},
		{"{\"a\":\"\n\"}", `byte 6: control character 0x0a in a string`},
		{`{"a":"\x"}`, `byte 7: unexpected 'x', want one of "\/bfnrtu after a backslash`},
		{`{"a":"\`, `byte 7: the text ends, want one of`},
		{`{"a":"\u12g4"}`, `byte 6: want four hex digits`},
		{`{"a":"\u123`, `byte 6: want four hex digits`},

		{`{"a":1,"b":2,"a":3}`, `byte 13: duplicate key "a"`},
		{`{"a":1,"\u0061":3}`, `byte 7: duplicate key "a"`},
		{`{"\ud83d\ude02":1,"😂":3}`, `byte 18: duplicate key "😂"`},
		{`{"\/":1,"/":3}`, `byte 8: duplicate key "/"`},
		{`{"x":[{"":1,"":3}]}`, `byte 12: duplicate key ""`},
		{`{"a":1,"b":{"a":1},"a":2}`, `byte 19: duplicate key "a"`},

		{"{\"a\":\"b\xff\"}", `byte 7: invalid UTF-8`},
		{"{\"a\":\"\xc0\x80\"}", `byte 6: invalid UTF-8`},              // overlong
		{"{\"a\":\"\xed\xa0\x80\"}", `byte 6: invalid UTF-8`},          // a surrogate
		{"{\"a\":\"\xf4\x90\x80\x80\"}", `byte 6: invalid UTF-8`},      // past U+10FFFF
		{"{\"\xe2\x82\":1}", `byte 2: invalid UTF-8`},                  // cut short, in a key
		{"{\"a\":\"" + `\ud800` + "\xed\xb0\x80\"}", `lone surrogate`}, // half escaped
		{`{"a":"\ud800"}`, `byte 6: lone surrogate \ud800`},
		{`{"a":"\udc00\ud800"}`, `byte 6: lone surrogate \udc00`},
		{`{"a":"\ud800\u0041"}`, `byte 6: lone surrogate \ud800`},
		{`{"a":"\uD800\uD800\uDC00"}`, `byte 6: lone surrogate \uD800`},
		{`{"\udfff":1}`, `byte 2: lone surrogate \udfff`},

		{`{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, `byte 36: nested deeper than 32 levels`},
		{strings.Repeat(`{"a":`, 32) + `{}`, `byte 160: nested deeper than 32 levels`},
		{`{"a":` + strings.Repeat("[", 1<<20), `nested deeper than 32 levels`},
	} {
		name := fmt.Sprintf("%.40q", tc.text)
		if _, err := checkJSON(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
}

func TestCheckJSONNumbers(t *testing.T) {
	const (
		beyond = "is beyond ±(2^53-1)"
		large  = "is too large for a double"
		small  = "is too small for a double"
	)
	for _, tc := range []struct{ literal, want string }{
		{"0", ""}, {"-0", ""}, {"-0.0e-999999999999", ""}, {"0e999999999999", ""},
		{"1.0", ""}, {"20e1", ""}, {"999999999999999", ""}, {"1e15", ""},
		{"9007199254740991", ""}, {"-9007199254740991", ""}, {"9007199254740991.0", ""},
		{"9.007199254740991e15", ""},
		{"9007199254740990.7", ""}, // rounds to an integer, as it may
		{"0.1000000000000000055511151231257827", ""},
		{"5e-324", ""}, {"2.2250738585072014e-308", ""},
		{"0." + strings.Repeat("0", 400) + "1e400", ""},

		{"9007199254740992", beyond}, {"-9007199254740992", beyond}, {"9007199254740993", beyond},
		{"9007199254740992.0", beyond}, {"9007199254740992e0", beyond}, {"90071992547409920e-1", beyond},
		{"9007199254740991.5", beyond}, // rounds to 2^53
		{"9007199254740993.5", beyond},
		{"1e16", beyond}, {"1e20", beyond}, {"-1.5e17", beyond},
		{"999999999999999868928e0", beyond}, {"-999999999999999868928.0", beyond}, // the last below 1e21
		{"1e21", ""}, {"-1E21", ""}, {"1E30", ""}, {"-1.5e300", ""}, {"1.7976931348623157e308", ""},
		{"999999999999999999999.9", ""},                                      // rounds to 1e21
		{"1000000000000000000000", beyond}, {"1000000000000000000000.0", ""}, // 1e21, as an integer and not
		{strings.Repeat("9", 300), beyond},
		{"1e309", large}, {"-1e309", large}, {strings.Repeat("9", 400), large}, {"1e999999999999", large},
		{"2e-324", small}, {"-1e-400", small}, {"0.0001e-999999999999", small},

		{"01", "unexpected '1'"}, {"-", "unexpected '}', want a digit"}, {"1.", "want a digit"}, {".1", "want a value"},
		{"1e", "want a digit"}, {"1e+", "want a digit"}, {"+1", "want a value"}, {"0x1", "unexpected 'x'"},
		{"1_0", "unexpected '_'"}, {"--1", "want a digit"}, {"NaN", "want a value"}, {"-Infinity", "want a digit"},
	} {
		_, err := checkJSON(`{"n":` + tc.literal + `}`)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", tc.literal, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: error %v, want one with %q", tc.literal, err, tc.want)
		}
	}
}

// The documents of JSONTestSuite are tried as the value of a field too, since
// most are no objects.
func TestJSONTestSuite(t *testing.T) {
	stricter := map[string]string{
		"y_object_duplicated_key.json":           "duplicate key",
		"y_object_duplicated_key_and_value.json": "duplicate key",
	}
	count := map[byte]int{}
	for file, text := range readTexts(t, "testdata/json/test_parsing/*.json") {
		t.Run(file, func(t *testing.T) {
			count[file[0]]++
			_, err := checkJSON(text)
			_, errWrapped := checkJSON(`{"x":` + text + `}`)
			switch want, strict := stricter[file]; {
			case strict:
				if errWrapped == nil || !strings.Contains(errWrapped.Error(), want) {
					t.Errorf("error %v, want one with %q", errWrapped, want)
				}
			case file[0] == 'y':
				if errWrapped != nil {
					t.Error(errWrapped)
				}
				if err != nil && strings.HasPrefix(strings.TrimSpace(text), "{") {
					t.Error(err)
				}
			default: // where a parser may do as it likes, ours refuses
				if err == nil || errWrapped == nil {
					t.Errorf("accepted, alone: %v, in an object: %v", err == nil, errWrapped == nil)
				}
			}
		})
	}
	if count['y'] != 95 || count['n'] != 188 || count['i'] != 35 {
		t.Errorf("read %v documents", count)
	}
}

func TestCheckJSONMembers(t *testing.T) {
	const text = ` { "a" : [ {"x":1} ] , "\u0062\n":{ "y":{} },"c":"d" } `
	members, err := checkJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range members {
		got = append(got, m.key, text[m.start:m.end], text[m.value:m.end])
	}
	want := []string{
		"a", `"a" : [ {"x":1} ]`, `[ {"x":1} ]`,
		"b\n", `"\u0062\n":{ "y":{} }`, `{ "y":{} }`,
		"c", `"c":"d"`, `"d"`,
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("members %q, want %q", got, want)
	}
}

// An object of many keys must not take quadratic time, nor hide a duplicate.
func TestCheckJSONManyKeys(t *testing.T) {
	var b strings.Builder
	const keys = 200_000
	for i := range keys {
		fmt.Fprintf(&b, `"%d":{},`, i)
	}
	start := time.Now()
	members, err := checkJSON("{" + b.String() + `"z":0}`)
	if err != nil || len(members) != keys+1 {
		t.Fatalf("%d members, error %v", len(members), err)
	}
	// Quadratic would be minutes.
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	for _, i := range []int{0, 15, 16, 17, keys - 1} {
		want := fmt.Sprintf(`duplicate key "%d"`, i)
		if _, err := checkJSON("{" + b.String() + fmt.Sprintf(`"%d":0}`, i)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func FuzzCheckJSON(f *testing.F) {
	for _, text := range readTexts(f, "testdata/j*/*/*.json") {
		if len(text) < 1000 {
			f.Add(text)
			f.Add(`{"x":` + text + `}`)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		members, err := checkJSON(text)
		if err != nil {
			return
		}
		var theirs map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &theirs); err != nil {
			t.Fatalf("encoding/json refuses it: %v", err)
		}
		if len(theirs) != len(members) {
			t.Fatalf("%d members, encoding/json finds %d", len(members), len(theirs))
		}
		for _, m := range members {
			if got := text[m.value:m.end]; got != string(theirs[m.key]) {
				t.Errorf("%q is %s, encoding/json says %s", m.key, got, theirs[m.key])
			}
		}
		canonical, err := canonicalize(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := checkJSON(string(canonical)); err != nil {
			t.Errorf("its canonical form %s: %v", canonical, err)
		}
		if again, err := canonicalize(string(canonical)); err != nil || string(again) != string(canonical) {
			t.Errorf("%s becomes %s (%v)", canonical, again, err)
		}
	})
}

// readTexts returns the contents of files by their base names.
func readTexts(t testing.TB, pattern string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s (%v)", pattern, err)
	}
	texts := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(data)
	}
	return texts
}
