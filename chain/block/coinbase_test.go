package block

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/pow"
)

// The scripts are those that CScript() << height of Bitcoin Core writes.
func TestCoinbaseHeights(t *testing.T) {
	for height, want := range map[int64]string{
		0:             "00",
		1:             "51",
		2:             "52",
		15:            "5f",
		16:            "60",
		17:            "0111",
		127:           "017f",
		128:           "028000",
		255:           "02ff00",
		256:           "020001",
		32767:         "02ff7f",
		32768:         "03008000",
		65535:         "03ffff00",
		65536:         "03000001",
		227931:        "035b7a03", // the first height under BIP 34
		8388607:       "03ffff7f",
		8388608:       "0400008000",
		math.MaxInt32: "04ffffff7f",
	} {
		t.Run(fmt.Sprint(height), func(t *testing.T) {
			if got := hex.EncodeToString(appendHeight(nil, height)); got != want {
				t.Errorf("height is written %s, want %s", got, want)
			}
			raw := Coinbase{Height: height}.Bytes()
			script := raw[42:]
			if got := hex.EncodeToString(script[:len(want)/2]); got != want || script[len(want)/2] != 8 {
				t.Errorf("script begins %s, want %s08", got, want)
			}
			if back, err := ParseCoinbase(raw); err != nil || back.Height != height {
				t.Errorf("height came back as %d (%v)", back.Height, err)
			}
		})
	}
}

// The ids of these serializations have been checked with btcd's package wire.
func TestCoinbaseGolden(t *testing.T) {
	const (
		start = "02000000" + "01" + "0000000000000000000000000000000000000000000000000000000000000000" + "ffffffff"
		end   = "ffffffff" + "01" + "0000000000000000" + "01" + "6a" + "00000000"
	)
	for _, tc := range []struct {
		coinbase Coinbase
		script   string
		id       string
	}{
		{Coinbase{}, "0b" + "00" + "080000000000000000" + "00",
			"17556be79042386858a1ecbdf9a38935a818c8ec1178503053f4dfab4a7d49bf"},
		{Coinbase{Height: 16, Extranonce: 0x0102030405060708, Tag: "/lode/"}, "11" + "60" + "080102030405060708" + "062f6c6f64652f",
			"3f93398003712faee4577a16620513762f8b678dc550c06748910ae3ebb40b0a"},
		{Coinbase{Height: math.MaxInt32, Extranonce: math.MaxUint64, Tag: strings.Repeat("x", MaxTag)},
			"5a" + "04ffffff7f" + "08ffffffffffffffff" + "4b" + strings.Repeat("78", 75),
			"982152e863d536fddc6fca51e43329592e388690a02a715d13260db7f8a1548f"},
	} {
		raw := tc.coinbase.Bytes()
		if got, want := hex.EncodeToString(raw), start+tc.script+end; got != want {
			t.Errorf("%+v is\n%s, want\n%s", tc.coinbase, got, want)
		}
		if got := tc.coinbase.ID().String(); got != tc.id {
			t.Errorf("%+v has id %s, want %s", tc.coinbase, got, tc.id)
		}
		if back, err := ParseCoinbase(raw); err != nil || back != tc.coinbase {
			t.Errorf("%+v came back as %+v (%v)", tc.coinbase, back, err)
		}
	}
	if got := len(Coinbase{Height: MaxHeight, Tag: strings.Repeat("x", MaxTag)}.Bytes()); got != MaxCoinbaseSize {
		t.Errorf("the longest coinbase has %d bytes, want %d", got, MaxCoinbaseSize)
	}
}

// decoded is a coinbase as other software reads it that knows only Bitcoin's protocol.
type decoded struct {
	Version  int32
	Outpoint [36]byte
	Script   []byte
	Sequence uint32
	Value    int64
	PkScript []byte
	LockTime uint32
}

// decodeTx reads a transaction with one input and one output, field by field. It shares
// no code with the functions under test.
func decodeTx(raw []byte) (tx decoded, err error) {
	r := bytes.NewReader(raw)
	read := func(v any) {
		if err == nil {
			err = binary.Read(r, binary.LittleEndian, v)
		}
	}
	one := func() {
		var count uint8
		if read(&count); err == nil && count != 1 {
			err = fmt.Errorf("count %d, want 1", count)
		}
	}
	script := func() []byte {
		var size uint8
		if read(&size); err == nil && size >= 0xfd {
			err = fmt.Errorf("size %#x", size)
		}
		s := make([]byte, size)
		read(s)
		return s
	}
	read(&tx.Version)
	one()
	read(&tx.Outpoint)
	tx.Script = script()
	read(&tx.Sequence)
	one()
	read(&tx.Value)
	tx.PkScript = script()
	read(&tx.LockTime)
	if err == nil && r.Len() != 0 {
		err = fmt.Errorf("%d bytes left", r.Len())
	}
	return tx, err
}

// pushes returns the stack that a script of pushes leaves.
func pushes(script []byte) (stack [][]byte, err error) {
	for len(script) > 0 {
		op := int(script[0])
		script = script[1:]
		switch {
		case op <= 75 && op <= len(script):
			stack, script = append(stack, script[:op]), script[op:]
		case op >= 0x51 && op <= 0x60:
			stack = append(stack, []byte{byte(op - 0x50)})
		default:
			return nil, fmt.Errorf("opcode %#x", op)
		}
	}
	return stack, nil
}

func anyCoinbase() *rapid.Generator[Coinbase] {
	height := rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(0, MaxHeight))
	return rapid.Custom(func(t *rapid.T) Coinbase {
		return Coinbase{
			Height:     height.Draw(t, "height"),
			Extranonce: rapid.Uint64().Draw(t, "extranonce"),
			Tag:        string(rapid.SliceOfN(rapid.Byte(), 0, MaxTag).Draw(t, "tag")),
		}
	})
}

func TestCoinbaseIsATransaction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCoinbase().Draw(t, "coinbase")
		raw := c.Bytes()
		tx, err := decodeTx(raw)
		if err != nil {
			t.Fatal(err)
		}
		null := [36]byte{32: 0xff, 33: 0xff, 34: 0xff, 35: 0xff}
		if tx.Version != 2 || tx.Outpoint != null || tx.Sequence != math.MaxUint32 || tx.LockTime != 0 ||
			tx.Value != 0 || !bytes.Equal(tx.PkScript, []byte{0x6a}) {
			t.Fatalf("transaction %+v", tx)
		}
		if len(tx.Script) < 2 || len(tx.Script) > 100 {
			t.Fatalf("script of %d bytes", len(tx.Script))
		}
		stack, err := pushes(tx.Script)
		if err != nil || len(stack) != 3 {
			t.Fatalf("script pushes %x (%v)", stack, err)
		}
		number := slices.Clone(stack[0])
		slices.Reverse(number)
		if new(big.Int).SetBytes(number).Int64() != c.Height || len(number) > 0 && number[0]&0x80 != 0 {
			t.Fatalf("height %d is pushed as %x", c.Height, stack[0])
		}
		if got := fmt.Sprintf("%x", stack[1]); got != fmt.Sprintf("%016x", c.Extranonce) {
			t.Fatalf("extranonce %x is pushed as %s", c.Extranonce, got)
		}
		if string(stack[2]) != c.Tag {
			t.Fatalf("tag %q is pushed as %q", c.Tag, stack[2])
		}

		first := sha256.Sum256(raw)
		if want := pow.Hash(sha256.Sum256(first[:])); c.ID() != want {
			t.Fatalf("id %s, want %s", c.ID(), want)
		}
		if back, err := ParseCoinbase(raw); err != nil || back != c {
			t.Fatalf("came back as %+v (%v)", back, err)
		}
		text, err := json.Marshal(c)
		if err != nil || string(text) != fmt.Sprintf(`"%x"`, raw) {
			t.Fatalf("JSON %s (%v)", text, err)
		}
		var back Coinbase
		if err := json.Unmarshal(text, &back); err != nil || back != c {
			t.Fatalf("JSON came back as %+v (%v)", back, err)
		}
	})
}

func TestCoinbaseHalves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCoinbase().Draw(t, "coinbase")
		before, after := c.Halves()
		if got := len(before) + 8 + len(after); got != len(c.Bytes()) {
			t.Fatalf("halves and extranonce have %d bytes of %d", got, len(c.Bytes()))
		}
		rolled := c
		rolled.Extranonce = rapid.Uint64().Draw(t, "another")
		// A Stratum miner inserts both parts of the extranonce between the halves.
		joined := binary.BigEndian.AppendUint64(slices.Clone(before), rolled.Extranonce)
		joined = append(joined, after...)
		if !bytes.Equal(joined, rolled.Bytes()) {
			t.Fatalf("joined\n%x, want\n%x", joined, rolled.Bytes())
		}
		if again, _ := rolled.Halves(); !bytes.Equal(again, before) {
			t.Fatalf("half depends on the extranonce")
		}
	})
}

func TestParseCoinbaseRefuses(t *testing.T) {
	good := hex.EncodeToString(Coinbase{Height: 300, Extranonce: 1, Tag: "lode"}.Bytes())
	const script = "11" + "022c01" + "080000000000000001" + "046c6f6465"
	change := func(old, new string) string {
		if strings.Count(good, old) != 1 {
			t.Fatalf("%s is not once in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, tc := range map[string]struct {
		raw    string
		reason Reason
		want   string
	}{
		"empty":             {"", CoinbaseMissing, "null outpoint"},
		"version only":      {"02000000", CoinbaseMissing, "null outpoint"},
		"no script":         {good[:82], CoinbaseMissing, "null outpoint"},
		"two inputs":        {change("0200000001", "0200000002"), CoinbaseMissing, "null outpoint"},
		"spends":            {change("ffffffff11", "0000000011"), CoinbaseMissing, "null outpoint"},
		"version 1":         {change("0200000001", "0100000001"), CoinbaseShape, "version 1, want 2"},
		"version -1":        {change("0200000001", "ffffffff01"), CoinbaseShape, "version -1, want 2"},
		"script of 1":       {change(script, "0100"), CoinbaseLength, "0x01"},
		"script of 101":     {change(script, "65"+strings.Repeat("00", 101)), CoinbaseLength, "0x65"},
		"long varint":       {change(script, "fd1100"+script[2:]), CoinbaseLength, "0xfd"},
		"cut script":        {good[:90], CoinbaseShape, "script ends after 3 of 17 bytes"},
		"cut end":           {good[:len(good)-2], CoinbaseShape, "followed by"},
		"byte after":        {good + "00", CoinbaseShape, "followed by"},
		"sequence":          {change("6465ffffffff", "6465feffffff"), CoinbaseShape, "followed by feffffff"},
		"value":             {change("010000000000000000016a", "010100000000000000016a"), CoinbaseShape, "followed by"},
		"output script":     {change("016a", "0151"), CoinbaseShape, "followed by"},
		"lock time":         {change("016a00000000", "016a01000000"), CoinbaseShape, "followed by"},
		"no height":         {change(script, "0a"+"08000000000000000100"), CoinbaseHeight, "does not begin with a height"},
		"height -1":         {change(script, "0b"+"4f"+"08000000000000000100"), CoinbaseHeight, "does not begin with a height"},
		"height past end":   {change(script, "02"+"0401"), CoinbaseHeight, "does not begin with a height"},
		"height 5 pushed":   {change("11022c01", "100105"), CoinbaseHeight, "height 0105 is not written"},
		"height 0 pushed":   {change("11022c01", "100100"), CoinbaseHeight, "not written as a minimal"},
		"height padded":     {change("11022c01", "12032c0100"), CoinbaseHeight, "not written as a minimal"},
		"height negative":   {change("11022c01", "11022c81"), CoinbaseHeight, "not written as a minimal"},
		"height 2^31":       {change("11022c01", "140500000080"+"00"), CoinbaseHeight, "does not begin with a height"},
		"height -(2^31-1)":  {change("11022c01", "1304ffffffff"), CoinbaseHeight, "not written as a minimal"},
		"height only":       {change(script, "03"+"022c01"), CoinbaseShape, "extranonce"},
		"extranonce of 4":   {change(script, "0d"+"022c01"+"0400000001"+"046c6f6465"), CoinbaseShape, "extranonce"},
		"extranonce cut":    {change(script, "0b"+"022c01"+"0800000000000000"), CoinbaseShape, "extranonce"},
		"no tag":            {change(script, "0c"+"022c01"+"080000000000000001"), CoinbaseShape, "miner tag"},
		"tag too long":      {change("046c6f6465", "036c6f6465"), CoinbaseShape, "miner tag"},
		"tag too short":     {change("046c6f6465", "056c6f6465"), CoinbaseShape, "miner tag"},
		"tag by pushdata":   {change(script, "12"+"022c01"+"080000000000000001"+"4c"+"046c6f6465"), CoinbaseShape, "miner tag"},
		"tag as opcode":     {change(script, "0d"+"022c01"+"080000000000000001"+"51"), CoinbaseShape, "miner tag"},
		"something after":   {change(script, "12"+script[2:]+"00"), CoinbaseShape, "miner tag"},
		"tag of 76":         {change(script, "59"+"022c01"+"080000000000000001"+"4c"+strings.Repeat("00", 76)), CoinbaseShape, "miner tag"},
		"segregated marker": {change("0200000001", "02000000000101"), CoinbaseMissing, "null outpoint"},
		// The coinbase of Bitcoin's genesis block.
		"bitcoin": {"01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000",
			CoinbaseShape, "version 1"},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := hex.DecodeString(tc.raw)
			if err != nil {
				t.Fatal(err)
			}
			_, err = ParseCoinbase(raw)
			var rule RuleError
			if !errors.As(err, &rule) || rule.Reason != tc.reason || !strings.Contains(rule.Detail, tc.want) {
				t.Errorf("error %v, want %s with %q", err, tc.reason, tc.want)
			}
		})
	}
}

func TestCoinbaseValidate(t *testing.T) {
	for _, tc := range []struct {
		coinbase Coinbase
		reason   Reason
	}{
		{Coinbase{Height: -1}, CoinbaseHeight},
		{Coinbase{Height: MaxHeight + 1}, CoinbaseHeight},
		{Coinbase{Tag: strings.Repeat("x", MaxTag+1)}, CoinbaseLength},
	} {
		if err := tc.coinbase.Validate(); !errors.Is(err, tc.reason) {
			t.Errorf("%+v: error %v, want %s", tc.coinbase, err, tc.reason)
		}
		if _, err := json.Marshal(tc.coinbase); !errors.Is(err, tc.reason) {
			t.Errorf("%+v as JSON: error %v, want %s", tc.coinbase, err, tc.reason)
		}
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.HasPrefix(r, "block: coinbase: "+string(tc.reason)) {
					t.Errorf("%+v: Bytes panicked with %q", tc.coinbase, r)
				}
			}()
			tc.coinbase.Bytes()
		}()
	}
}

func TestCoinbaseTextRefuses(t *testing.T) {
	for in, want := range map[string]Reason{
		"":                        CoinbaseMissing,
		"xx":                      CoinbaseMissing,
		"0":                       CoinbaseMissing,
		strings.Repeat("00", 200): CoinbaseLength,
	} {
		c := Coinbase{Tag: "kept"}
		if err := c.UnmarshalText([]byte(in)); !errors.Is(err, want) || c.Tag != "kept" {
			t.Errorf("%.10s…: error %v, want %s; coinbase %+v", in, err, want, c)
		}
	}
	upper := strings.ToUpper(hex.EncodeToString(Coinbase{Tag: "kept"}.Bytes()))
	var c Coinbase
	if err := c.UnmarshalText([]byte(upper)); err != nil || c.Tag != "kept" {
		t.Errorf("capital digits: %+v (%v)", c, err)
	}
}

func FuzzParseCoinbase(f *testing.F) {
	for _, c := range []Coinbase{{}, {Height: 16, Tag: "a"}, {Height: 17}, {Height: MaxHeight, Extranonce: 1, Tag: strings.Repeat("x", MaxTag)}} {
		f.Add(c.Bytes())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseCoinbase(raw)
		if err != nil {
			var rule RuleError
			if !errors.As(err, &rule) || !strings.HasPrefix(string(rule.Reason), "bad-cb-") {
				t.Errorf("error %v is no rule of coinbases", err)
			}
			return
		}
		if !bytes.Equal(c.Bytes(), raw) {
			t.Errorf("%x came back as %x", raw, c.Bytes())
		}
		if tx, err := decodeTx(raw); err != nil || len(tx.Script) < 2 || len(tx.Script) > 100 {
			t.Errorf("%x is no transaction: %+v, %v", raw, tx, err)
		}
	})
}

func ExampleCoinbase() {
	c := Coinbase{Height: 300, Extranonce: 1, Tag: "lode"}
	fmt.Printf("%x\n", c.Bytes())

	before, after := c.Halves()
	c.Extranonce++
	rolled := slices.Concat(before, []byte{0, 0, 0, 0, 0, 0, 0, 2})
	fmt.Println(bytes.Equal(append(rolled, after...), c.Bytes()))
	// Output:
	// 02000000010000000000000000000000000000000000000000000000000000000000000000ffffffff11022c01080000000000000001046c6f6465ffffffff010000000000000000016a00000000
	// true
}
