package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed all:static
var staticFiles embed.FS

// static holds the files that pages load. It does not change after loadStatic.
type static struct{ files map[string]file } // by the path below /static/

// file is a file with everything that is needed to serve it.
type file struct {
	kind    string // Content-Type
	hash    string // the first hex digits of its SHA-256
	body    []byte
	gzipped []byte // nil if gzip does not make it smaller
}

// typeOf returns the Content-Type of a file. The types of the operating system are not
// asked, because they differ between machines.
func typeOf(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json":
		return "application/json"
	case ".txt", ".md", "":
		return "text/plain; charset=utf-8"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

func loadStatic() (*static, error) {
	s := &static{files: map[string]file{}}
	gz := compressor{level: gzip.BestCompression}
	err := fs.WalkDir(staticFiles, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		if path.Ext(name) == ".js" && !strings.HasPrefix(name, "static/vendor/") {
			body = withoutComments(body)
		}
		sum := sha256.Sum256(body)
		s.files[strings.TrimPrefix(name, "static/")] = file{
			kind: typeOf(name), hash: hex.EncodeToString(sum[:8]), body: body, gzipped: gz.compress(body),
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: files for the pages: %w", err)
	}
	return s, nil
}

// withoutComments returns a script of ours without its lines of comment, which are a tenth
// of what a page loads. They stay as empty lines, so that the numbers of the lines in the
// messages of a browser are those of the source. No text of a script may go over several
// lines, because one of them could look like a comment; a test checks this.
func withoutComments(script []byte) []byte {
	lines := bytes.Split(script, []byte("\n"))
	for i, line := range lines {
		if bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("//")) {
			lines[i] = nil
		}
	}
	return bytes.Join(lines, []byte("\n"))
}

// url returns the address of a file, with its hash, so that a browser may keep it for
// ever. It is an error if there is no such file, so that a page cannot name one that is
// missing.
func (s *static) url(name string) (string, error) {
	f, ok := s.files[name]
	if !ok {
		return "", fmt.Errorf("there is no file static/%s", name)
	}
	return "/static/" + name + "?v=" + f.hash, nil
}

func (s *static) has(name string) bool {
	_, ok := s.files[name]
	return ok
}

// serve serves a file. One that is asked for by its hash may be kept for ever; a script
// that is imported by another script has no hash in its address, so the browser asks
// each time whether it has changed.
func (s *static) serve(rw http.ResponseWriter, r *http.Request, name string) bool {
	f, ok := s.files[name]
	if !ok {
		return false
	}
	header := rw.Header()
	header.Set("Content-Type", f.kind)
	header.Add("Vary", "Accept-Encoding") // the API may have set it
	if r.URL.Query().Get("v") == f.hash {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		header.Set("Cache-Control", "no-cache")
	}
	body, tag := f.body, `"`+f.hash+`"`
	if f.gzipped != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body, tag = f.gzipped, `"`+f.hash+`-gz"`
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("ETag", tag)
	if hasTag(r.Header.Get("If-None-Match"), tag) {
		header.Del("Content-Encoding")
		rw.WriteHeader(http.StatusNotModified)
		return true
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	rw.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = rw.Write(body) // an error means that the client has left
	}
	return true
}

// hasTag reports whether the header If-None-Match lists the tag.
func hasTag(header, tag string) bool {
	for element := range strings.SplitSeq(header, ",") {
		element = strings.TrimPrefix(strings.TrimSpace(element), "W/")
		if element == tag || element == "*" {
			return true
		}
	}
	return false
}
