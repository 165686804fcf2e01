// Package store keeps a chain in one file of a folder, chain.db, with bbolt.
//
// # What a Commit costs
//
// One goroutine owns the writing. Changes that arrive while it waits for the
// disk share the next transaction and its fsync, in the order of their arrival;
// a change that fails on its own is taken out and the others go on without it.
// No Commit returns nil before the fsync that covers it.
//
// # The file
//
// Five buckets of fixed-size big-endian keys. Every value begins with the
// CRC-32C of its key and what follows, as bbolt itself checks nothing but its two
// meta pages.
//
//	meta      "network"  →  id (32 bytes), name
//	          "schema"   →  uint32
//	          "state"    →  active tip (32), uint64 counts of blocks, indexed transactions, pending
//	headers   number     →  the header's 80 bytes
//	bodies    number     →  the block in the form of chain.Block.AppendBinary
//	txs       id (32)    →  number of the block of the active branch that holds it
//	pending   Seq        →  the transaction's canonical form
//
// Blocks are numbered from 0 as they come, so parents come before children, and
// both their buckets grow at one end. Where a hash stands is kept in memory, in
// about 20 bytes a block, and rebuilt from the headers by Open.
//
// # Damage
//
// Open reads all of the file, but the bodies only up to a gigabyte, and looks at
// it with its own eyes before bbolt does: bbolt trusts offsets and page numbers, and would fault, loop
// or write over live pages. Both meta pages must be sound, for bbolt would step
// back to the older one and forget the last commit; pages must form trees; each
// page must be used once or be free; records must be as many as they were. A
// body is checked again when it is read. Whatever is found is an error that wraps
// [chain.ErrDamaged].
//
// # A full or failing disk
//
// When the disk is full a Commit fails with [chain.ErrNoSpace], nothing of it is
// kept, and the next one is tried as any other. After any other failure of a
// write, and after every failed fsync, nobody knows what is on the disk, for the
// kernel drops the error and keeps its pages: the store then refuses changes until
// it is opened again, and reads go on.
package store
