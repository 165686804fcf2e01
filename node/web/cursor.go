package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
)

// maxIndex is the greatest index of a post in a block that a cursor can have.
const maxIndex = math.MaxInt32

// cursorText returns a cursor as it is written into a URL: "HEIGHT.INDEX", or "" for the
// zero value.
func cursorText(c chain.TxCursor) string {
	if c.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%d", c.Height, c.Index)
}

// parseCursor parses what cursorText returns.
func parseCursor(s string) (chain.TxCursor, error) {
	if s == "" {
		return chain.TxCursor{}, nil
	}
	height, index, ok := strings.Cut(s, ".")
	h, err := digits(height, block.MaxHeight)
	i, err2 := digits(index, maxIndex)
	if !ok || err != nil || err2 != nil {
		return chain.TxCursor{}, badRequest("the place %.40q to go on from is not one of this page: begin with the newest posts again", s)
	}
	return chain.TxCursor{Height: h, Index: int(i)}, nil
}

// digits parses decimal digits without a sign, at most most.
func digits(s string, most int64) (int64, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && n > most {
		err = strconv.ErrRange
	}
	return n, err
}
