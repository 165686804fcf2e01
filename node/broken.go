package node

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// brokenGrace is how long a node whose store has given up goes on answering reads, so
// that clients, health checks and monitors learn why it ends.
const brokenGrace = 15 * time.Second

// failing is a store that may give up.
type failing interface {
	Broken() <-chan struct{} // closed when it gives up
	Err() error              // why; nil: it has not
}

// awaitBroken waits until the context ends, or until the store has given up and
// brokenGrace is over. If the store has given up, it returns the reason. The node then
// ends with an error, and whatever supervises it can start it again: opening the store
// checks what is really on the disk.
func awaitBroken(ctx context.Context, store failing, log *slog.Logger) error {
	select {
	case <-store.Broken():
		log.Error("the node cannot rely on its disk any more: it takes no changes and ends soon. Look at the disk and start the node again",
			"after", brokenGrace, "err", store.Err())
		select {
		case <-time.After(brokenGrace):
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	if err := store.Err(); err != nil {
		return fmt.Errorf("the disk has failed, look at it and start the node again: %w", err)
	}
	return nil
}
