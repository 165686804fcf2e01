package chain_test

import (
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/storetest"
)

func TestMemStore(t *testing.T) {
	storetest.Run(t, func() chain.Store { return chain.NewMemStore() })
}
