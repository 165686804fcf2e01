package chain_test

import (
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/storetest"
)

func TestMemStore(t *testing.T) {
	storetest.Run(t, func() chain.Store { return chain.NewMemStore() })
}

// Stores that share their bodies do not notice each other.
func TestMemStoreOf(t *testing.T) {
	bodies := chain.NewBodies()
	storetest.Run(t, func() chain.Store { return chain.NewMemStoreOf(bodies) })
}
