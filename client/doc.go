// Package client is a client of the HTTP API of a Lode node.
//
// Every call takes a context and is bounded beside it: in time by [Config.Timeout], in
// the bytes of its answer, and in how often it is tried ([Config.Retries]). A call is
// tried again if the node could not be reached, if the connection broke, or if the
// node answered 503 and named a time to wait; and only if repeating it does no harm.
// A post carries an Idempotency-Key, so that the node adds it once even if the answer
// to the first try was lost. [Client.Mine] is not repeated once the node may have
// begun, because a second call could mine a second block.
//
// If the node refuses a call, the error is an [*Error], which says why in a sentence
// for people and in a word for programs. Both the word and the status can be compared:
//
//	if errors.Is(err, block.TxBadSignature) { ... } // a rule of the chain
//	if errors.Is(err, client.MempoolFull) { ... }   // a refusal of the node
//	if errors.Is(err, client.Status(404)) { ... }
//
// [Client.Events] follows what happens on the node and connects again when the
// connection breaks. [Client.Blocks] reads a chain of any length one block at a time.
//
// The API is described in docs/http.md, and for programs by the node's /openapi.yaml.
package client
