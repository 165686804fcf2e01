package api

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/internal/syserr"
	"github.com/lodepow/lode/node/gossip"
)

// parseRegistration reads the address in a body such as
// {"node_address": "http://host:port"}. It refuses other keys, because a key with a
// typing error would be ignored otherwise, and a key that occurs twice.
//
// It also refuses an address that is a bare word. As the name of a host at port 80 it
// would be valid, but nobody who writes {"node_address": "junk"} means that.
func parseRegistration(body []byte) (gossip.Address, error) {
	const field, example = "node_address", `{"node_address": "http://127.0.0.1:8001"}`
	values, err := block.ParseObject(body)
	if err != nil {
		return "", withReason(refuse(http.StatusBadRequest, "%v: want a JSON object such as %s", err, example), reasonMalformed)
	}
	for key := range values {
		if key != field {
			return "", withReason(refuse(http.StatusBadRequest, "unknown field in the body: want a JSON object such as %s and no other fields", example), reasonMalformed)
		}
	}
	text, ok := block.ParseString(values[field])
	if !ok {
		return "", withReason(refuse(http.StatusBadRequest, "%s is missing, or no string: want a JSON object such as %s", field, example), reasonMalformed)
	}
	if !strings.ContainsAny(text, ".:") && !strings.EqualFold(strings.Trim(text, "/ "), "localhost") {
		return "", withReason(refuse(http.StatusBadRequest, "address %.60q: want http://host:port", text), reasonAddress)
	}
	address, err := gossip.ParseAddress(text)
	if err != nil {
		return "", withReason(refuse(http.StatusBadRequest, "%v", err), reasonAddress)
	}
	return address, nil
}

// explainConnect says why another node could not be connected with. It does not repeat
// the errors of the network libraries, which mean nothing to most readers.
func explainConnect(err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var network net.Error // also implemented by *url.Error and *net.OpError
	var system syscall.Errno
	switch {
	case errors.As(err, new(gossip.NotNode)):
		return err.Error() // says what was found there, in our own words
	case errors.As(err, &name):
		return "the host name is not known"
	case syserr.Is(err, syserr.Refused):
		return "the connection was refused: is a node running there?"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "it did not answer in time: does it run, and can this node reach it?"
	case errors.Is(err, context.Canceled):
		return "the attempt was given up"
	case syserr.Is(err, syserr.Unreachable):
		return "there is no way to that host"
	case errors.As(err, &certificate), errors.As(err, &record):
		return "its certificate is not valid, or it does not speak https"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), syserr.Is(err, syserr.Reset):
		return "it closed the connection"
	case errors.As(err, &network), errors.As(err, new(*url.Error)), errors.As(err, &system):
		return "it could not be reached"
	}
	text := err.Error()
	for _, internal := range []string{"http: ", "net/", "tls: ", "x509: ", "malformed HTTP", "json: ", "context ", "readLoop", "%!"} {
		if strings.Contains(text, internal) {
			return "it does not answer as a node does: is a lode node there?"
		}
	}
	return text
}
