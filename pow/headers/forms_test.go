package headers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lodepow/lode/pow"
)

// TestEveryForm checks that the headers of testnet3 are read from every form, and that
// the form has its name.
func TestEveryForm(t *testing.T) {
	all := realHeaders(t, 100)
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	raw := string(slices.Concat(func() (parts [][]byte) {
		for _, h := range all {
			b := h.Bytes()
			parts = append(parts, b[:])
		}
		return parts
	}()...))
	const (
		text    = "text with headers in hex"
		object  = "JSON with the fields of headers"
		table   = "a table with the fields of headers"
		file    = "a block file of Bitcoin Core"
		headers = "block_height,block_hash,version,prev_block,merkle_root,time,bits,nonce\n"
	)
	row := func(separator string) func(pow.Header) string {
		return func(h pow.Header) string {
			return strings.Join([]string{"7", h.Hash().String(), fmt.Sprint(h.Version), h.Prev.String(), h.MerkleRoot.String(), fmt.Sprint(h.Time), h.Bits.String(), fmt.Sprint(h.Nonce)}, separator)
		}
	}
	blockHex := func(h pow.Header) string { return fmt.Sprintf("%x", blockOf(h)) }
	for name, tc := range map[string]struct{ form, stream string }{
		"raw":                       {"raw", raw},
		"Electrum, from a height":   {"Electrum's file of headers", strings.Repeat("\x00", 80*7) + raw},
		"Electrum, with room after": {"Electrum's file of headers", strings.Repeat("\x00", 80*7) + raw + strings.Repeat("\x00", 200)},
		"hex":                       {"hex", join(all, "\n", hexOf)},
		"hex with 0x":               {"hex", join(all, "\n", func(h pow.Header) string { return "0x" + h.String() })},
		"JSON strings":              {text, `["` + join(all, `","`, hexOf) + `"]`},
		"JSON-RPC of Electrum":      {text, `{"jsonrpc":"2.0","result":{"count":100,"hex":"` + join(all, "", hexOf) + `","max":2016},"id":1}`},
		"quoted lines":              {text, `"` + join(all, "\"\n\"", hexOf) + `"`},
		"a list of Python":          {text, `['` + join(all, `', '`, hexOf) + `']`},
		"an array of Go":            {text, "var headers = []string{\n\t\"" + join(all, "\",\n\t\"", hexOf) + "\",\n}\n"},
		"CSV with hex":              {text, "height,hash,header\n" + join(all, "\n", func(h pow.Header) string { return "1," + h.Hash().String() + "," + h.String() })},
		"hex after a hash":          {text, join(all, "\n", func(h pow.Header) string { return h.Hash().String() + " " + h.String() })},
		"whole blocks in hex":       {text, join(all, "\n", blockHex)},
		"newest first, in JSON":     {text, `["` + join(reversed, `","`, hexOf) + `"]`},
		"getblockheader":            {object, join(all, "\n", coreJSON)},
		"with transactions in hex":  {object, join(all, "\n", withTransactions)},
		"an array of objects":       {object, "[" + join(all, ",", coreJSON) + "]"},
		"in an answer":              {object, `{"result":[` + join(all, ",", coreJSON) + `],"error":null,"id":7}`},
		"an explorer, newest first": {object, "[" + join(reversed, ",", explorerJSON) + "]"},
		"times as dates":            {object, "[" + join(all, ",", withDate(time.RFC3339)) + "]"},
		"times of a database":       {object, join(all, "\n", withDate("2006-01-02 15:04:05"))},
		"times with UTC":            {object, join(all, "\n", withDate("2006-01-02 15:04:05 UTC"))},
		"CSV":                       {table, headers + join(all, "\n", row(","))},
		"CSV of Windows":            {table, strings.ReplaceAll(strings.ReplaceAll(headers, ",", ";"), "\n", "\r\n") + join(all, "\r\n", row(";"))},
		"TSV, quoted":               {table, strings.ReplaceAll(headers, ",", "\t") + join(all, "\n", row("\t"))},
		"a block file":              {file, blockFileOf(all, Testnet3(), nil)},
		"a block file out of order": {file, blockFileOf(shuffled(all), Testnet3(), nil)},
		"a signet of one's own":     {file + ", of a network with the magic 54d26fbd, such as a signet of one's own", blockFileOf(all, &Network{Magic: 0xbd6fd254}, nil)},
		"a key that can be found":   {file + ", XORed", blockFileOf(append([]pow.Header{Testnet3().Genesis}, all...), Testnet3(), []byte("\x01\x9f\x33\x70\xc2\x11\x5b\xee"))},
	} {
		want := all
		if strings.Contains(name, "can be found") {
			want = append([]pow.Header{Testnet3().Genesis}, all...)
		}
		for how, in := range map[string]io.Reader{"": strings.NewReader(tc.stream), ", by the byte": iotest.OneByteReader(strings.NewReader(tc.stream))} {
			got, reader, err := readAll(in)
			if err != nil || reader.Form() != tc.form {
				t.Errorf("%s%s: form %q, error %v", name, how, reader.Form(), err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s%s: %d headers, want %d in order", name, how, len(got), len(want))
			}
			if reader.Strays() != 0 {
				t.Errorf("%s%s: %d strays", name, how, reader.Strays())
			}
		}
	}
}

// TestElectrumTellsTheHeight checks that the zeros before the first header give its
// height, and that zeros between headers are called a hole.
func TestElectrumTellsTheHeight(t *testing.T) {
	first, second := realHeaders(t, 2)[0].Bytes(), realHeaders(t, 2)[1].Bytes()
	zeros := make([]byte, 80*2016)
	_, reader, err := readAll(bytes.NewReader(slices.Concat(zeros, first[:], second[:])))
	if network, height, ok := reader.Metadata(); err != nil || network != nil || height != 2016 || !ok {
		t.Errorf("%v, %d, %v, %v", network, height, ok, err)
	}
	got, reader, err := readAll(bytes.NewReader(slices.Concat(first[:], zeros, second[:])))
	wantReason(t, err, Malformed)
	if len(got) != 1 || reader.Where() != "byte 80" || err == nil || !strings.Contains(err.Error(), "2016 headers are missing") {
		t.Errorf("%d headers, %s: %v", len(got), reader.Where(), err)
	}
	if got, _, err := readAll(bytes.NewReader(zeros)); len(got) != 0 || err != nil {
		t.Errorf("zeros: %d headers, %v", len(got), err)
	}
}

// TestNetworkOfTheFirstStream reads files of several networks. What the reader says about the
// stream is what the first file says, also after the others have been read.
func TestNetworkOfTheFirstStream(t *testing.T) {
	all := realHeaders(t, 20)
	var raw bytes.Buffer
	for _, h := range all {
		b := h.Bytes()
		raw.Write(b[:])
	}
	for _, test := range []struct {
		name, first, second, want string
	}{
		{"raw headers, then a block file", raw.String(), blockFileOf(all, Testnet3(), nil), ""},
		{"two block files", blockFileOf(all, Testnet3(), nil), blockFileOf(all, Main(), nil), "testnet3"},
		{"a block file, then raw headers", blockFileOf(all, Testnet3(), nil), raw.String(), "testnet3"},
	} {
		reader := NewMultiReader(streams(Stream{Reader: strings.NewReader(test.first)}, Stream{Reader: strings.NewReader(test.second)}))
		var err error
		for err == nil {
			_, err = reader.Next()
		}
		name := ""
		if network, _, _ := reader.Metadata(); network != nil {
			name = network.Name
		}
		if !errors.Is(err, io.EOF) || reader.Stream() != 1 || name != test.want {
			t.Errorf("%s: network %q, want %q; stream %d, %v", test.name, name, test.want, reader.Stream(), err)
		}
	}
}

// TestUnknownForms checks that what cannot be read is called by its form, and never by
// a rule of consensus.
func TestUnknownForms(t *testing.T) {
	hashes := join(realHeaders(t, 30), "\n", func(h pow.Header) string { return h.Hash().String() })
	for name, tc := range map[string]struct{ stream, want string }{
		"HTML":                {"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "HTML or XML"},
		"an error":            {"error: couldn't connect to server: unknown\n", "an error message"},
		"SQLite":              {"SQLite format 3\x00" + strings.Repeat("\x10\x00\x02", 100), "database of SQLite"},
		"bitcoinj":            {"SPVB" + strings.Repeat("\x01\x80", 200), "bitcoinj"},
		"checkpoints":         {"TXT CHECKPOINTS 1\n0\n3\nAAAAAAAAB+EH4QfhAAAH4AEAAACV", "checkpoints of bitcoinj"},
		"bbolt":               {strings.Repeat("\x00\x01", 8) + "\xed\xda\x0c\xed" + strings.Repeat("\x02\x00", 200), "database of bbolt"},
		"xxd":                 {"00000000: 0100 0000 6fe2 8c0a b6f1 b372 c1a6 a246  ....o......r...F\n", "hex dump with offsets"},
		"hexdump -C":          {"00000000  01 00 00 00 6f e2 8c 0a  b6 f1 b3 72 c1 a6 a2 46  |....o......r...F|\n", "hex dump with offsets"},
		"filter headers":      {"\x0b\x11\x09\x07\x00\x01\x00\x00\x00\x00" + strings.Repeat("\x9a\x03", 200), "filter headers"},
		"noise":               {strings.Repeat("\x9a\x03\xff", 200), "neither of the first two headers of 80 bytes proves its work"},
		"hashes":              {hashes + "\n", "list of hashes"},
		"one hash":            {hashes[:64] + "\n", "list of hashes"},
		"a transaction":       {"01000000" + strings.Repeat("9a03ff", 150) + "\n", "so these digits are no headers"},
		"one in JSON":         {`{"txid": "00", "hex": "01000000` + strings.Repeat("9a03ff", 150) + `"}`, "the hex digits in it are no headers"},
		"hashes in JSON":      {`["` + strings.ReplaceAll(hashes, "\n", `","`) + `"]`, "the hashes in it are not enough"},
		"other JSON":          {`{"blocks": 3, "chain": "main"}`, "JSON without any object"},
		"base64":              {strings.Repeat("AQAAAG/ijAq28bNywaaiRq5j908", 8) + "=", "base64"},
		"undo data":           {undoFileOf(Testnet3().Magic, nil, 1, 70, 500), "undo file of Bitcoin Core (rev*.dat), which holds no headers: take the file blk*.dat"},
		"long undo data":      {undoFileOf(Testnet3().Magic, nil, 100_000, 70), "undo file of Bitcoin Core"},
		"undo of a signet":    {undoFileOf(0xbd6fd254, nil, 1, 70, 500), "undo file of Bitcoin Core"},
		"blocks of Litecoin":  {foreignFileOf(0xdbb6c0fb), "block file of Litecoin (magic fbc0b6db), whose blocks do not prove their work by SHA-256d"},
		"of who knows what":   {foreignFileOf(0x12345678), "block file of another network (magic 78563412)"},
		"long ones of Dash":   {longFileOf(foreignFileOf(0xbd6b0cbf)), "block file of Dash (magic bf0c6bbd), whose blocks do not prove their work by SHA-256d"},
		"one of Dogecoin":     {foreignFileOf(0xc0c0c0c0)[:recordHead+90], "block file of Dogecoin"},
		"long, of who knows":  {longFileOf(foreignFileOf(0x12345678)), "block file of another network (magic 78563412)"},
		"a pointer of an LFS": {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "Git LFS"},
	} {
		got, _, err := readAll(strings.NewReader(tc.stream))
		wantReason(t, err, UnknownForm)
		if len(got) != 0 || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %d headers, %v; want %q", name, len(got), err, tc.want)
		}
	}
}

// TestNeutrinoOfEveryNetwork checks exports of every network that Neutrino knows, and of
// a signet of one's own, from the genesis. On networks without difficulty there are
// headers after it.
func TestNeutrinoOfEveryNetwork(t *testing.T) {
	own := *Signet()
	own.Magic, own.Name = 0xbd6fd254, "one's own signet"
	for _, n := range append(Networks(), &own) {
		export := binary.LittleEndian.AppendUint32(nil, n.Magic)
		export = append(export, 0, 0, 0, 0, 0, 0)
		all := []pow.Header{n.Genesis}
		for n.Genesis.Bits == 0x207fffff && len(all) < 10 {
			last := all[len(all)-1]
			all = append(all, solve(t, pow.Header{Version: 4, Prev: last.Hash(), Time: last.Time + 600, Bits: last.Bits}))
		}
		for _, h := range all {
			b := h.Bytes()
			export = append(export, b[:]...)
		}
		got, reader, err := readAll(bytes.NewReader(export))
		if err != nil || !slices.Equal(got, all) || reader.Form() != "an export of Neutrino" {
			t.Errorf("%s: form %q, %d headers, %v", n.Name, reader.Form(), len(got), err)
		}
		network, height, ok := reader.Metadata()
		if named := network != nil; !ok || height != 0 || named != (n != &own) || named && network.Name != n.Name {
			t.Errorf("%s: metadata %v, %d, %v", n.Name, network, height, ok)
		}
		s, err := verifyStream(bytes.NewReader(export), Config{Network: network, Retarget: true})
		if err != nil || s.Best.Height != uint32(len(all)-1) || s.Start.Network.Genesis != n.Genesis {
			t.Errorf("%s: %+v, %v", n.Name, s, err)
		}
	}
}

// TestMalformedFields checks the messages about objects and tables that are nearly
// those of a header.
func TestMalformedFields(t *testing.T) {
	h := realHeaders(t, 1)[0]
	good := coreJSON(h)
	for name, tc := range map[string]struct{ stream, want string }{
		"another nonce":     {strings.Replace(good, fmt.Sprint(h.Nonce), "7", 1), "but the stated hash is"},
		"no merkle root":    {strings.Replace(good, "merkleroot", "root", 1), "the merkle root is missing"},
		"no parent":         {strings.Replace(good, "previousblockhash", "x", 1), "the hash of the previous block is missing"},
		"a time of words":   {strings.Replace(good, fmt.Sprint(h.Time), `"today"`, 1), `time "today": want a whole number`},
		"a negative nonce":  {strings.Replace(good, fmt.Sprint(h.Nonce), "-1", 1), `nonce "-1": want a whole number`},
		"too large a time":  {strings.Replace(good, fmt.Sprint(h.Time), "4294967296", 1), `time "4294967296": want`},
		"a version":         {strings.Replace(good, `"version": 1`, `"version": 4294967296`, 1), `version "4294967296": want`},
		"cut off":           {good[:len(good)-9], "ends inside a JSON value"},
		"no JSON":           {good + "}", "this is no JSON after byte"},
		"deep":              {strings.Repeat("[", 40) + good, "nested more than 32 deep"},
		"a table cut short": {"version,prev_block,merkle_root,time,bits,nonce\n1,2\n", "the row has 2 columns, the first line 6"},
	} {
		_, _, err := readAll(strings.NewReader(tc.stream))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v; want %q", name, err, tc.want)
		}
	}
}

// TestEndlessValuesAreRefused checks that a value without end does not fill the
// memory.
func TestEndlessValuesAreRefused(t *testing.T) {
	for name, start := range map[string]string{"JSON": `[{"nonce": "`, "CSV": "version,prev,time,bits\n1,\""} {
		_, _, err := readAll(io.MultiReader(strings.NewReader(start), spaces{}))
		if err == nil || !strings.Contains(err.Error(), "a value of more than") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// spaces is a stream of spaces that never ends.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
