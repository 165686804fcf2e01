package headers

import (
	"errors"
	"io"

	"github.com/lodepow/lode/pow"
)

// sorter returns the headers of a stream that is out of order, parents before
// children. It keeps at most maxWaiting headers whose parents have not come yet, twice
// as many as a node of Bitcoin Core can be ahead with its downloads.
//
// Which header comes first is decided once the stream ends or maxWaiting headers are
// waiting: of those whose parents are not among them, the one with the most
// descendants, because the stream may begin with a few blocks whose parents are in an
// earlier file.
type sorter struct {
	read    *Reader
	waiting map[pow.Hash][]placed // by parent
	count   int                   // headers that are waiting
	order   []pow.Hash            // the parents that are waited for, in order of arrival; some may have come
	ready   []placed
	given   map[pow.Hash]bool // the latest headers that were returned, and their first parent
	ring    []pow.Hash        // the same, in order
	begun   bool
	end     error // of the stream
	endAt   place // where the header begins that the error is about
	strays  int
}

// placed is a header with its place.
type placed struct {
	header pow.Header
	place
}

const maxWaiting = 2048

func newSorter(r *Reader) *sorter {
	return &sorter{read: r, waiting: map[pow.Hash][]placed{}, given: map[pow.Hash]bool{}}
}

func (s *sorter) next() (pow.Header, error) {
	for len(s.ready) == 0 {
		if s.end != nil {
			if !s.begun {
				s.begin()
				continue
			}
			s.strays += s.count
			s.count = 0
			if !errors.Is(s.end, io.EOF) {
				s.read.place = s.endAt
			}
			return pow.Header{}, s.end
		}
		h, err := s.read.read()
		if err != nil {
			s.end, s.endAt = err, s.read.place
			continue
		}
		s.add(placed{h, s.read.place})
	}
	first := s.ready[0]
	s.ready = s.ready[1:]
	s.read.place = first.place
	s.release(first.header.Hash())
	return first.header, nil
}

// add takes a header of the stream.
func (s *sorter) add(p placed) {
	if s.given[p.header.Prev] {
		s.ready = append(s.ready, p)
		return
	}
	if len(s.waiting[p.header.Prev]) == 0 {
		s.order = append(s.order, p.header.Prev)
	}
	s.waiting[p.header.Prev] = append(s.waiting[p.header.Prev], p)
	s.count++
	switch {
	case s.count < maxWaiting:
	case !s.begun:
		s.begin()
	default:
		s.dropOldest()
	}
}

// release makes the children of a header ready that has been returned.
func (s *sorter) release(hash pow.Hash) {
	s.remember(hash)
	children := s.waiting[hash]
	delete(s.waiting, hash)
	s.count -= len(children)
	s.ready = append(s.ready, children...)
}

// remember notes that a header has been returned, and forgets the oldest.
func (s *sorter) remember(hash pow.Hash) {
	s.given[hash] = true
	s.ring = append(s.ring, hash)
	if len(s.ring) > window {
		delete(s.given, s.ring[0])
		s.ring = s.ring[1:]
	}
}

// dropOldest gives up the headers that have waited longest for their parent.
func (s *sorter) dropOldest() {
	for len(s.order) > 0 {
		parent := s.order[0]
		s.order = s.order[1:]
		if lost := s.waiting[parent]; len(lost) > 0 {
			delete(s.waiting, parent)
			s.count -= len(lost)
			s.strays += len(lost)
			return
		}
	}
}

// begin decides which header comes first.
func (s *sorter) begin() {
	s.begun = true
	known := map[pow.Hash]bool{}
	for _, children := range s.waiting {
		for _, c := range children {
			known[c.header.Hash()] = true
		}
	}
	var root pow.Hash
	most := 0
	for _, parent := range s.order { // not over the map, so that the result is always the same
		if known[parent] {
			continue
		}
		if n := s.descendants(parent); n > most {
			root, most = parent, n
		}
	}
	if most > 0 {
		s.release(root)
	}
}

// descendants counts the waiting headers above a hash.
func (s *sorter) descendants(of pow.Hash) int {
	n := 0
	for left := []pow.Hash{of}; len(left) > 0; {
		children := s.waiting[left[0]]
		left = left[1:]
		n += len(children)
		for _, c := range children {
			left = append(left, c.header.Hash())
		}
		if n > maxWaiting {
			break // the stream holds a header twice
		}
	}
	return n
}
