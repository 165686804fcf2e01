// Package api is a node's HTTP interface for clients: the endpoints of the
// original tutorial, and beside them resources to look things up, a stream of
// events, metrics and a description of all of it (/openapi.yaml).
//
// Messages are text unless the request asks for JSON with its Accept header.
// Things (blocks, transactions, headers, status) are always JSON, as in the
// original.
//
// Whatever a client sends, it gets the 4xx that fits and a sentence that says
// what to change. Every body, list, wait and write is bounded; see [Limits].
package api
