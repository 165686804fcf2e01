package mine_test

import (
	"context"
	"fmt"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// once is a source with one work, which takes one block.
type once struct {
	life   mine.Lifetime
	work   *mine.Work
	solved context.CancelFunc
}

// Offer implements [mine.Source].
func (o *once) Offer() (mine.Offer, error) { return o.life.Offer(o.work), nil }

// Submit implements [mine.Source].
func (o *once) Submit(_ context.Context, s mine.Solution) (mine.Outcome, error) {
	fmt.Printf("work %s is solved with extranonce %x and nonce %d\n", s.WorkID, s.Extranonce, s.Header.Nonce)
	o.solved()
	return mine.Accepted, nil
}

func Example() {
	engine, err := pow.New(pow.Config{})
	if err != nil {
		panic(err)
	}
	extranonces, err := mine.NewSpace([]byte{0xca, 0xfe}, 4)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	source := &once{
		life:   mine.NewLifetime(),
		solved: cancel,
		work: &mine.Work{
			ID: "1", Version: 0x20000000, Bits: 0x1f00ffff, MinTime: 1231006505, MaxTime: 1231006505,
			Before: []byte("a coinbase with "), Extranonces: extranonces, After: []byte(" in it"),
		},
	}
	loop, err := mine.New(mine.Config{Engine: engine, Source: source})
	if err != nil {
		panic(err)
	}
	loop.Run(ctx)
	// Output: work 1 is solved with extranonce cafe00000000 and nonce 22928
}
