package headers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"regexp"
	"slices"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

const byteOrder = "\ufeff" // the byte order mark, with which some editors begin a text

// recognise finds the form of the stream from its beginning.
func (r *Reader) recognise() error {
	start, err := r.in.Peek(1 << 16)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if text, ok := bytes.CutPrefix(start, []byte(byteOrder)); ok && isText(text[:min(len(text), pow.HeaderSize)]) {
		start = text
		if _, err := r.in.Discard(len(byteOrder)); err != nil {
			return err
		}
	}
	if isText(start[:min(len(start), pow.HeaderSize)]) {
		return r.recogniseText(start)
	}
	return r.recogniseBinary(start)
}

func (r *Reader) recogniseBinary(start []byte) error {
	if key := blockFileKey(start, r.key); key != nil {
		r.form = form{name: "a block file of Bitcoin Core", next: r.blockFile(key)}
		if [8]byte(key) != [8]byte{} {
			r.form.name += ", XORed"
		}
		if first := firstRecordOf(start, key); networkOfMagic(first.magic) == nil {
			r.form.name += fmt.Sprintf(", of a network with the magic %08x, such as a signet of one's own", bits.ReverseBytes32(first.magic))
		}
		return nil
	}
	r.form = form{name: "raw", next: r.raw, sorted: true}
	if isMetadata(start) {
		if r.index == 0 {
			r.network, r.height, r.heightKnown = networkOfMagic(binary.LittleEndian.Uint32(start)), binary.LittleEndian.Uint32(start[6:]), true
		}
		r.form.name = "an export of Neutrino"
		r.hole = metadataSize
		_, err := r.in.Discard(metadataSize)
		return err
	}
	if allZero(start[:min(len(start), pow.HeaderSize)]) {
		return r.skipHole()
	}
	if len(start) >= 2*pow.HeaderSize && !provesWork(start) && !provesWork(start[pow.HeaderSize:]) || !provesWork(start) && nameRecords(start, r.key) != "" {
		return reject.New(UnknownForm, "%s", nameBinary(start, r.key))
	}
	return nil
}

// recogniseText tells apart texts of hex digits, other texts with hex digits in them,
// and texts with the fields of headers.
func (r *Reader) recogniseText(start []byte) error {
	r.line, r.lineBegins = 1, true
	text := bytes.TrimSpace(start)
	switch {
	case hexDump.Match(text):
		return reject.New(UnknownForm, "it is a hex dump with offsets: turn it back into bytes first, for example with xxd -r")
	case isHexText(text):
		if name := nameDigits(text); name != "" {
			return reject.New(UnknownForm, "%s", name)
		}
		r.form = form{name: "hex", next: r.hex, sorted: true}
	case isJSON(text) && nonceName.Match(text): // first, since a block may have transactions in hex beside its fields
		r.form = form{name: "JSON with the fields of headers", next: r.objects()}
	case headerDigits.Match(text):
		if found := headerDigits.FindAll(text, 2); len(found) == 2 && !digitsProveWork(found[0]) && !digitsProveWork(found[1]) {
			return reject.New(UnknownForm, "the hex digits in it are no headers: neither of the first two groups of 160 digits proves its work")
		}
		r.form = form{name: "text with headers in hex", next: r.loose}
	case isJSON(text):
		r.form = form{name: "JSON with the fields of headers", next: r.objects()}
	case delimiterOf(text) != 0:
		r.form = form{name: "a table with the fields of headers", next: r.table(delimiterOf(text))}
	default:
		if name := nameText(text); name != "" {
			return reject.New(UnknownForm, "%s", name)
		}
		r.form = form{name: "hex", next: r.hex, sorted: true} // which says what is wrong, and where
	}
	return nil
}

var (
	// hexDump matches the first line of what xxd, hexdump -C and od -A x write.
	hexDump = regexp.MustCompile(`\A[0-9a-fA-F]{6,10}:? +(?:[0-9a-fA-F]{2} ?){8,}`)

	// headerDigits matches the digits of a header between other text.
	headerDigits = regexp.MustCompile(`[0-9a-fA-F]{160}`)

	// nonceName matches the name of the field that all JSON with headers has.
	nonceName = regexp.MustCompile(`(?i)"n?nonce"\s*:`)
)

func isJSON(text []byte) bool { return len(text) > 0 && (text[0] == '{' || text[0] == '[') }

// digitsProveWork reports whether 160 hex digits are a header that meets its own target.
func digitsProveWork(digits []byte) bool {
	h, err := pow.ParseHeader(string(digits))
	return err == nil && meetsOwnTarget(h)
}

// nameDigits says what a text of hex digits is if these are no headers, and returns ""
// if they may be. Headers are recognised by the work of the first or the second of
// them, because a program may have broken their digits into lines of any length.
func nameDigits(text []byte) string {
	const size = 2 * pow.HeaderSize
	words := bytes.Fields(text)
	digits := bytes.Join(words, nil)
	for _, c := range digits {
		if _, ok := hexDigit(c); !ok {
			return "" // there are labels, which the reader of headers in hex knows
		}
	}
	if len(digits) >= size && digitsProveWork(digits[:size]) || len(digits) >= 2*size && digitsProveWork(digits[size:2*size]) {
		return ""
	}
	if !slices.ContainsFunc(words[:max(1, len(words)-1)], func(w []byte) bool { return len(w) != 2*len(pow.Hash{}) }) { // the last one may be cut off here
		return "it is a list of hashes, which are not enough to check headers: bitcoin-cli getblockheader HASH false prints a header"
	}
	if len(digits) < 2*size {
		return ""
	}
	return "neither of the first two groups of 160 digits proves its work, so these digits are no headers"
}

// isHexText reports whether the first line of a text that holds more than a label has
// nothing but hex digits after it, and whether these are headers instead of blocks.
func isHexText(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if i := bytes.IndexByte(line[:min(len(line), maxLabel)], ':'); i >= 0 && !bytes.ContainsAny(line[:i], `"'{}[],`) {
		line = line[i+1:]
	}
	line = bytes.TrimSpace(line)
	line = bytes.TrimPrefix(bytes.TrimPrefix(line, []byte("0x")), []byte("0X"))
	for _, c := range line {
		if _, ok := hexDigit(c); !ok && !isSpace(c) {
			return false
		}
	}
	words := bytes.Fields(line)
	if len(words) > 1 && slices.ContainsFunc(words, func(w []byte) bool { return len(w) >= 2*pow.HeaderSize }) {
		return false // a column with headers, and others
	}
	return len(words) > 0 && !isBlock(line)
}

// isBlock reports whether a run of hex digits is a block: a header that proves its
// work, followed by something else than the header of its child.
func isBlock(digits []byte) bool {
	const size = 2 * pow.HeaderSize
	if len(digits) < size+2*minBlockBody {
		return false
	}
	first, err := pow.ParseHeader(string(digits[:size]))
	if err != nil || !meetsOwnTarget(first) {
		return false
	}
	next, err := pow.ParseHeader(string(digits[size:min(len(digits), 2*size)]))
	return err != nil || next.Prev != first.Hash() && !meetsOwnTarget(next)
}

// minBlockBody is fewer bytes than any block has after its header: the number of
// transactions, and a transaction of at least 60 bytes.
const minBlockBody = 61

// provesWork reports whether b begins with a header whose hash meets its own target.
func provesWork(b []byte) bool {
	return len(b) >= pow.HeaderSize && meetsOwnTarget(pow.DecodeHeader((*[pow.HeaderSize]byte)(b)))
}

func meetsOwnTarget(h pow.Header) bool {
	target, err := h.Bits.Target()
	return err == nil && h.Hash().Meets(target)
}

// isText reports whether b is printable, as hex digits and labels are. A raw header
// is not, because the hash of its parent contains zero bytes.
func isText(b []byte) bool {
	for _, c := range b {
		if (c < ' ' || c > '~') && !isSpace(c) {
			return false
		}
	}
	return true
}

func allZero(b []byte) bool { return len(b) > 0 && len(bytes.Trim(b, "\x00")) == 0 }

// nameBinary says what a stream is that is not of a form that can be read. The key is
// that of the file xor.dat beside it, or nil.
func nameBinary(start, key []byte) string {
	has := func(magic string) bool { return bytes.HasPrefix(start, []byte(magic)) }
	at := func(i int, magic string) bool { return len(start) > i && bytes.HasPrefix(start[i:], []byte(magic)) }
	if name := nameRecords(start, key); name != "" {
		return name
	}
	const export = "; export the headers from the program that wrote it"
	switch {
	case has("SQLite format 3\x00"):
		return "it is a database of SQLite" + export
	case has("SPVB"):
		return "it is a store of bitcoinj (SPVBlockStore)" + export
	case has("CHECKPOINTS 1"):
		return "it is a list of checkpoints of bitcoinj, which does not hold all headers"
	case at(16, "\xed\xda\x0c\xed"):
		return "it is a database of bbolt" + export
	case at(4, "headers\x00") || at(4, "block\x00\x00\x00"):
		return "it is a recorded message of Bitcoin's network: remove its first 24 bytes and the counts"
	case at(0, "\x89PNG") || has("%PDF") || has("\x7fELF"):
		return "it is a picture, a document or a program"
	case isOtherMetadata(start):
		return "it is an export of Neutrino of filter headers, or of another version: block headers have type 0 and version 0"
	}
	hint := ""
	if key == nil {
		hint = ". A file blk*.dat of Bitcoin Core 28 or newer needs the file xor.dat of the same folder beside it, and a file rev*.dat holds no headers"
	}
	return fmt.Sprintf("neither of the first two headers of 80 bytes proves its work, so it is not a stream of raw headers, and it begins "+
		"as no other known form does (%x): see lode verify --help%s", start[:min(8, len(start))], hint)
}

// nameText says what a text is that is not of a form that can be read. It returns ""
// if it is to be read as hex.
func nameText(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSpace(line)
	switch {
	case bytes.HasPrefix(text, []byte("TXT CHECKPOINTS")):
		return "it is a list of checkpoints of bitcoinj, which does not hold all headers"
	case bytes.HasPrefix(text, []byte("<")):
		return "it is HTML or XML, perhaps an error page of a server"
	case bytes.HasPrefix(text, []byte("version https://git-lfs")):
		return "it is a pointer of Git LFS: fetch the file itself"
	case bytes.HasPrefix(text, []byte("error")) || bytes.HasPrefix(text, []byte("Error")):
		return fmt.Sprintf("it is an error message: %.80q", line)
	case len(line) >= 100 && base64Text.Match(line):
		return "it is base64: decode it first, for example with base64 -d"
	}
	return ""
}

var base64Text = regexp.MustCompile(`\A[A-Za-z0-9+/_-]+=*\z`)
