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
//
// Read waits for the headers of a slow stream, so a fault in the first of them is found only
// when the batch is full. It does not return early when the stream has nothing more to read
// at the moment, because the reader cannot tell for each form how much it needs for the next
// header. Nor would that be enough: to recognise the form, the reader waits for the first
// 64 KiB of a stream, or for its end.
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
