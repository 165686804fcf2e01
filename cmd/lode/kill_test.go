package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// kills returns how many times to kill the node: LODE_KILLS, or 6.
func kills(t testing.TB) int {
	n, err := strconv.Atoi(os.Getenv("LODE_KILLS"))
	if err != nil {
		n = 6
	}
	t.Logf("%d kills (LODE_KILLS)", n)
	return n
}

// promised records what a node has acknowledged and therefore must not lose.
type promised struct {
	mu     sync.Mutex
	txs    map[string]bool  // by id
	blocks map[int64]string // hash by height
}

// areEnough reports whether so much has been acknowledged that a loss would be noticed.
// No client may be under way.
func (p *promised) areEnough() bool { return len(p.txs) >= 100 && len(p.blocks) >= 5 }

// TestKill kills a node at random moments while clients post and mine. After each
// restart, all acknowledged blocks and transactions must be there, and no
// transaction may be there twice.
func TestKill(t *testing.T) {
	data := t.TempDir()
	all := promised{txs: map[string]bool{}, blocks: map[int64]string{}}
	r := rand.New(rand.NewPCG(1, 1))
	// On a busy machine there are further rounds, until enough has been acknowledged for
	// the test to show something.
	wanted := kills(t)
	for round := 0; round < wanted || round < 10*wanted && !all.areEnough(); round++ {
		p := startNode(t, data, "--difficulty", "1")
		checkPromised(t, p, &all)
		if t.Failed() {
			t.Fatalf("after %d kills", round)
		}

		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for i := range 6 {
			clients.Go(func() { postUntilDead(ctx, t, p, fmt.Sprintf("%d/%d", round, i), &all) })
		}
		for range 2 {
			clients.Go(func() { mineUntilDead(ctx, t, p, &all) })
		}
		time.Sleep(time.Duration(20+r.IntN(200)) * time.Millisecond)
		p.stop(t, os.Kill)
		cancel()
		clients.Wait()
	}
	p := startNode(t, data, "--difficulty", "1")
	checkPromised(t, p, &all)
	t.Logf("all %d acknowledged transactions and %d acknowledged blocks are there", len(all.txs), len(all.blocks))
	if !all.areEnough() {
		t.Error("too few transactions or blocks for this test to show anything")
	}
}

// postUntilDead posts transactions until the node no longer answers, and records
// those that it acknowledged.
func postUntilDead(ctx context.Context, t *testing.T, p *process, who string, all *promised) {
	for i := 0; ; i++ {
		body := fmt.Sprintf(`{"author":%q,"content":"%d"}`, who, i)
		status, answer, err := p.call(ctx, http.MethodPost, "/new_transaction", body)
		if err != nil {
			return
		}
		var a struct{ ID string }
		if status != http.StatusCreated || json.Unmarshal(answer, &a) != nil {
			t.Errorf("a post was answered %d %s", status, answer)
			return
		}
		all.mu.Lock()
		all.txs[a.ID] = true
		all.mu.Unlock()
	}
}

// mineUntilDead asks for blocks until the node no longer answers, and records those
// that it acknowledged.
func mineUntilDead(ctx context.Context, t *testing.T, p *process, all *promised) {
	for {
		status, answer, err := p.call(ctx, http.MethodPost, "/mine", "")
		if err != nil {
			return
		}
		if status != http.StatusOK {
			t.Errorf("/mine was answered %d %s", status, answer)
			return
		}
		var a struct {
			Mined  bool
			Height int64
			Hash   string
		}
		if json.Unmarshal(answer, &a) == nil && a.Mined {
			all.mu.Lock()
			all.blocks[a.Height] = a.Hash
			all.mu.Unlock()
		}
	}
}

// checkPromised fails the test if the node has lost an acknowledged block or
// transaction, or has a transaction twice.
func checkPromised(t *testing.T, p *process, all *promised) {
	t.Helper()
	type tx struct{ Author, Content string }
	var c struct {
		Chain []struct {
			Hash         string
			Transactions []tx
		}
	}
	p.getJSON(t, "/chain", &c)
	for height, hash := range all.blocks {
		if height >= int64(len(c.Chain)) || c.Chain[height].Hash != hash {
			t.Errorf("block %d, %s, is lost", height, hash)
		}
	}
	times := map[tx]int{}
	for _, b := range c.Chain {
		for _, tx := range b.Transactions {
			times[tx]++
		}
	}
	var pending []tx
	p.getJSON(t, "/pending_tx?limit=10000", &pending)
	for _, tx := range pending {
		times[tx]++
	}
	for tx, n := range times {
		if n != 1 {
			t.Errorf("the node has the transaction %+v %d times", tx, n)
		}
	}
	for id := range all.txs {
		status, answer, err := p.call(t.Context(), http.MethodGet, "/tx/"+id, "")
		if err != nil || status != http.StatusOK {
			t.Errorf("transaction %s is lost: %d %s %v", id, status, answer, err)
			return
		}
	}
}
