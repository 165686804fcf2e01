package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxIndex is the greatest index of a transaction in a block that a cursor can have.
const maxIndex = math.MaxInt32

// String returns the cursor as it is written into a URL: "HEIGHT.INDEX", or "" for the
// zero value.
func (c TxCursor) urlText() string {
	if c == (TxCursor{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d", c.Height, c.Index)
}

// parseCursor parses what urlText returns.
func parseCursor(s string) (TxCursor, error) {
	if s == "" {
		return TxCursor{}, nil
	}
	height, index, ok := strings.Cut(s, ".")
	h, err := digits(height, math.MaxInt64)
	if err != nil || !ok {
		return TxCursor{}, badRequest("the place %.40q to go on from is not one of this page: begin with the newest posts again", s)
	}
	i, err := digits(index, maxIndex)
	if err != nil {
		return TxCursor{}, badRequest("the place %.40q to go on from is not one of this page: begin with the newest posts again", s)
	}
	return TxCursor{Height: h, Index: int(i)}, nil
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
