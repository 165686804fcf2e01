package store

import (
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/storetest"
)

// The store does what [chain.Store] promises, also after it has been opened again.
func TestContract(t *testing.T) {
	dirs := map[chain.Store]string{}
	params := storetest.Params()
	openIn := func(dir string) chain.Store {
		s, err := Open(dir, Options{NetworkID: params.ID(), NetworkName: params.Name()})
		if err != nil {
			t.Fatal(err)
		}
		dirs[s] = dir
		return s
	}
	reopen := func(s chain.Store) chain.Store {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return openIn(dirs[s])
	}
	storetest.RunReopen(t, func() chain.Store { return openIn(t.TempDir()) }, reopen)
}
