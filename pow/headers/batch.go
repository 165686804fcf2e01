package headers

import "github.com/lodepow/lode/pow"

// BatchSize is the number of headers that a batch can hold.
const BatchSize = 64

// Batch holds headers that are read one after another and then verified together, with
// [Verifier.AddAll].
type Batch struct {
	headers [BatchSize]pow.Header
	places  [BatchSize]place
	n       int
}

// Read replaces the batch by the next headers of the reader, which are BatchSize or fewer.
// If there are fewer, it returns the error with which the reader refused to read more,
// such as [io.EOF]. The headers of the batch come before that error.
func (b *Batch) Read(r *Reader) error {
	for b.n = 0; b.n < BatchSize; b.n++ {
		h, err := r.Next()
		if err != nil {
			return err
		}
		b.headers[b.n], b.places[b.n] = h, r.place
	}
	return nil
}

// Headers returns the headers. They are valid until the next call of Read.
func (b *Batch) Headers() []pow.Header { return b.headers[:b.n] }

// Where returns the position at which header i of the batch begins, as [Reader.Where]
// does, and the index of its stream.
func (b *Batch) Where(i int) (where string, stream int) {
	return b.places[i].String(), b.places[i].stream
}
