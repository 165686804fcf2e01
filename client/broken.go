package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
)

// errTooLong is the error of an answer, or of an item of one, with more bytes than the
// largest that a node can send.
var errTooLong = errors.New("the answer is longer than any answer of a node can be")

// broken wraps the error of a call that got no answer, or only a part of one.
type broken struct{ err error }

// Error returns the text of the wrapped error.
func (b broken) Error() string { return b.err.Error() }

// Unwrap returns the wrapped error.
func (b broken) Unwrap() error { return b.err }

// begun reports whether the node may have begun to serve the call. It cannot have if no
// connection was made.
func (b broken) begun() bool {
	var op *net.OpError
	return !errors.As(b.err, &op) || op.Op != "dial"
}

// unanswered wraps the error of a request that got no answer.
func unanswered(ctx context.Context, err error) error { return broken{causeOf(ctx, err)} }

// errNotNode is the error of an answer that no node would give.
var errNotNode = errors.New("the answer is not that of a Lode node")

// unread wraps the error of an answer that could not be read to its end. A call is not
// tried again for an answer that was too long, or that was not JSON, because the next one
// would be no better.
func unread(ctx context.Context, err error) error {
	if errors.Is(err, errTooLong) || errors.Is(err, errNotNode) || errors.As(err, new(*json.SyntaxError)) {
		return err
	}
	return broken{causeOf(ctx, err)}
}

// causeOf adds to an error why the context has ended, if it has. Without that, the error
// would say only that a deadline was exceeded.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
