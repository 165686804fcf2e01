package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/store"
	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/headers"
)

// Paths measures what a node does beside mining: checking headers, accepting
// blocks, merkle roots, commits to the store, taking in transactions.
func Paths() []Case {
	return slices.Concat(Verify(), Accept(), Merkle(), Commit(), Ingest(), Sync())
}

// Verify reads and checks a stream of headers made for the purpose.
func Verify() []Case {
	return []Case{{Name: "Verify/stream=made", Start: startMadeStream}}
}

// Merkle computes the root of a full block's transactions.
func Merkle() []Case {
	return []Case{{Name: fmt.Sprintf("Merkle/txs=%d", merkleTxs), Start: startMerkle}}
}

// Accept takes blocks into a chain, in memory and on disk.
func Accept() []Case {
	var cases []Case
	for _, where := range []string{"memory", "disk"} {
		cases = append(cases, Case{
			Name:  fmt.Sprintf("Accept/txs=%d/store=%s", blockTxs, where),
			Start: func() (*Run, error) { return startAccept(where == "disk") },
		})
	}
	return cases
}

// Commit is the store alone: each client commits one pending transaction,
// durable, before its next.
func Commit() []Case { return perClients("Commit", startCommit) }

// Ingest is a post's way but for HTTP: its JSON is checked and hashed, it enters
// the mempool, and it is on disk.
func Ingest() []Case { return perClients("Ingest", startIngest) }

func perClients(name string, start func(clients int) (*Run, error)) []Case {
	var cases []Case
	for _, clients := range []int{1, 64} {
		cases = append(cases, Case{
			Name:  fmt.Sprintf("%s/clients=%d", name, clients),
			Start: func() (*Run, error) { return start(clients) },
		})
	}
	return cases
}

// VerifyFile reads and checks a stream of real headers.
func VerifyFile(name, file string) Case {
	return Case{
		Name: "Verify/stream=" + name,
		Start: func() (*Run, error) {
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			return startVerify(data, headers.Config{Retarget: true}), nil
		},
	}
}

// easy is the target of the blocks made here: every second hash meets it.
const easy = pow.Bits(0x207fffff)

// startMadeStream checks headers that are made first, for want of real ones.
func startMadeStream() (*Run, error) {
	var data []byte
	header := pow.Header{Version: 0x20000000, Bits: easy, Time: 1_700_000_000}
	for range 4096 {
		solve(&header)
		raw := header.Bytes()
		data = append(data, raw[:]...)
		header.Prev = header.Hash()
		header.Time += 600
		header.Nonce = 0
	}
	return startVerify(data, headers.Config{}), nil
}

func solve(h *pow.Header) {
	target, _, _ := h.Bits.Decode()
	for !h.Hash().Meets(target) {
		h.Nonce++
	}
}

func startVerify(data []byte, c headers.Config) *Run {
	var total uint64
	return &Run{
		Op: func(context.Context) error {
			reader := headers.NewReader(bytes.NewReader(data))
			verifier := headers.NewVerifier(c)
			for {
				h, err := reader.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err == nil {
					err = verifier.Add(h)
				}
				if err != nil {
					return err
				}
			}
			total += verifier.Summary().Headers
			return nil
		},
		Report: rate(&total, "headers/s"),
	}
}

func startMerkle() (*Run, error) {
	ids := make([]pow.Hash, merkleTxs)
	for i := range ids {
		ids[i] = pow.DoubleSHA256(fmt.Append(nil, i))
	}
	var done uint64
	return &Run{
		Op: func(context.Context) error {
			if _, mutated := block.MerkleRoot(ids); mutated {
				return errors.New("different ids are taken for equal")
			}
			done += merkleTxs
			return nil
		},
		Report: rate(&done, "tx/s"),
	}, nil
}

func network() rules.Params {
	p, err := rules.New(rules.Config{Name: "bench", Difficulty: rules.Difficulty{Bits: easy}})
	if err != nil {
		panic(err) // the form above is valid
	}
	return p
}

func post(n uint64) []byte {
	return fmt.Appendf(nil, `{"author":"ann","content":"number %d, of about a hundred bytes as people post them"}`, n)
}

const (
	merkleTxs   = 2000
	blockTxs    = 100
	chainBlocks = 32
)

// startAccept takes a chain of made blocks into an empty store, again and again.
func startAccept(disk bool) (*Run, error) {
	blocks, err := makeBlocks(network(), chainBlocks, blockTxs)
	if err != nil {
		return nil, err
	}
	var done uint64
	var accepting time.Duration
	return &Run{
		Op: func(context.Context) (err error) {
			c, closeChain, err := openChain(disk)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, closeChain()) }()
			start := time.Now()
			for _, b := range blocks {
				outcome, err := c.Accept(b)
				if err != nil {
					return err
				}
				if outcome != chain.Best {
					return fmt.Errorf("block %d is %s, not the new tip", b.Height(), outcome)
				}
			}
			accepting += time.Since(start)
			done += uint64(len(blocks))
			return nil
		},
		Report: func(int, time.Duration) []Metric { // opening the chain does not count
			return []Metric{{0, nsPerOp}, {float64(done) / accepting.Seconds(), "blocks/s"}}
		},
	}, nil
}

func makeBlocks(p rules.Params, count, txs int) ([]block.Block, error) {
	state := rules.Genesis(p)
	var blocks []block.Block
	for range count {
		b := block.Block{
			Header: pow.Header{
				Version: 0x20000000, Prev: state.Hash, Time: state.Time + 10, Bits: state.NextBits(p),
			},
			Coinbase: block.Coinbase{Height: state.Height + 1},
		}
		for range txs {
			n := uint64(len(blocks)*txs + len(b.Txs))
			tx, err := block.NewTx(post(n), time.Unix(int64(b.Header.Time), 0))
			if err != nil {
				return nil, err
			}
			b.Txs = append(b.Txs, tx)
		}
		b.Header.MerkleRoot, _ = block.MerkleRoot(b.IDs())
		solve(&b.Header)
		state = state.Apply(b.Header)
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// openChain opens an empty chain in memory, or on disk in a folder of its own.
func openChain(disk bool) (c *chain.Chain, closeChain func() error, err error) {
	var s chain.Store = chain.NewMemStore()
	remove := func() error { return nil }
	if disk {
		if s, remove, err = openStore(); err != nil {
			return nil, nil, err
		}
	}
	closeChain = func() error { return errors.Join(s.Close(), remove()) }
	c, err = chain.Open(chain.Config{Params: network(), Store: s, PoolTxs: 1 << 22, PoolBytes: 1 << 30})
	if err != nil {
		return nil, nil, errors.Join(err, closeChain())
	}
	return c, closeChain, nil
}

// openStore opens a store in a new folder, which remove removes.
func openStore() (s *store.Store, remove func() error, err error) {
	dir, err := os.MkdirTemp("", "lode-bench-")
	if err != nil {
		return nil, nil, err
	}
	remove = func() error { return os.RemoveAll(dir) }
	p := network()
	s, err = store.Open(dir, store.Options{NetworkID: p.ID(), NetworkName: p.Name()})
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return s, remove, nil
}

func startCommit(clients int) (*Run, error) {
	s, remove, err := openStore()
	if err != nil {
		return nil, err
	}
	tx, err := block.NewTx(post(0), time.Unix(0, 0))
	if err != nil {
		return nil, errors.Join(err, s.Close(), remove())
	}
	var seq atomic.Uint64
	return perClient(clients, "commits/s", func() error { return errors.Join(s.Close(), remove()) }, func() error {
		n := seq.Add(1)
		change := chain.Change{AddPending: []chain.Pending{{Seq: n, Tx: tx}}}
		if n > 10_000 { // the file stays small
			change.RemovePending = []uint64{n - 10_000}
		}
		return s.Commit(change)
	}), nil
}

func startIngest(clients int) (*Run, error) {
	c, closeChain, err := openChain(true)
	if err != nil {
		return nil, err
	}
	var n atomic.Uint64
	return perClient(clients, "tx/s", closeChain, func() error {
		tx, err := block.NewTx(post(n.Add(1)), time.Now())
		if err != nil {
			return err
		}
		_, err = c.AddTx(tx)
		return err
	}), nil
}

// perClient has each client do something once, all at the same time, as one
// operation, and reports how much was done in a second.
func perClient(clients int, unit string, closing, do func() error) *Run {
	var done uint64
	return &Run{
		Op: func(context.Context) error {
			errs := make([]error, clients)
			var all sync.WaitGroup
			for i := range clients {
				all.Go(func() { errs[i] = do() })
			}
			all.Wait()
			done += uint64(clients)
			return errors.Join(errs...)
		},
		Report: rate(&done, unit),
		Close:  closing,
	}
}
