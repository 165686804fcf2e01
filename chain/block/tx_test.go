package block

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/pow"
)

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 678901999, time.UTC)

func TestCanonicalFormOfRFC8785(t *testing.T) {
	outputs := readTexts(t, "testdata/jcs/output/*.json")
	digits := readTexts(t, "testdata/jcs/outhex/*.txt")
	for file, text := range readTexts(t, "testdata/jcs/input/*.json") {
		t.Run(file, func(t *testing.T) {
			raw, err := hex.DecodeString(strings.Join(strings.Fields(digits[strings.TrimSuffix(file, "json")+"txt"]), ""))
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(outputs[file]) != string(raw) {
				t.Fatal("output and outhex differ")
			}
			// Some documents are not objects, so each is made the value of a field.
			text, want := `{"x":`+text+`}`, `{"x":`+string(raw)+`}`
			got, err := canonicalize(text)
			if err != nil || string(got) != want {
				t.Errorf("got %s (%v), want %s", got, err, want)
			}
			if _, err := checkJSON(text); err != nil {
				t.Errorf("checked before: %v", err)
			}
			tx, err := ParseTx([]byte(`{"x":` + text + `,"author":"a","content":"c","timestamp":1}`))
			if wantTx := `{"author":"a","content":"c","timestamp":1,"x":` + want + `}`; err != nil || tx.String() != wantTx {
				t.Errorf("in a transaction %s (%v), want %s", tx, err, wantTx)
			}
		})
	}
}

// The ids have been computed with Python's hashlib.
func TestTxID(t *testing.T) {
	for _, tc := range []struct{ text, canonical, id string }{
		{
			text:      `{"author":"alice","content":"hello","timestamp":1767323045.678901}`,
			canonical: `{"author":"alice","content":"hello","timestamp":1767323045.678901}`,
			id:        "adbfeeb5916a636369e24262fb89bc30daabb5c54cfd05090416cc5c785f1c69",
		},
		{
			text:      "{\n \"timestamp\": 1.0e1, \"content\": \"\\u00e9\\/<\\u0007\", \"author\": \"\\ud83d\\ude02\", \"\\ufb33\": [1E-7, -0.0]}",
			canonical: "{\"author\":\"😂\",\"content\":\"é/<\\u0007\",\"timestamp\":10,\"\ufb33\":[1e-7,0]}",
			id:        "30d60cec72f47e7a43cfd7e2016f083a37bbd78311ea824aa0f57efe9a97da62",
		},
	} {
		tx, err := ParseTx([]byte(tc.text))
		if err != nil {
			t.Fatal(err)
		}
		if tx.String() != tc.canonical {
			t.Errorf("canonical form %s, want %s", tx, tc.canonical)
		}
		if tx.ID().String() != tc.id {
			t.Errorf("id %s, want %s", tx.ID(), tc.id)
		}
	}
}

func TestTxAccessors(t *testing.T) {
	tx, err := ParseTx([]byte(`{"timestamp":1.5,"author":"\u0061\"","content":"c","extra":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	if tx.Author() != `a"` || tx.Content() != "c" || tx.Timestamp() != 1.5 {
		t.Errorf("author %q, content %q, timestamp %v", tx.Author(), tx.Content(), tx.Timestamp())
	}
	if tx.Signed() || tx.PublicKey() != "" || tx.Signature() != "" {
		t.Errorf("signed %v, by %q, with %q", tx.Signed(), tx.PublicKey(), tx.Signature())
	}
	if want := `{"author":"a\"","content":"c","extra":[],"timestamp":1.5}`; tx.String() != want || tx.Size() != len(want) {
		t.Errorf("%s of %d bytes, want %s", tx, tx.Size(), want)
	}
}

func TestNewTx(t *testing.T) {
	const stamp = `"timestamp":1767323045.678901`
	for name, tc := range map[string]struct{ post, want string }{
		"no timestamp": {`{"content":"c","author":"a"}`, `{"author":"a","content":"c",` + stamp + `}`},
		"its own":      {`{"timestamp":7,"content":"c","author":"a"}`, `{"author":"a","content":"c",` + stamp + `}`},
		"a bad one":    {`{"content":"c","time\u0073tamp": {"x":[]} ,"author":"a"}`, `{"author":"a","content":"c",` + stamp + `}`},
		"more fields": {`{"content":"c","author":"a","zip":{"timestamp":1},"Author":null }`,
			`{"Author":null,"author":"a","content":"c",` + stamp + `,"zip":{"timestamp":1}}`},
	} {
		t.Run(name, func(t *testing.T) {
			tx, err := NewTx([]byte(tc.post), testTime)
			if err != nil {
				t.Fatal(err)
			}
			if tx.String() != tc.want {
				t.Errorf("got %s, want %s", tx, tc.want)
			}
			if tx.Timestamp() != 1767323045.678901 {
				t.Errorf("timestamp %v", tx.Timestamp())
			}
		})
	}
}

// Different microseconds are different doubles, which are printed with the digits that
// were written. The times end where those of headers do; the product below is not exact
// for later ones.
func TestTimestampIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(0, 1<<32*1e6-1).Draw(t, "microseconds")
		tx, err := NewTx([]byte(`{"author":"a","content":"c"}`), time.UnixMicro(micros))
		if err != nil {
			t.Fatal(err)
		}
		if got := int64(math.Round(tx.Timestamp() * 1e6)); got != micros {
			t.Fatalf("%d microseconds came back as %d", micros, got)
		}
		whole, fraction, _ := strings.Cut(timestampOf(time.UnixMicro(micros)), ".")
		want := strconv.FormatInt(micros/1e6, 10)
		if wantFraction := strings.TrimRight(fmt.Sprintf("%06d", micros%1e6), "0"); whole != want || fraction != wantFraction {
			t.Fatalf("written %s.%s, want %s.%s", whole, fraction, want, wantFraction)
		}
	})
}

func TestTxRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"empty text":         {``, "byte 0: the text ends, want an object"},
		"null":               {`null`, "want an object"},
		"an array":           {`[{"author":"a"}]`, "want an object"},
		"no fields":          {`{}`, "author: missing"},
		"author missing":     {`{"content":"c","timestamp":1}`, "author: missing"},
		"author's case":      {`{"Author":"a","content":"c","timestamp":1}`, "author: missing"},
		"author empty":       {`{"author":"","content":"c","timestamp":1}`, "author: must be a non-empty string"},
		"author null":        {`{"author":null,"content":"c","timestamp":1}`, "author: must be a non-empty string"},
		"author a number":    {`{"author":1,"content":"c","timestamp":1}`, "author: must be a non-empty string"},
		"author nested":      {`{"x":{"author":"a"},"content":"c","timestamp":1}`, "author: missing"},
		"content missing":    {`{"author":"a","timestamp":1}`, "content: missing"},
		"content an array":   {`{"author":"a","content":["c"],"timestamp":1}`, "content: must be a non-empty string"},
		"content empty":      {`{"author":"a","content":"","timestamp":1}`, "content: must be a non-empty string"},
		"timestamp missing":  {`{"author":"a","content":"c"}`, "timestamp: missing"},
		"timestamp a string": {`{"author":"a","content":"c","timestamp":"1"}`, "timestamp: must be a number of seconds"},
		"timestamp true":     {`{"author":"a","content":"c","timestamp":true}`, "timestamp: must be a number of seconds"},
		"timestamp null":     {`{"author":"a","content":"c","timestamp":null}`, "timestamp: must be a number of seconds"},
		"timestamp negative": {`{"author":"a","content":"c","timestamp":-1e-9}`, "timestamp: must be a number of seconds, zero or more"},
		"timestamp infinite": {`{"author":"a","content":"c","timestamp":1e999}`, "too large"},
		"duplicate key":      {`{"author":"a","content":"c","timestamp":1,"auth\u006fr":"b"}`, `byte 42: duplicate key "author"`},
		"large integer":      {`{"author":"a","content":"c","timestamp":1,"n":9007199254740993}`, "beyond"},
		"invalid UTF-8":      {"{\"author\":\"a\",\"content\":\"\xff\",\"timestamp\":1}", "byte 25: invalid UTF-8"},
		"only a key":         {`{"author":"a","content":"c","timestamp":1,"public_key":""}`, "public_key: must be a string of 64"},
		"content too long":   {`{"author":"a","content":"` + strings.Repeat("c", MaxTxSize) + `","timestamp":1}`, "bytes in canonical form, at most 65536 are allowed"},
		"text too long":      {strings.Repeat(" ", MaxTxText) + `{}`, "at most 524288 are read"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseTx([]byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if strings.HasPrefix(name, "timestamp") && name != "timestamp infinite" {
				return // NewTx sets the timestamp of a post
			}
			if _, err := NewTx([]byte(tc.text), testTime); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("posted: error %v, want one with %q", err, tc.want)
			}
		})
	}
	if _, err := NewTx([]byte(`{"author":"a","content":"c"}`), time.Time{}); err == nil || !strings.Contains(err.Error(), "timestamp") {
		t.Errorf("a clock before 1970: error %v", err)
	}
}

func TestTxSizeLimit(t *testing.T) {
	const frame = `{"author":"a","content":"","timestamp":1}`
	text := func(size int, escape string) []byte {
		return []byte(strings.Replace(frame, `""`, `"`+strings.Repeat(escape, size-len(frame))+`"`, 1))
	}
	// The limit is on the canonical form, not on the text.
	for _, escape := range []string{"c", `\u0063`} {
		tx, err := ParseTx(text(MaxTxSize, escape))
		if err != nil || tx.Size() != MaxTxSize {
			t.Errorf("%s: %d bytes, error %v", escape, tx.Size(), err)
		}
		if _, err := ParseTx(text(MaxTxSize+1, escape)); err == nil {
			t.Errorf("%s: accepted %d bytes", escape, MaxTxSize+1)
		}
	}
}

func TestTxJSON(t *testing.T) {
	tx, err := ParseTx([]byte(`{"timestamp":1,"content":"a<b & c","author":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := tx.MarshalJSON(); err != nil || string(text) != tx.String() {
		t.Errorf("marshals to %s (%v)", text, err)
	}

	type block struct{ Transactions []Tx }
	text, err := json.Marshal(block{[]Tx{tx}})
	if err != nil {
		t.Fatal(err)
	}
	var again block
	if err := json.Unmarshal(text, &again); err != nil || len(again.Transactions) != 1 || again.Transactions[0] != tx {
		t.Errorf("%s came back as %v (%v)", text, again, err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tx); err != nil || strings.TrimSpace(b.String()) != tx.String() {
		t.Errorf("encodes to %s (%v)", &b, err)
	}

	if _, err := json.Marshal(Tx{}); err == nil {
		t.Error("the zero Tx marshals")
	}
	// encoding/json would accept all of these.
	for _, bad := range []string{
		`null`,
		`{"author":"a","author":"b","content":"c","timestamp":1}`,
		"{\"author\":\"a\",\"content\":\"\xff\",\"timestamp\":1}",
		`{"author":"a","content":"\ud800","timestamp":1}`,
		`{"author":"a","content":"c","timestamp":1,"n":9007199254740993}`,
		`{"author":"a","content":"c","timestamp":1,"n":1e-999}`,
		`{"AUTHOR":"a","content":"c","timestamp":1}`,
	} {
		if err := json.Unmarshal([]byte(`{"transactions":[`+bad+`]}`), &again); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

// The id depends on what a transaction says, not on the spelling of its JSON.
func TestSpellingDoesNotChangeTheID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := anyObject(3).Draw(t, "fields")
		object["author"] = rapid.StringN(1, 20, -1).Draw(t, "author")
		object["content"] = rapid.StringN(1, 20, -1).Draw(t, "content")
		object["timestamp"] = float64(rapid.Int64Range(0, 4e15).Draw(t, "timestamp")) / 1e6
		delete(object, fieldPublicKey)
		delete(object, fieldSignature)

		one, two := spell(t, object), spell(t, object)
		tx, err := ParseTx([]byte(one))
		if err != nil {
			t.Fatalf("%s: %v", one, err)
		}
		if again, err := ParseTx([]byte(two)); err != nil || again != tx {
			t.Fatalf("%s became %s\n%s became %s (%v)", one, tx, two, again, err)
		}

		var said map[string]any
		if err := json.Unmarshal([]byte(tx.String()), &said); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprintf("%#v", said), fmt.Sprintf("%#v", object); got != want {
			t.Fatalf("%s says %s, want %s", tx, got, want)
		}

		object["content"] = object["content"].(string) + "."
		other, err := ParseTx([]byte(spell(t, object)))
		if err != nil || other.ID() == tx.ID() {
			t.Fatalf("another content, id %s and %s (%v)", tx.ID(), other.ID(), err)
		}
	})
}

// anyObject draws an object in the form that encoding/json decodes to.
func anyObject(depth int) *rapid.Generator[map[string]any] {
	return rapid.MapOfN(rapid.StringN(0, 8, -1), anyValue(depth-1), 0, 5)
}

func anyValue(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{
		rapid.Just[any](nil),
		rapid.Bool().AsAny(),
		rapid.String().AsAny(),
		rapid.Map(rapid.Int64Range(-maxInteger, maxInteger), func(n int64) any { return float64(n) }),
		rapid.Map(rapid.Float64Range(-maxInteger, maxInteger), func(f float64) any { return f + 0 }),
		rapid.Map(rapid.Float64Range(0, 1e-300), func(f float64) any { return f }),
	}
	if depth > 0 {
		kinds = append(kinds,
			rapid.Map(rapid.SliceOfN(anyValue(depth-1), 0, 4), func(v []any) any { return v }),
			rapid.Map(anyObject(depth), func(v map[string]any) any { return v }))
	}
	return rapid.OneOf(kinds...)
}

// spell writes a value as JSON in one of the many ways that mean the same value.
func spell(t *rapid.T, v any) string {
	pick := func(choices ...string) string { return rapid.SampledFrom(choices).Draw(t, "spelling") }
	space := func() string { return pick("", "", " ", "\n", "\t\r\n ") }
	var b strings.Builder
	b.WriteString(space())
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case float64:
		plain := strconv.FormatFloat(v, 'f', -1, 64)
		exponent := strconv.FormatFloat(v, 'e', -1, 64)
		switch {
		case strings.Contains(plain, "."):
			plain += pick("", "0", "00", "e+0")
		case v == 0:
			plain = pick("0", "-0", "0.0", "0e9")
		default:
			plain += pick("", ".0", ".000", "e0", "0e-1", "E-00")
		}
		b.WriteString(pick(plain, exponent, strings.ToUpper(exponent)))
	case string:
		b.WriteByte('"')
		for _, r := range v {
			switch {
			case r >= 0x10000:
				r -= 0x10000
				b.WriteString(pick(string(r+0x10000), fmt.Sprintf(`\u%04x\u%04X`, 0xd800+r>>10, 0xdc00+r&0x3ff)))
			case r < ' ':
				fmt.Fprintf(&b, `\u%04x`, r)
			case r == '"' || r == '\\':
				b.WriteString(pick(`\`+string(r), fmt.Sprintf(`\u%04x`, r)))
			case r == '/':
				b.WriteString(pick(`/`, `\/`, `\u002F`))
			default:
				b.WriteString(pick(string(r), string(r), fmt.Sprintf(`\u%04X`, r)))
			}
		}
		b.WriteByte('"')
	case []any:
		b.WriteString("[" + space())
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(spell(t, e))
		}
		b.WriteByte(']')
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		b.WriteString("{" + space())
		for i, k := range rapid.Permutation(keys).Draw(t, "order") {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(spell(t, k) + ":" + spell(t, v[k]))
		}
		b.WriteByte('}')
	}
	b.WriteString(space())
	return b.String()
}

func FuzzParseTx(f *testing.F) {
	f.Add([]byte(`{"author":"a","content":"c","timestamp":1}`))
	f.Add([]byte(`{"timestamp":1e-7,"content":"\ud83d\ude02<","author":"a","x":[-0.0,{"y":null}]}`))
	f.Add([]byte(`{"author":"a","content":"c","timestamp":1,"n":9007199254740993}`))
	if tx, err := Sign([]byte(`{"author":"a","content":"c"}`), testKey(), testTime); err == nil {
		f.Add([]byte(tx.String()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if tx, err := NewTx(data, testTime); err == nil {
			sound(t, tx)
		}
		if tx, err := ParseTx(data); err == nil {
			sound(t, tx)
		}
	})
}

// sound checks the invariants of every transaction.
func sound(t *testing.T, tx Tx) {
	t.Helper()
	if tx.Author() == "" || tx.Content() == "" || tx.Size() > MaxTxSize ||
		!(tx.Timestamp() >= 0) || tx.Signed() != (tx.PublicKey() != "") {
		t.Errorf("%s: author %q, content %q, timestamp %v, key %q", tx, tx.Author(), tx.Content(), tx.Timestamp(), tx.PublicKey())
	}
	first := sha256.Sum256([]byte(tx.String()))
	if want := pow.Hash(sha256.Sum256(first[:])); tx.ID() != want {
		t.Errorf("id %s, want %s", tx.ID(), want)
	}
	if again, err := ParseTx([]byte(tx.String())); err != nil || again != tx {
		t.Errorf("%s came back as %s (%v)", tx, again, err)
	}
	var fields struct {
		Author    string  `json:"author"`
		Content   string  `json:"content"`
		Timestamp float64 `json:"timestamp"`
	}
	var all map[string]json.RawMessage // a map, because encoding/json would read "Author" into a field author
	if err := json.Unmarshal([]byte(tx.String()), &all); err != nil {
		t.Fatal(err)
	}
	for key, to := range map[string]any{fieldAuthor: &fields.Author, fieldContent: &fields.Content, fieldTimestamp: &fields.Timestamp} {
		if err := json.Unmarshal(all[key], to); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if fields.Author != tx.Author() || fields.Content != tx.Content() || fields.Timestamp != tx.Timestamp() {
		t.Errorf("%s: encoding/json finds %+v", tx, fields)
	}
	text, err := json.Marshal(tx)
	if err != nil {
		t.Fatal(err)
	}
	var again Tx
	if err := json.Unmarshal(text, &again); err != nil || again != tx {
		t.Errorf("%s came back as %s (%v)", text, again, err)
	}
}
