package nodes

import (
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/storetest"
)

// Stores that share their blocks do not notice each other.
func TestSharedBodies(t *testing.T) {
	b := newBodies()
	storetest.Run(t, func() chain.Store { return b.newStore() })
}
