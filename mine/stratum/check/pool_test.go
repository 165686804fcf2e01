package check

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
)

// goodReport is the report about a pool that makes no mistake.
const goodReport = `ok    version rolling is granted: mask 1fffe000
ok    the mask has only bits that BIP 320 leaves to miners: 1fffe000
ok    mining.subscribe is answered: extranonce1 0a0b0c0d, 4 bytes for extranonce2
ok    the line after mining.subscribe is its answer
ok    the size of extranonce2 suits all miners: 4
ok    mining.authorize is answered with true
ok    a job has nine parameters: 9
ok    version, bits and time have eight lower-case hex digits: "20000000" "1d00ffff" "6553f0ec"
ok    the time of the job is near that of the clock: 0s ahead
ok    the coinbase is a transaction whose script holds the extranonce: a script of 12 bytes
ok    the coinbase begins with the height (BIP 34): 100000
ok    the hash of the parent has its bytes in reversed words: 00000001baadf00d12340000c0ffee01a1b2c3d455667788112233440a0b0c0d
ok    a difficulty comes before the first job
ok    a share of an unknown job is refused: no (code 21)
ok    a share of low difficulty is refused: no (code 23)
ok    an extranonce2 of a wrong length is refused: no (code 20)
ok    bits of the version outside the mask are refused: no (code 20)
ok    a good share is accepted: {"id":8,"result":true,"error":null}
ok    the same share again is a duplicate: no (code 22)
ok    a share three hours ahead of the clock is refused: no (code 20)
ok    an unknown request is answered: {"id":11,"result":null,"error":[20,"no",null]}
`

// A pool that makes no mistake is told so, and gets the shares that the report speaks of.
func TestGoodPool(t *testing.T) {
	p := goodPool()
	report, err := checkPool(t, p, engineFunc(scan))
	if err != nil || report != goodReport {
		t.Errorf("%v\n%s", err, report)
	}
	if want := `[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]`; !strings.Contains(p.asked, want) {
		t.Errorf("the check asks %s, want %s", p.asked, want)
	}
	for i, want := range []string{
		"w of job lode-check, extranonce2 00000000, time +0 s, bits 00000000",
		"w of job 7, extranonce2 00000000, time +0 s, bits 00000000",
		"w of job 7, extranonce2 0000000000, time +0 s, bits 00000000",
		"w of job 7, extranonce2 00000000, time +0 s, bits 00000001",
		"w of job 7, extranonce2 55555555, time +0 s, bits 0001c000",
		"w of job 7, extranonce2 55555555, time +0 s, bits 0001c000",
		"w of job 7, extranonce2 55555555, time +10800 s, bits 0001a000",
	} {
		if got := p.shareAt(i); got != want {
			t.Errorf("share %d: %s, want %s", i, got, want)
		}
	}
}

// differences returns the lines of a report that are not in another one with a +, and those
// that are missing with a -.
func differences(report, other string) string {
	was, is := strings.Split(other, "\n"), strings.Split(report, "\n")
	var b strings.Builder
	for _, line := range was {
		if !slices.Contains(is, line) {
			fmt.Fprintln(&b, "-", line)
		}
	}
	for i, line := range is {
		if !slices.Contains(was, line) || slices.Index(is, line) != i && line != "" {
			fmt.Fprintln(&b, "+", line)
		}
	}
	return b.String()
}

// words writes a hash, given as it is printed, as the pool of a job should.
func words(t *testing.T, printed string) string {
	t.Helper()
	h, err := hex.DecodeString(printed + strings.Repeat("00", pow.HashSize-len(printed)/2))
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(h)
	for word := range slices.Chunk(h, 4) {
		slices.Reverse(word)
	}
	return `"` + hex.EncodeToString(h) + `"`
}

func reversed(h string) string {
	raw, _ := hex.DecodeString(strings.Trim(h, `"`))
	slices.Reverse(raw)
	return `"` + hex.EncodeToString(raw) + `"`
}

func swapped(h string) string {
	raw, _ := hex.DecodeString(strings.Trim(h, `"`))
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	return `"` + hex.EncodeToString(raw) + `"`
}

// Each mistake of a pool changes its line of the report, and no other one but where it says so.
func TestPoolMistakes(t *testing.T) {
	golden := openGolden(t, "testdata/pools.txt")
	difficulty := func(d string) string { return `{"id":null,"method":"mining.set_difficulty","params":[` + d + `]}` }
	jobLine := func(p *fakePool) string {
		return `{"id":null,"method":"mining.notify","params":[` + strings.Join(p.job[:], ",") + `]}`
	}
	at := func(p *fakePool, ahead int) { p.job[7] = fmt.Sprintf(`"%08x"`, minute+ahead) }
	script := func(p *fakePool, script string) { p.job[2] = `"` + coinbaseBegin + script + `"` }
	another := func(p *fakePool) string {
		other := *p
		other.job[0] = `"8"`
		return jobLine(&other)
	}
	for name, edit := range map[string]func(p *fakePool){
		"ID as a text":         func(p *fakePool) { p.configure = strings.Replace(p.configure, "ID", `"ID"`, 1) },
		"no configure":         func(p *fakePool) { p.configure = ""; p.shares = slices.Delete(p.shares, 3, 4) },
		"configure is no JSON": func(p *fakePool) { p.configure = "{" },
		"configure is refused": func(p *fakePool) { p.configure = refusal(20); p.shares = slices.Delete(p.shares, 3, 4) },
		"configure is nonsense": func(p *fakePool) {
			p.configure = `{"id":ID,"result":5,"error":null}`
			p.shares = slices.Delete(p.shares, 3, 4)
		},
		"configure without": func(p *fakePool) {
			p.configure = `{"id":ID,"result":{"version-rolling":false},"error":null}`
			p.shares = slices.Delete(p.shares, 3, 4)
		},
		"mask too wide":         func(p *fakePool) { p.configure = strings.Replace(p.configure, "1fffe000", "3fffe000", 1) },
		"subscribe is nonsense": func(p *fakePool) { p.subscribe = accepted },
		"no subscribe":          func(p *fakePool) { p.subscribe = "" },
		"no space":              func(p *fakePool) { p.subscribe = `{"id":ID,"result":[[],"0a0b0c0d",99],"error":null}` },
		"extranonce2 of 1": func(p *fakePool) {
			p.subscribe = `{"id":ID,"result":[[],"0a0b0c0d",1],"error":null}`
			p.job[2] = strings.Replace(p.job[2], "0c03a08601", "0903a08601", 1)
		},
		"extranonce2 of 2": func(p *fakePool) {
			p.subscribe = `{"id":ID,"result":[[],"0a0b0c0d",2],"error":null}`
			p.job[2] = strings.Replace(p.job[2], "0c03a08601", "0a03a08601", 1)
		},
		"extranonce2 of 8": func(p *fakePool) {
			p.subscribe = `{"id":ID,"result":[[],"0a0b0c0d",8],"error":null}`
			p.job[2] = strings.Replace(p.job[2], "0c03a08601", "1003a08601", 1)
		},
		"extranonce2 of 9": func(p *fakePool) {
			p.subscribe = `{"id":ID,"result":[[],"0a0b0c0d",9],"error":null}`
			p.job[2] = strings.Replace(p.job[2], "0c03a08601", "1103a08601", 1)
		},
		"line before subscribed": func(p *fakePool) { p.subscribe = difficulty("1") + "\n" + p.subscribe },
		"no authorize":           func(p *fakePool) { p.authorize = "" },
		"authorize is refused":   func(p *fakePool) { p.authorize = refusal(24) },
		"no difficulty":          func(p *fakePool) { p.before = "" },
		"difficulty after job":   func(p *fakePool) { p.authorize = jobLine(p) + "\n" + difficulty("0.000001") + "\n" + accepted },
		"job before authorized": func(p *fakePool) {
			p.authorize = difficulty("0.000001") + "\n" + jobLine(p) + "\n" + accepted
			p.before = ""
		},
		"difficulty is nonsense": func(p *fakePool) { p.before += "\n" + difficulty("0") },
		"mask": func(p *fakePool) {
			p.before += "\n" + `{"id":null,"method":"mining.set_version_mask","params":["00002000"]}`
		},
		"mask is no word": func(p *fakePool) {
			p.before += "\n" + `{"id":null,"method":"mining.set_version_mask","params":["2000"]}`
		},
		"mask is nonsense":     func(p *fakePool) { p.before += "\n" + `{"id":null,"method":"mining.set_version_mask","params":[7]}` },
		"job is nonsense":      func(p *fakePool) { p.job[1] = "7" },
		"ten parameters":       func(p *fakePool) { p.more = ",1" },
		"short version":        func(p *fakePool) { p.job[5] = `"2"` },
		"short bits":           func(p *fakePool) { p.job[6] = `"01d00ffff"` },
		"upper-case time":      func(p *fakePool) { p.job[7] = strings.ToUpper(p.job[7]) },
		"two hours ahead":      func(p *fakePool) { at(p, 7200) },
		"less than that":       func(p *fakePool) { at(p, 7199) },
		"two hours ago":        func(p *fakePool) { at(p, -7200) },
		"not so long ago":      func(p *fakePool) { at(p, -7199) },
		"bits are no target":   func(p *fakePool) { p.job[6] = `"00000000"` },
		"no coinbase":          func(p *fakePool) { p.job[2], p.job[3] = `"01000000"`, `""` },
		"almost no script":     func(p *fakePool) { p.job[2], p.job[3] = `"`+coinbaseBegin[:len(coinbaseBegin)-14]+`"`, `""` },
		"two inputs":           func(p *fakePool) { p.job[2] = strings.Replace(p.job[2], "0100000001", "0100000002", 1) },
		"an outpoint":          func(p *fakePool) { p.job[2] = strings.Replace(p.job[2], "000000ffffffff", "000001ffffffff", 1) },
		"an index":             func(p *fakePool) { p.job[2] = strings.Replace(p.job[2], "ffffffff", "fffffffe", 1) },
		"script too short":     func(p *fakePool) { script(p, "0b03a08601") },
		"script of 100":        func(p *fakePool) { script(p, "6403a08601"+strings.Repeat("00", 88)) },
		"script of 101":        func(p *fakePool) { script(p, "6503a08601"+strings.Repeat("00", 89)) },
		"nothing after script": func(p *fakePool) { p.job[3] = `"ffffffff"` },
		"a byte after script":  func(p *fakePool) { p.job[3] = `"ffffffff01"` },
		"no height":            func(p *fakePool) { script(p, "0c4b000000") },
		"parent meets 4 times": func(p *fakePool) { p.job[1] = words(t, "00000003fff0ffff") },
		"parent is above that": func(p *fakePool) {
			p.job[1] = words(t, "00000004000000000000000000000000000000000000000000000000000aaaaa")
		},
		"parent as in header":     func(p *fakePool) { p.job[1] = swapped(`"` + parent + `"`) },
		"parent as printed":       func(p *fakePool) { p.job[1] = reversed(swapped(`"` + parent + `"`)) },
		"parent in printed words": func(p *fakePool) { p.job[1] = reversed(`"` + parent + `"`) },
		"bits of regtest":         func(p *fakePool) { p.job[6] = `"207fffff"` },
		"bits of 17 zeros":        func(p *fakePool) { p.job[6] = `"1e7fffff"` },
		"bits of 18 zeros":        func(p *fakePool) { p.job[6] = `"1e3fffff"` },
		"height 1":                func(p *fakePool) { script(p, "0c51000000") },
		"everything is a share":   func(p *fakePool) { p.before = difficulty("1e-12") },
		"a new job":               func(p *fakePool) { p.after = difficulty("0.000002") + "\n" + another(p) },
		"jobs end": func(p *fakePool) {
			p.shares = slices.Insert(p.shares, 4, another(p)+"\n"+refusal(21), another(p)+"\n"+refusal(21))
		},
		"jobs end always": func(p *fakePool) {
			p.shares = slices.Insert(p.shares, 4, another(p)+"\n"+refusal(21), another(p)+"\n"+refusal(21), another(p)+"\n"+refusal(21))
			p.shares = slices.Delete(p.shares, 7, 8)
		},
		"jobs end before each refusal": func(p *fakePool) {
			stale := another(p) + "\n" + refusal(21)
			p.shares = []string{refusal(21), stale, refusal(23), stale, refusal(20), stale, refusal(20), accepted, stale, accepted, refusal(22), stale, refusal(20)}
		},
		"jobs end before a refusal always": func(p *fakePool) {
			stale := another(p) + "\n" + refusal(21)
			p.shares = slices.Insert(p.shares, 1, stale, stale)
			p.shares[3] = stale
		},
		"stale low without a reason": func(p *fakePool) { p.shares[1] = refusal(21) },
		"no good share of the next job": func(p *fakePool) {
			p.shares[5] = another(p) + "\n" + refusal(21)
			p.shares = slices.Insert(p.shares, 6, refusal(23), refusal(22))
		},
		"a bad job ends a low share": func(p *fakePool) {
			p.shares[1] = strings.Replace(another(p), "1d00ffff", "00000000", 1) + "\n" + refusal(21)
		},
		"stale without a reason": func(p *fakePool) { p.shares[4] = refusal(21) },
		"a bad job before a good share": func(p *fakePool) {
			p.shares[0] = strings.Replace(another(p), "1d00ffff", "00000000", 1) + "\n" + refusal(21)
		},
		"a bad job after a good share": func(p *fakePool) {
			p.shares[5] = strings.Replace(another(p), "1d00ffff", "00000000", 1) + "\n" + refusal(22)
		},
		"a bad job ends it": func(p *fakePool) {
			p.shares[4] = strings.Replace(another(p), "1d00ffff", "00000000", 1) + "\n" + refusal(21)
		},
		"half a line": func(p *fakePool) {
			p.configure, p.half = "", `{"id":null,"method":"mining.set_diff`
			p.subscribe = `iculty","params":[1]}` + "\n" + p.subscribe
			p.shares = slices.Delete(p.shares, 3, 4)
		},
		"another answer": func(p *fakePool) { p.subscribe = `{"id":77,"result":true,"error":null}` + "\n" + p.subscribe },
		"script of 2": func(p *fakePool) {
			p.subscribe = `{"id":ID,"result":[[],"0a",1],"error":null}`
			script(p, "02")
		},
		"script of 1": func(p *fakePool) {
			p.subscribe = `{"id":ID,"result":[[],"",1],"error":null}`
			script(p, "01")
		},
		"low though jobs end":  func(p *fakePool) { p.shares[4] = another(p) + "\n" + refusal(23) },
		"nothing in an answer": func(p *fakePool) { p.shares[2] = `{"id":ID,"result":null,"error":null}` },
		"unknown is ignored":   func(p *fakePool) { p.unknown = "" },
		"unknown is accepted":  func(p *fakePool) { p.unknown = accepted },
		"takes an unknown job": func(p *fakePool) { p.shares[0] = accepted },
		"other code":           func(p *fakePool) { p.shares[1] = refusal(20) },
		"result false":         func(p *fakePool) { p.shares[1] = `{"id":ID,"result":false,"error":[23,"no",null]}` },
		"result true":          func(p *fakePool) { p.shares[1] = `{"id":ID,"result":true,"error":[23,"no",null]}` },
		"no error":             func(p *fakePool) { p.shares[1] = `{"id":ID,"result":false,"error":null}` },
		"takes another length": func(p *fakePool) { p.shares[2] = accepted },
		"takes other bits":     func(p *fakePool) { p.shares[3] = accepted },
		"refuses a good share": func(p *fakePool) { p.shares[4] = refusal(23) },
		"takes it twice":       func(p *fakePool) { p.shares[5] = accepted },
		"takes a late time":    func(p *fakePool) { p.shares[6] = accepted },
		"ends at a share":      func(p *fakePool) { p.shares[0] = "{" },
		"ends at a good share": func(p *fakePool) { p.shares[4] = "{" },
		"ends at a duplicate":  func(p *fakePool) { p.shares[5] = "{" },
	} {
		t.Run(name, func(t *testing.T) {
			p := goodPool()
			edit(p)
			report, took, err := timePool(t, p, engineFunc(scan))
			got := differences(report, goodReport)
			if err != nil {
				_, rest, _ := strings.Cut(got, "+")
				got = fmt.Sprintf("ends: %v\n+%s", err, rest)
			}
			if took > 0 {
				got += fmt.Sprintf("took %v\n", took)
			}
			golden.check(t, name, got)
		})
	}
	golden.end(t)
}
