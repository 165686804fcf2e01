package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

// Bitcoin's simnet retargets every 2,016 blocks, at most by four, and lets a
// block through at the limit that comes more than 20 minutes after the one
// before. So with the last block of every period that late, the next period
// begins at the limit again and all blocks take eight hashes at most.
const (
	simnetPeriod   = 2016
	simnetLimit    = pow.Bits(0x207fffff)
	simnetQuarter  = pow.Bits(0x201fffff) // after a period that was too short
	simnetLate     = 20*60 + 1            // seconds
	simnetMaturity = 100                  // blocks before a coinbase can be spent

	// blocksPerSecond of header time. The median of eleven times must grow, which
	// allows six.
	blocksPerSecond = 5

	// maxSpan is how far from its first block to now a chain may reach: a btcd
	// whose tip is older than a day makes no templates.
	maxSpan = 23 * time.Hour
)

// template is what we need of a getblocktemplate.
type template struct {
	Version       int32    `json:"version"`
	Height        int      `json:"height"`
	Prev          pow.Hash `json:"previousblockhash"`
	CoinbaseValue uint64   `json:"coinbasevalue"`
}

// mine makes blocks and hands them to a btcd that has none. Each has a
// transaction that spends an old coinbase, which everybody may do.
func mine(ctx context.Context, p *process, blocks int) error {
	span := time.Duration(blocks/blocksPerSecond+blocks/simnetPeriod*simnetLate+60) * time.Second
	if span > maxSpan {
		return fmt.Errorf("%d blocks reach back %v, but btcd wants a tip from the last 24 hours: take fewer", blocks, span)
	}
	at := uint32(time.Now().Add(-span).Unix())
	period := simnetLimit // bits of the blocks of this period
	var coinbases []output
	for height := 1; height <= blocks; height++ {
		var t template
		if err := p.rpc(ctx, &t, "getblocktemplate", map[string]any{"capabilities": []string{"coinbasevalue"}, "rules": []string{"segwit"}}); err != nil {
			return err
		}
		if t.Height != height {
			return fmt.Errorf("a template for height %d, want %d", t.Height, height)
		}
		bits := period
		switch {
		case height%simnetPeriod == simnetPeriod-1:
			at += simnetLate
			bits = simnetLimit
		case height%blocksPerSecond == 0 || height <= 11: // the median of the first few is the latest
			at++
		}
		if height%simnetPeriod == 0 && height > simnetPeriod { // the first period began with genesis, years ago
			period, bits = simnetQuarter, simnetQuarter
		}

		coinbase := payingCoinbase(height, t.CoinbaseValue)
		txs := [][]byte{coinbase}
		coinbases = append(coinbases, output{pow.DoubleSHA256(coinbase), t.CoinbaseValue})
		if old := height - simnetMaturity; old >= 1 {
			txs = append(txs, spend(coinbases[old-1]))
		}
		var ids []pow.Hash
		for _, tx := range txs {
			ids = append(ids, pow.DoubleSHA256(tx))
		}
		header := pow.Header{Version: t.Version, Prev: t.Prev, Time: at, Bits: bits}
		header.MerkleRoot, _ = block.MerkleRoot(ids)
		target, err := bits.Target()
		if err != nil {
			return err
		}
		for !header.Hash().Meets(target) {
			header.Nonce++
		}
		if err := submit(ctx, p, header, txs); err != nil {
			return fmt.Errorf("block %d: %w", height, err)
		}
	}
	return nil
}

func submit(ctx context.Context, p *process, header pow.Header, txs [][]byte) error {
	raw := header.Bytes()
	block := append(raw[:], byte(len(txs)))
	for _, tx := range txs {
		block = append(block, tx...)
	}
	var refusal any
	if err := p.rpc(ctx, &refusal, "submitblock", hex.EncodeToString(block)); err != nil {
		return err
	}
	if refusal != nil {
		return fmt.Errorf("refused: %v", refusal)
	}
	return nil
}

// output is the first output of a transaction.
type output struct {
	txid  pow.Hash
	value uint64
}

const opTrue = 0x51 // a script that anybody satisfies

// payingCoinbase returns one of Lode's coinbases that pays to everybody.
func payingCoinbase(height int, value uint64) []byte {
	raw := block.Coinbase{Height: int64(height)}.Bytes()
	const end = 8 + 1 + 1 + 4 // value, script, lock time
	binary.LittleEndian.PutUint64(raw[len(raw)-end:], value)
	raw[len(raw)-5] = opTrue
	return raw
}

// spend returns a transaction of 61 bytes that passes an output on to everybody.
func spend(o output) []byte {
	raw := []byte{2, 0, 0, 0, 1}
	raw = append(raw, o.txid[:]...)
	raw = append(raw, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1)
	raw = binary.LittleEndian.AppendUint64(raw, o.value)
	return append(raw, 1, opTrue, 0, 0, 0, 0)
}
