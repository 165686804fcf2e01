package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/store"
	"github.com/lodepow/lode/pow"
)

// lode is a node of this module, on a network with the least difficulty.
type lode struct{ path string }

// buildLode builds the command lode. The working directory must be inside this
// module.
func buildLode(ctx context.Context, to string) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", to, "github.com/lodepow/lode/cmd/lode")
	build.Stderr = os.Stderr
	return build.Run()
}

func (lode) params() (rules.Params, error) {
	return rules.New(rules.Config{Name: "sync", Difficulty: rules.Difficulty{Bits: 0x207fffff}})
}

func (n lode) start(ctx context.Context, dir string, more ...string) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	p, err := n.params()
	if err != nil {
		return nil, err
	}
	params, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "network.json")
	if err := os.WriteFile(file, params, 0o600); err != nil {
		return nil, err
	}
	args := []string{"node", "--listen=" + address, "--network=" + file, "--data=" + filepath.Join(dir, "data")}
	return start(ctx, dir, process{peer: "http://" + address, api: address}, n.path, append(args, more...)...)
}

func (n lode) serve(ctx context.Context, dir string) (*process, error) { return n.start(ctx, dir) }

func (n lode) join(ctx context.Context, dir string, from *process) (*process, error) {
	return n.start(ctx, dir, "--peer="+from.peer)
}

func (lode) height(ctx context.Context, of *process) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+of.api+"/status", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("/status: %s: %.200q", response.Status, body)
	}
	var status struct {
		Height int `json:"height"`
	}
	return status.Height, json.Unmarshal(body, &status)
}

// prepare writes the chain directly into a store, without a running node.
func (n lode) prepare(_ context.Context, dir string, blocks int) (err error) {
	done := filepath.Join(dir, "prepared")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	fmt.Fprintf(os.Stderr, "sync: writing %d blocks of lode\n", blocks)
	data := filepath.Join(dir, "data")
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	p, err := n.params()
	if err != nil {
		return err
	}
	s, err := store.Open(data, store.Options{NetworkID: p.ID(), NetworkName: p.Name()})
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, s.Close()); err == nil {
			err = os.WriteFile(done, nil, 0o600)
		}
	}()
	c, err := chain.Open(chain.Config{Params: p, Store: s})
	if err != nil {
		return err
	}
	const batch = 1000
	state := c.Tip()
	for state.Height < int64(blocks) {
		var run []block.Block
		for len(run) < batch && state.Height < int64(blocks) {
			b, err := nextBlock(p, state)
			if err != nil {
				return err
			}
			run = append(run, b)
			state = state.Apply(b.Header)
		}
		if _, err := c.AcceptAll(run); err != nil {
			return err
		}
	}
	return nil
}

// nextBlock returns a solved block with one small transaction, on top of the given
// state.
func nextBlock(p rules.Params, on rules.State) (block.Block, error) {
	height := on.Height + 1
	tx, err := block.ParseTx(fmt.Appendf(nil, `{"author":"ann","content":"hello %d","timestamp":%d}`, height, on.Time))
	if err != nil {
		return block.Block{}, err
	}
	b := block.Block{
		Header:   pow.Header{Version: 0x20000000, Prev: on.Hash, Time: on.Time + 1, Bits: on.NextBits(p)},
		Coinbase: block.Coinbase{Height: height},
		Txs:      []block.Tx{tx},
	}
	b.Header.MerkleRoot, _ = block.MerkleRoot(b.IDs())
	target, err := b.Header.Bits.Target()
	if err != nil {
		return block.Block{}, err
	}
	for !b.Hash().Meets(target) {
		b.Header.Nonce++
	}
	return b, nil
}
