package headers

import (
	"bufio"
	"errors"
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
	more  func() (Stream, error) // opens the next stream; io.EOF: there is none
	in    *bufio.Reader
	form  form    // of the present stream
	key   []byte  // of the present stream
	begun bool    // the first stream has been recognised
	sort  *sorter // nil unless the form may be out of order

	buf   [pow.HeaderSize]byte
	index int    // of the present stream
	count uint64 // headers read from it
	hole  uint64 // bytes before its first header
	place        // of the latest header

	line       uint64 // number of the current line, from 1; 0 unless the form is text
	lineBegins bool   // nothing but white space has been read from the line

	network     *Network // from the first stream; nil if it does not tell
	height      uint32   // of the first header, from the first stream
	heightKnown bool
}

// form is a form of streams.
type form struct {
	name   string
	next   func() (pow.Header, error) // reads a header
	sorted bool                       // children come after their parents
}

// place says where a header begins.
type place struct {
	stream int
	at     uint64 // a byte offset or, in text, a line
	text   bool
}

func (p place) String() string {
	if p.text {
		return fmt.Sprintf("line %d", p.at)
	}
	return fmt.Sprintf("byte %d", p.at)
}

// Stream is one of the streams that a Reader reads.
type Stream struct {
	io.Reader

	// Key is what a block file is XORed with: the eight bytes of the file xor.dat
	// beside it. Without it, the reader finds the key from what is known of the first
	// block, which is possible on the main network.
	Key []byte
}

// NewReader returns a reader of a single stream. It reads nothing before Next is
// called.
func NewReader(in io.Reader) *Reader {
	opened := false
	return NewMultiReader(func() (Stream, error) {
		if opened {
			return Stream{}, io.EOF
		}
		opened = true
		return Stream{Reader: in}, nil
	})
}

// NewMultiReader returns a reader of streams that follow each other, such as block
// files. It calls next for the first stream and whenever one has ended. After the
// last stream, next returns [io.EOF].
func NewMultiReader(next func() (Stream, error)) *Reader {
	return &Reader{more: next, in: bufio.NewReaderSize(nil, 1<<16), index: -1}
}

// Next returns the next header. At the end of the stream the error is [io.EOF]. If
// the stream is malformed or truncated, or of a form that the reader cannot read, the
// error is a [reject.Error].
func (r *Reader) Next() (pow.Header, error) {
	if !r.begun {
		if err := r.open(); err != nil {
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
	return r.read()
}

// open begins to read the next stream.
func (r *Reader) open() error {
	stream, err := r.more()
	if err != nil {
		return err
	}
	r.in.Reset(stream.Reader)
	r.key, r.count, r.hole, r.line = stream.Key, 0, 0, 0
	r.index++
	r.place = place{stream: r.index}
	return r.recognise()
}

// read reads the next header in the order of the streams.
func (r *Reader) read() (pow.Header, error) {
	for {
		h, err := r.form.next()
		r.stream, r.text = r.index, r.line > 0
		if err == nil {
			r.count++
		}
		if !errors.Is(err, io.EOF) {
			return h, err
		}
		if err := r.open(); err != nil {
			return pow.Header{}, err
		}
	}
}

// Form returns the name of the form of the stream that is being read. It is known
// after the first call of Next.
func (r *Reader) Form() string { return r.form.name }

// Where returns the position at which the header begins that Next has returned or
// refused last, for example "line 3" or "byte 160".
func (r *Reader) Where() string { return r.String() }

// Stream returns the index of the stream to which Where refers, counted from 0.
func (r *Reader) Stream() int { return r.stream }

// Metadata returns what the first stream says about itself: the network, which is nil if
// it does not say, and the height of the first header, if ok is true. They are known
// after the first call of Next, and do not change when later streams are read.
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
