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

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/store"
	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/headers"
)

// Paths returns the benchmarks of a node's work besides mining: verifying headers,
// accepting blocks, computing merkle roots, committing to the store, accepting
// transactions, and syncing.
func Paths() []Case {
	return slices.Concat(Verify(), Accept(), Merkle(), Commit(), Ingest(), Sync())
}

// Verify measures how fast a stream of generated headers is read and verified.
func Verify() []Case {
	return []Case{{Name: "Verify/stream=made", Start: startMadeStream}}
}

// Merkle measures how fast the merkle root of a full block is computed.
func Merkle() []Case {
	return []Case{{Name: fmt.Sprintf("Merkle/txs=%d", merkleTxs), Start: startMerkle}}
}

// Accept measures how fast a chain accepts blocks, in memory and on disk.
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

// Commit measures the store alone. Each client commits one pending transaction,
// and waits until it is durable before it commits the next.
func Commit() []Case { return clientCases("Commit", startCommit) }

// Ingest measures everything that happens to a posted transaction except HTTP: its
// JSON is checked and hashed, it enters the mempool, and it is written to disk.
func Ingest() []Case { return clientCases("Ingest", startIngest) }

// clientCases returns a benchmark with one client and with 64 concurrent clients.
func clientCases(name string, start func(clients int) (*Run, error)) []Case {
	var cases []Case
	for _, clients := range []int{1, 64} {
		cases = append(cases, Case{
			Name:  fmt.Sprintf("%s/clients=%d", name, clients),
			Start: func() (*Run, error) { return start(clients) },
		})
	}
	return cases
}

// VerifyFile measures how fast a file of real headers is read and verified, with
// Bitcoin's difficulty adjustment.
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

// easy is the difficulty of the blocks generated here. Every second hash meets it.
const easy = pow.Bits(0x207fffff)

// startMadeStream generates a chain of headers, so that the benchmark does not
// depend on a file of real ones.
func startMadeStream() (*Run, error) {
	var data []byte
	header := pow.Header{Version: 0x20000000, Bits: easy, Time: 1_700_000_000}
	for range 1 << 16 { // far more than a verifier remembers
		solve(&header)
		raw := header.Bytes()
		data = append(data, raw[:]...)
		header.Prev = header.Hash()
		header.Time += 600
		header.Nonce = 0
	}
	return startVerify(data, headers.Config{}), nil
}

// solve increments the nonce until the header meets its own target.
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
			var batch headers.Batch
			for end := error(nil); !errors.Is(end, io.EOF); {
				if end = batch.Read(reader); end != nil && !errors.Is(end, io.EOF) {
					return end
				}
				if _, err := verifier.AddAll(batch.Headers()); err != nil {
					return err
				}
			}
			total += verifier.Summary().Headers
			return nil
		},
		Report: ratePerSecond(&total, "headers/s"),
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
				return errors.New("the merkle root reports duplicates among ids that all differ")
			}
			done += merkleTxs
			return nil
		},
		Report: ratePerSecond(&done, "tx/s"),
	}, nil
}

func network() rules.Params {
	p, err := rules.New(rules.Config{Name: "bench", Difficulty: rules.Difficulty{Bits: easy}})
	if err != nil {
		panic(err) // the form above is valid
	}
	return p
}

// post returns the JSON of a transaction of about a hundred bytes, different for
// each n.
func post(n uint64) []byte {
	return fmt.Appendf(nil, `{"author":"ann","content":"number %d, of about a hundred bytes as people post them"}`, n)
}

const (
	merkleTxs   = 2000 // transactions under one merkle root
	blockTxs    = 100  // transactions in each block of Accept
	chainBlocks = 32   // blocks in each operation of Accept
)

// startAccept generates a chain of blocks. Each operation has an empty chain
// accept all of them.
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
					return fmt.Errorf("block %d became %s instead of the new tip", b.Height(), outcome)
				}
			}
			accepting += time.Since(start)
			done += uint64(len(blocks))
			return nil
		},
		Report: func(int, time.Duration) []Metric { // without the time to open and close the chain
			return []Metric{{0, nsPerOp}, {float64(done) / accepting.Seconds(), "blocks/s"}}
		},
	}, nil
}

func makeBlocks(p rules.Params, count, txs int) ([]block.Block, error) {
	state := p.GenesisState()
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

// openChain opens an empty chain, either in memory or on disk in a new temporary
// folder. closeChain closes it and removes the folder.
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

// openStore opens a store in a new temporary folder. After the store has been
// closed, remove deletes the folder.
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
	return runClients(clients, "commits/s", func() error { return errors.Join(s.Close(), remove()) }, func() error {
		n := seq.Add(1)
		change := chain.Change{AddPending: []chain.Pending{{Seq: n, Tx: tx}}}
		if n > 10_000 { // keep the file small
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
	return runClients(clients, "tx/s", closeChain, func() error {
		tx, err := block.NewTx(post(n.Add(1)), time.Now())
		if err != nil {
			return err
		}
		_, err = c.AddTx(tx)
		return err
	}), nil
}

// runClients returns a run in which one operation is a concurrent call of do by
// each client. It reports the number of calls per second.
func runClients(clients int, unit string, closing, do func() error) *Run {
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
		Report: ratePerSecond(&done, unit),
		Close:  closing,
	}
}
