package store

import (
	"encoding/binary"
	"fmt"

	"github.com/lodepow/lode/pow"
)

// inventory collects what the records of a file say while Open reads them.
type inventory struct {
	txid   uint64 // of the transaction that wrote last
	torn   error  // what is wrong with one of the meta pages; nil: both are sound
	blocks *index
	state  state // as the last commit noted it

	schema    uint32
	upgrading bool // an upgrade has begun and not ended
	network   pow.Hash
	name      string

	lastSeq uint64 // greatest number of a pending transaction

	found   state // counts of the records read so far; the tip is not set
	damaged error // the first damage
}

// record adds one record to the inventory. It keeps the first error instead of
// returning it, because the file may have a newer schema with other records, and
// then the schema is what the user must be told about.
func (inv *inventory) record(bucket string, k, v []byte) {
	var err error
	switch bucket {
	case bucketMeta:
		err = inv.meta(string(k), v)
	case bucketHeaders:
		var h pow.Header
		if h, err = parseHeader(inv.found.blocks, k, v); err == nil {
			inv.blocks.add(h.Hash(), inv.found.blocks)
		}
		inv.found.blocks++
	case bucketBodies:
		_, err = open("block", k, v)
	case bucketTxs:
		_, err = parseNumber(k, v)
		inv.found.txs++
	case bucketOwners:
		_, err = parseOwned(k, v)
		inv.found.owners++
	case bucketPending:
		if _, err = open("pending transaction", k, v); err == nil && len(k) == keySize {
			inv.lastSeq = max(inv.lastSeq, binary.BigEndian.Uint64(k))
		}
		inv.found.pending++
	}
	if inv.damaged == nil {
		inv.damaged = err
	}
}

// meta adds a record of the bucket meta.
func (inv *inventory) meta(name string, record []byte) error {
	if name == string(keyState()) {
		var err error
		inv.state, err = parseState(record)
		return err
	}
	value, err := open("record", []byte(name), record)
	switch {
	case err != nil:
		return err
	case name == keySchema && len(value) == 4:
		inv.schema = binary.BigEndian.Uint32(value)
	case name == keyNetwork && len(value) >= pow.HashSize:
		inv.network, inv.name = pow.Hash(value[:pow.HashSize]), string(value[pow.HashSize:])
	case name == keyUpgrade && len(value) == 0:
		inv.upgrading = true
	default:
		return damaged("record %q is unknown", name)
	}
	return nil
}

// check returns an error unless the file is sound, has a schema that this version
// reads, and has the chain of the network in o.
func (inv *inventory) check(o Options) error {
	if inv.schema > schemaJournal {
		return fmt.Errorf("written with schema %d, this version reads up to %d: use a newer one", inv.schema, schemaJournal)
	}
	if inv.damaged != nil {
		return inv.damaged
	}
	if inv.schema == 0 || inv.name == "" && inv.network == (pow.Hash{}) && o.NetworkID != (pow.Hash{}) {
		return damaged("it does not say what it is")
	}
	if inv.network != o.NetworkID || inv.name != o.NetworkName {
		return fmt.Errorf("it has the chain of network %q (id %s), not of %q (id %s): start that network with the same parameters (such as --difficulty), or choose another data folder",
			inv.name, inv.network, o.NetworkName, o.NetworkID)
	}
	s, n := inv.state, inv.found
	if n.blocks != s.blocks || n.txs != s.txs || n.pending != s.pending {
		return damaged("%d blocks, %d indexed and %d pending transactions, want %d, %d and %d",
			n.blocks, n.txs, n.pending, s.blocks, s.txs, s.pending)
	}
	if n.owners != s.owners {
		return damaged("%d records of owners, want %d", n.owners, s.owners)
	}
	return nil
}
