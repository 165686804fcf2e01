package chain_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lodepow/lode/chain/block"
)

// The offsets of the parts of a coinbase.
const (
	cbVersion    = 0
	cbInputs     = 4
	cbOutpoint   = 5
	cbScriptSize = 41
	cbScript     = 42
	cbEnd        = 4 + 1 + 8 + 1 + 1 + 4 // the bytes after the script: sequence, outputs, value, script, lock time
)

// changeCoinbase gives the block a coinbase with the fault that the word names.
func (m *maker) changeCoinbase(d *draft, word string, parent *made) (ok bool, err error) {
	key, value, _ := strings.Cut(word, "=")
	if strings.HasPrefix(key, "mined-") {
		return true, d.mineCoinbase(strings.TrimPrefix(key, "mined-"), value, parent)
	}
	if key != "cb" && !strings.HasPrefix(key, "cb-") {
		return false, nil
	}
	cb := slices.Clone(d.coinbase)
	end := len(cb) - cbEnd
	script := func(s []byte) []byte {
		return slices.Concat(cb[:cbScriptSize], []byte{byte(len(s))}, s, cb[end:])
	}
	switch key {
	case "cb":
		switch value {
		case "none":
			cb = nil
		case "tx":
			cb = []byte(text("in the coinbase's place"))
		case "spends":
			cb[cbOutpoint]++
		case "version":
			cb[cbVersion]++
		case "pays":
			cb[end+5]++
		case "not-final":
			cb[end], cb[len(cb)-1] = 0, 0xff
		case "two-outputs":
			output := cb[end+5 : len(cb)-4]
			cb = slices.Concat(cb[:end+4], []byte{2}, output, output, cb[len(cb)-4:])
		case "trailing":
			cb = append(cb, 0)
		case "cut":
			cb = script(cb[cbScript : end-1])
		default:
			return true, fmt.Errorf("no such coinbase: %q", value)
		}
	case "cb-script": // the whole script, in hex
		s, err := hex.DecodeString(value)
		if err != nil {
			return true, err
		}
		cb = script(s)
	case "cb-zeros": // a script of that many zeros
		n, err := strconv.Atoi(value)
		if err != nil {
			return true, err
		}
		cb = script(make([]byte, n))
	case "cb-tag": // a miner tag of that length
		n, err := strconv.Atoi(value)
		if err != nil {
			return true, err
		}
		before := cb[cbScript : end-len(m.tag(d))-1]
		cb = script(slices.Concat(before, []byte{byte(n)}, []byte(strings.Repeat("t", n))))
	case "cb-height": // that much higher than the block's height
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return true, err
		}
		cb = block.Coinbase{Height: parent.state.Height + 1 + n, Tag: m.tag(d)}.Bytes()
	case "cb-of": // the coinbase of another block
		of := m.blocks[value]
		if of == nil {
			return true, fmt.Errorf("no block %q", value)
		}
		cb = of.draft.coinbase
	default:
		return true, fmt.Errorf("no such word: %q", word)
	}
	d.coinbase = cb
	return true, nil
}

// tag returns the miner tag of a coinbase that has not been changed yet.
func (m *maker) tag(d *draft) string {
	cb, err := block.ParseCoinbase(d.coinbase)
	if err != nil {
		panic(err)
	}
	return cb.Tag
}

// mineCoinbase gives the block a coinbase that cannot be written. The block is then
// handed over as a value.
func (d *draft) mineCoinbase(field, value string, parent *made) error {
	n, err := strconv.Atoi(value)
	if err != nil {
		return err
	}
	d.mined = &block.Coinbase{Height: parent.state.Height + 1, Tag: d.label}
	switch field {
	case "height":
		d.mined.Height = int64(n)
	case "tag":
		d.mined.Tag = strings.Repeat("t", n)
	default:
		return fmt.Errorf("no such field of a coinbase: %q", field)
	}
	return nil
}
