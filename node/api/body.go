package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/node/internal/body"
)

// readJSON reads a body of at most most bytes into to. A longer one is refused with the
// word oversize. The content type may be missing, as in the original's clients; if
// there is one, it must be JSON.
func readJSON(w *writer, r *http.Request, to *bytes.Buffer, most int64, oversize block.Reason) error {
	if kinds := r.Header["Content-Type"]; len(kinds) > 0 {
		if len(kinds) > 1 || kinds[0] != "application/json" && !isJSON(kinds[0]) {
			return refuse(http.StatusUnsupportedMediaType,
				"content type %.60q: send JSON, with the header Content-Type: application/json", strings.Join(kinds, ", "))
		}
	}
	err := readBody(w, r, to, most)
	if p, ok := err.(problem); ok && p.status == http.StatusRequestEntityTooLarge { //nolint:errorlint // refusals are not wrapped
		return withReason(err, oversize)
	}
	return err
}

func isJSON(kind string) bool {
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		return false
	}
	charset, ok := params["charset"]
	return (media == "application/json" || strings.HasSuffix(media, "+json")) && (!ok || strings.EqualFold(charset, "utf-8"))
}

// readBody reads a body of at most most bytes into to. It refuses a compressed
// body.
func readBody(w *writer, r *http.Request, to *bytes.Buffer, most int64) error {
	if body.Compressed(r.Header) {
		w.Header().Set("Accept-Encoding", "identity")
		return refuse(http.StatusUnsupportedMediaType, "content encoding %.40q: send the body as it is, not compressed",
			strings.Join(r.Header["Content-Encoding"], ", "))
	}
	if r.ContentLength > most {
		w.Header().Set("Connection", "close") // so that the server does not read the body to its end
		return refuse(http.StatusRequestEntityTooLarge, "the body has %d bytes, at most %d are read", r.ContentLength, most)
	}
	if n := r.ContentLength; n > 0 {
		to.Grow(int(min(n, 4<<10)) + bytes.MinRead) // not more: a length is only a claim
	}
	_, err := to.ReadFrom(http.MaxBytesReader(w.ResponseWriter, r.Body, most))
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes, which is the most that is read", most)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "the body took too long to arrive")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(http.StatusBadRequest, "the body ended before its %d bytes were there", r.ContentLength)
	}
	return refuse(http.StatusBadRequest, "the body could not be read: its length or its chunks are wrong")
}
