// Package api is a node's HTTP interface for clients. It serves the endpoints of
// the original tutorial and, beside them, resources to look up blocks and
// transactions, a stream of events, metrics, and a description of all of this
// (/openapi.yaml).
//
// Messages are text, unless the request asks for JSON with its Accept header.
// Blocks, transactions, headers and the status are always JSON, as in the
// original.
//
// An invalid request gets a fitting 4xx status and a sentence that says what to
// change. The size of every body and list and the duration of every wait and write
// are bounded; docs/network.md lists the limits.
package api
