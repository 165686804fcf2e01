package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/lodepow/lode/pow/headers"
	"github.com/lodepow/lode/pow/headers/unpack"
)

// input opens the files on the command line, one after another.
type input struct {
	names  []string
	std    io.Reader       // for the name "-"
	opened int             // number of files that have been opened
	file   io.Closer       // the latest of them, unless it is standard input
	layers []string        // of compression around the first file
	peeked *headers.Stream // the first file, if begins has opened it and next has not returned it
}

// newInput returns the input of some files. No names mean standard input.
func newInput(names []string, std io.Reader) (*input, error) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	if len(names) > 1 && slices.Contains(names, "-") {
		return nil, errors.New("standard input (-) cannot be combined with files")
	}
	return &input{names: names, std: std}, nil
}

// begins opens the first file and returns how it begins. The next call of next returns
// that file.
func (in *input) begins() ([]byte, error) {
	stream, err := in.next()
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewReaderSize(stream.Reader, 1<<16)
	start, err := buffered.Peek(1 << 16)
	stream.Reader = buffered
	if err != nil && !errors.Is(err, io.EOF) {
		stream.Reader = io.MultiReader(bytes.NewReader(start), failing{err}) // the buffer would not return it again
	}
	in.peeked = &stream
	return start, nil
}

var errFolder = errors.New("it is a folder: name the files in it, such as blk*.dat")

// failing is a reader of which every read fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// next opens the next file, as headers.NewMultiReader demands.
func (in *input) next() (headers.Stream, error) {
	if stream := in.peeked; stream != nil {
		in.peeked = nil
		return *stream, nil
	}
	in.close()
	if in.opened == len(in.names) {
		return headers.Stream{}, io.EOF
	}
	name := in.names[in.opened]
	source := in.std
	if name != "-" {
		// Each system has another error for reading a folder.
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			return headers.Stream{}, &fs.PathError{Op: "open", Path: name, Err: errFolder}
		}
		f, err := os.Open(name)
		if err != nil {
			return headers.Stream{}, err
		}
		source, in.file = f, f
	}
	in.opened++
	inside, layers, err := unpack.Open(source)
	if in.opened == 1 {
		in.layers = layers
	}
	stream := headers.Stream{Reader: inside}
	if name == "-" {
		return stream, err
	}
	key := filepath.Join(filepath.Dir(name), "xor.dat")
	switch found, unread := os.ReadFile(key); {
	case unread == nil && len(found) == keySize:
		stream.Key = found
	case err != nil || !isBlockFile(name):
	case unread == nil:
		err = fmt.Errorf("%s has %d bytes, but the key with which Bitcoin Core combines its block files has %d: copy it again", key, len(found), keySize)
	case !errors.Is(unread, fs.ErrNotExist):
		err = fmt.Errorf("the key with which Bitcoin Core combines its block files cannot be read: %w", unread)
	}
	return stream, err
}

// keySize is the length of the key in the file xor.dat of Bitcoin Core.
const keySize = 8

// isBlockFile reports whether the file is named like a block file of Bitcoin Core.
func isBlockFile(name string) bool {
	matches, err := filepath.Match("blk[0-9]*.dat", filepath.Base(name))
	return err == nil && matches
}

// close closes the file that is open.
func (in *input) close() {
	if in.file != nil {
		_ = in.file.Close() // opened for reading only
		in.file = nil
	}
}

// name returns the name of the i-th file, counted from 0.
func (in *input) name(i int) string {
	if name := in.names[max(i, 0)]; name != "-" {
		return name
	}
	return "standard input"
}

// failed returns the error of the i-th file with its name.
func (in *input) failed(i int, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && path.Op == "open" {
		return err // it names the file, which may be a later one
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: the compressed file is cut off: %w", in.name(i), err)
	}
	return fmt.Errorf("%s: %w", in.name(i), err)
}
