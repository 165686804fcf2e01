package web

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"strings"
	"sync"
)

// compressor compresses with gzip. Its state takes about a megabyte, so it is kept for the
// next call.
type compressor struct {
	level int // of package gzip

	mu  sync.Mutex
	gz  *gzip.Writer // nil before the first call
	buf bytes.Buffer // what gz has written
}

// compress returns the body with gzip, or nil if that would not be shorter.
func (c *compressor) compress(body []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gz == nil {
		c.gz, _ = gzip.NewWriterLevel(nil, c.level)
	}
	c.buf.Reset()
	c.gz.Reset(&c.buf)
	_, _ = c.gz.Write(body) // a buffer takes everything
	_ = c.gz.Close()
	if c.buf.Len() >= len(body) {
		return nil
	}
	return bytes.Clone(c.buf.Bytes())
}

// acceptsGzip reads the header Accept-Encoding (RFC 9110, 12.5.3). It takes a client
// that names gzip with a weight of zero for one that does not want it.
func acceptsGzip(header string) bool {
	for element := range strings.SplitSeq(header, ",") {
		name, weight, weighted := strings.Cut(element, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		if !weighted {
			return true
		}
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
		return err == nil && q > 0
	}
	return false
}
