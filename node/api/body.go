package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
)

// readJSON reads a body that must say, if anything, that it is JSON.
func readJSON(w *writer, r *http.Request, to *bytes.Buffer, most int64) error {
	if kinds := r.Header["Content-Type"]; len(kinds) > 0 {
		if len(kinds) > 1 || kinds[0] != "application/json" && !isJSON(kinds[0]) {
			return refuse(http.StatusUnsupportedMediaType,
				"content type %.60q: send JSON, with the header Content-Type: application/json", strings.Join(kinds, ", "))
		}
	}
	return readBody(w, r, to, most)
}

func isJSON(kind string) bool {
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		return false
	}
	charset, ok := params["charset"]
	return (media == "application/json" || strings.HasSuffix(media, "+json")) && (!ok || strings.EqualFold(charset, "utf-8"))
}

// readBody reads a body of at most so many bytes. A compressed one is refused: a
// few bytes could become any number of them.
func readBody(w *writer, r *http.Request, to *bytes.Buffer, most int64) error {
	if codings := r.Header["Content-Encoding"]; len(codings) > 0 && (len(codings) > 1 || !strings.EqualFold(codings[0], "identity")) {
		w.Header().Set("Accept-Encoding", "identity")
		return refuse(http.StatusUnsupportedMediaType, "content encoding %.40q: send the body as it is, not compressed", strings.Join(codings, ", "))
	}
	if r.ContentLength > most {
		w.Header().Set("Connection", "close") // do not read it to its end
		return refuse(http.StatusRequestEntityTooLarge, "the body has %d bytes, at most %d are read", r.ContentLength, most)
	}
	if n := r.ContentLength; n > 0 {
		to.Grow(int(min(n, 4<<10)) + bytes.MinRead) // what is only announced takes no memory
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
	return refuse(http.StatusBadRequest, "the body could not be read: %v", err)
}
