package headers

import (
	"bufio"
	"fmt"
	"io"

	"github.com/lodepow/lode/pow"
)

// Reader reads headers from a stream. It recognises the form of the stream by its
// beginning:
//
//   - raw: the 80 bytes of each header, one header after another. Zeros before the
//     first header are holes, as Electrum leaves them in its file, and count towards
//     the height;
//   - raw after ten bytes of metadata, as exported by Neutrino: network magic,
//     version 0, type 0, height of the first header;
//   - block files of Bitcoin Core (blk*.dat): the network's magic, a length and a
//     block, again and again, possibly XORed with a key of eight bytes;
//   - hex: the 160 digits of each header, with any white space between and inside
//     headers; a line may begin with a label that ends in a colon, or with 0x;
//   - other text with the hex digits of headers or of whole blocks in it: JSON arrays,
//     quoted strings, CSV, lists in the syntax of a programming language;
//   - JSON objects and tables with the fields of a header, as Bitcoin Core and block
//     explorers write them.
//
// Block files and objects may be out of order. The reader then returns parents before
// their children, see [Reader.Strays].
type Reader struct {
	in    *bufio.Reader
	form  form
	key   []byte
	begun bool
	sort  *sorter // nil unless the form may be out of order

	buf   [pow.HeaderSize]byte
	count uint64 // headers read
	at    uint64 // where the latest header begins: a byte offset or, in text, a line

	line       uint64 // number of the current line, from 1; 0 unless the form is text
	lineBegins bool   // nothing but white space has been read from the line

	network     *Network // from the stream; nil if it does not tell
	height      uint32   // of the first header, from the stream
	heightKnown bool
}

// form is a form of streams.
type form struct {
	name   string
	next   func() (pow.Header, error) // reads a header
	sorted bool                       // children come after their parents
}

// NewReader returns a reader of the stream. It reads nothing before Next is called.
func NewReader(r io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(r, 1<<16)} }

// UseKey sets the key with which a block file is XORed: the content of the file
// xor.dat beside it. It must be called before Next. Without it, the reader finds the
// key from what is known of the first block, which is possible on the main network.
func (r *Reader) UseKey(key []byte) { r.key = key }

// Next returns the next header. At the end of the stream the error is [io.EOF]. If
// the stream is malformed or truncated, or of a form that the reader cannot read, the
// error is a [reject.Error].
func (r *Reader) Next() (pow.Header, error) {
	if !r.begun {
		if err := r.recognise(); err != nil {
			return pow.Header{}, err
		}
		r.begun = true
		if !r.form.sorted {
			r.sort = newSorter(r)
		}
	}
	if r.sort != nil {
		return r.sort.next()
	}
	return r.form.next()
}

// Form returns the name of the stream's form. It is known after the first call of
// Next.
func (r *Reader) Form() string { return r.form.name }

// Where returns the position at which the header begins that Next has returned or
// refused last, for example "line 3" or "byte 160".
func (r *Reader) Where() string {
	if r.line > 0 {
		return fmt.Sprintf("line %d", r.at)
	}
	return fmt.Sprintf("byte %d", r.at)
}

// Metadata returns what the stream says about itself: the network, which is nil if it
// does not say, and the height of the first header, if ok is true. They are known
// after the first call of Next.
func (r *Reader) Metadata() (network *Network, height uint32, ok bool) {
	return r.network, r.height, r.heightKnown
}

// Strays returns how many headers have been left out because their parents are
// neither in the stream nor the parent of the first header. There may be some in
// block files, which hold blocks in the order in which the node received them.
func (r *Reader) Strays() int {
	if r.sort == nil {
		return 0
	}
	return r.sort.strays
}
