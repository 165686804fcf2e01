package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/lodepow/lode/pow/headers/unpack"
)

// headersIn is the stream of all files on the command line, one after another, each
// of them unpacked.
type headersIn struct {
	names  []string  // of the files that have not been read to their end
	std    io.Reader // for the name "-"
	file   io.Closer // the file being read; nil if there is none
	inside io.Reader // what is unpacked from it; nil if the first of names is not open
	layers []string  // of compression around the first file
	key    []byte    // with which the first file is XORed, if it is a block file; nil if none is known
}

// openHeaders opens the first file. No names mean standard input.
func openHeaders(names []string, std io.Reader) (*headersIn, error) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	if len(names) > 1 && slices.Contains(names, "-") {
		return nil, errors.New("standard input (-) cannot be combined with files")
	}
	in := &headersIn{names: names, std: std}
	layers, err := in.open()
	if err != nil {
		return nil, err
	}
	in.layers = layers
	if key, err := os.ReadFile(filepath.Join(filepath.Dir(names[0]), "xor.dat")); err == nil && names[0] != "-" && len(key) == 8 {
		in.key = key
	}
	return in, nil
}

// open opens the first of the files that are left.
func (in *headersIn) open() (layers []string, err error) {
	source := in.std
	if in.names[0] != "-" {
		f, err := os.Open(in.names[0])
		if err != nil {
			return nil, err
		}
		source, in.file = f, f
	}
	in.inside, layers, err = unpack.Open(source)
	if err != nil {
		err = fmt.Errorf("%s: %w", in.name(), err)
	}
	return layers, err
}

// Read reads from the files that are left.
func (in *headersIn) Read(p []byte) (int, error) {
	for {
		n, err := in.inside.Read(p)
		if n > 0 || !errors.Is(err, io.EOF) || len(in.names) == 1 {
			return n, err
		}
		in.close()
		in.names = in.names[1:]
		if _, err := in.open(); err != nil {
			return 0, err
		}
	}
}

// close closes the file that is open.
func (in *headersIn) close() {
	if in.file != nil {
		_ = in.file.Close() // opened for reading only
		in.file = nil
	}
}

// name returns the name of the file that is being read.
func (in *headersIn) name() string {
	if in.names[0] == "-" {
		return "standard input"
	}
	return in.names[0]
}
