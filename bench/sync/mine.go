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

// Simnet adjusts its difficulty every 2,016 blocks, by a factor of four at most. It
// also accepts a block at the least difficulty (the limit) if the block's time is
// more than 20 minutes after that of the previous block. We therefore make the last
// block of every period that late: the next period then starts from the limit
// again, and no block takes more than eight hashes on average.
const (
	simnetPeriod   = 2016
	simnetLimit    = pow.Bits(0x207fffff)
	simnetQuarter  = pow.Bits(0x201fffff) // the limit made four times as hard, after a period that was too short
	simnetLate     = 20*60 + 1            // seconds after which a block may have the least difficulty
	simnetMaturity = 100                  // number of blocks before a coinbase can be spent

	// blocksPerSecond is the number of blocks with the same header time. At most six
	// would be valid, because the median of the last eleven times must grow.
	blocksPerSecond = 5

	// maxSpan bounds the time between the first block and now. A btcd with a tip
	// more than a day old creates no block templates.
	maxSpan = 23 * time.Hour
)

// template holds the fields of getblocktemplate's result that mine needs.
type template struct {
	Version       int32    `json:"version"`
	Height        int      `json:"height"`
	Prev          pow.Hash `json:"previousblockhash"`
	CoinbaseValue uint64   `json:"coinbasevalue"`
}

// mine mines blocks on top of the genesis block of a btcd and submits them to it.
// Once coinbases are old enough to be spent, each block has one transaction that
// spends one. No signature is needed, because the outputs have the script OP_TRUE.
func mine(ctx context.Context, p *process, blocks int) error {
	span := time.Duration(blocks/blocksPerSecond+blocks/simnetPeriod*simnetLate+60) * time.Second
	if span > maxSpan {
		return fmt.Errorf("%d blocks would span %v, but btcd needs a tip from the last 24 hours: choose fewer blocks", blocks, span)
	}
	at := uint32(time.Now().Add(-span).Unix())
	period := simnetLimit // bits of the blocks in the current period
	var coinbases []output
	for height := 1; height <= blocks; height++ {
		var t template
		if err := p.rpc(ctx, &t, "getblocktemplate", map[string]any{"capabilities": []string{"coinbasevalue"}, "rules": []string{"segwit"}}); err != nil {
			return err
		}
		if t.Height != height {
			return fmt.Errorf("btcd returned a template for height %d, want %d", t.Height, height)
		}
		bits := period
		switch {
		case height%simnetPeriod == simnetPeriod-1:
			at += simnetLate
			bits = simnetLimit
		case height%blocksPerSecond == 0 || height <= 11: // before height 11, the median comes from fewer blocks
			at++
		}
		// The first period needs no adjustment: it began with the genesis block,
		// years ago, so it was not too short.
		if height%simnetPeriod == 0 && height > simnetPeriod {
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

// submit sends a block to btcd, and fails if btcd refuses it.
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
		return fmt.Errorf("btcd refused it: %v", refusal)
	}
	return nil
}

// output is the first output of a transaction.
type output struct {
	txid  pow.Hash
	value uint64 // in satoshis
}

// opTrue is a complete script that needs no signature: anybody can spend its output.
const opTrue = 0x51

// payingCoinbase returns a serialised coinbase of Lode's, changed to pay the given
// value to the script opTrue.
func payingCoinbase(height int, value uint64) []byte {
	raw := block.Coinbase{Height: int64(height)}.Bytes()
	const end = 8 + 1 + 1 + 4 // value, length of the script, script, lock time
	binary.LittleEndian.PutUint64(raw[len(raw)-end:], value)
	raw[len(raw)-5] = opTrue
	return raw
}

// spend returns a serialised transaction of 61 bytes. It spends the given output
// into a new one of the same value with the script opTrue.
func spend(o output) []byte {
	raw := []byte{2, 0, 0, 0, 1}
	raw = append(raw, o.txid[:]...)
	raw = append(raw, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1)
	raw = binary.LittleEndian.AppendUint64(raw, o.value)
	return append(raw, 1, opTrue, 0, 0, 0, 0)
}
