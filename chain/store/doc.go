// Package store keeps a chain in one file, chain.db, with the bbolt database. While a
// store is open, there may be a second file, chain.journal, with posts that are not in
// the first one yet.
//
// There are only a few types: a [Store] is opened on a folder with [Options], and
// its numbers are [Stats].
//
// # Group commit
//
// One goroutine, the committer, does all the writing. Changes that arrive while
// it waits for the disk share the next transaction and its fsync, in order of
// arrival. If a change in the group fails, it is removed and the others are tried
// again without it. Commit returns nil only after the fsync that covers its
// change.
//
// # The journal
//
// A group of changes that only add pending transactions, which is what posts are, does not
// go into the database at once, but as one record into chain.journal. That takes one write
// and one sync. The next transaction of the database takes over what is in the journal:
// with the next other change, when the journal of 1 MiB is full, or when the store is
// closed. It does so as a whole, so the posts are in one of the two at any moment.
//
// A record has a checksum, the number of the transaction of the database on which it builds
// and a checksum of the state after that, and its own number among these records. Open
// reads the records that build on the last transaction, up to the first that is not sound.
// A power failure can tear only the last one, which was not acknowledged. A record behind
// it, or one that builds on a later transaction, says that something was lost, and is
// reported as damage. Damage to the last record alone, or to all records from some place
// to the end, looks like a write that was torn.
//
// The file is made with the first post, and removed when the store is closed, so that a
// store that is closed is in one file. Meanwhile, the database has schema 3, by which
// earlier versions, which do not know the journal, refuse it.
//
// # The file
//
// The file has six buckets. Keys have a fixed size, and numbers in them are
// big-endian. Every value begins with the CRC-32C of its key and the rest of the
// value, because bbolt itself has checksums only for its two meta pages.
//
//	meta      "network"  →  id (32 bytes), name
//	          "schema"   →  uint32: 2, or 3 as long as there is a journal
//	          "state"    →  active tip (32), uint64 counts of blocks, indexed transactions, pending, records of owners
//	          "upgrade"  →  nothing; exists while an upgrade is unfinished
//	headers   number     →  the header's 80 bytes
//	bodies    number     →  the block in the form of block.Block.AppendBinary
//	txs       id (32)    →  number of the block of the active branch that contains it
//	owners    owner (16), height uint32, index uint32  →  uint32 number of that block
//	pending   Seq        →  the transaction's canonical form
//
// The bucket owners finds the transactions of an author or a public key on the active
// branch, from new to old. owner is the beginning of SHA-256 of "a" and the author, or of
// "k" and the 32 bytes of the key; index is that of the transaction among the leaves of the
// merkle tree. Each block with transactions also has a record with the owner zero and the
// index of its last transaction, by which those of everybody are found. A transaction takes
// about 55 bytes in this bucket for its author, and as many for its key.
//
// Blocks are numbered from 0 in the order in which they are stored. A parent is
// stored before its children, and new records of headers and bodies always go to
// the end of their bucket. The number of each block hash is kept in memory, which
// takes about 20 bytes a block; Open rebuilds this index from the headers.
//
// # Upgrades
//
// A file of schema 1 has no bucket owners. Open adds it, which takes minutes for a
// million blocks, and may be interrupted; see the comment of upgrade. Earlier
// versions refuse the file from the beginning of the upgrade on.
//
// # Damage
//
// bbolt trusts the offsets and page numbers in its file. On a damaged file it
// would fault, loop forever, or write over pages that are in use. Open therefore
// checks the file before bbolt reads it:
//
//   - One of the two meta pages must be sound. A power failure can tear the page that
//     is being written. The other one then leads to the commit before, which is whole;
//     the torn one belongs to a change that was not acknowledged. Close commits once
//     more without a change, so that a file that was closed can lose either page.
//   - The pages must form trees, and each page must be used exactly once or be
//     free.
//   - The numbers of records must be those that the last commit noted.
//
// Before that, Open syncs the file and the folders above it, because a process that
// was killed may have left them to the kernel's memory alone. Unless the file was
// closed properly, Open also makes the kernel forget its pages and thus reads what is
// really on the disk.
//
// Open reads the whole file, except that it skips the block bodies of a file
// larger than a gigabyte. A body is also checked whenever it is read. All damage
// is reported as an error that wraps [chain.ErrDamaged].
//
// # A full or failing disk
//
// When the disk is full, a write fails, and Commit with [chain.ErrNoSpace]. Nothing
// of the change is kept, and the next change is tried as usual.
//
// After any other failed write, and after every failed sync, also one for which there
// was no space, the content of the disk is unknown, because the kernel reports such an
// error once and then keeps the pages as if they were clean. The store then gives up:
// it refuses all changes with [chain.ErrBroken] until it is opened again, and closes
// the channel of [Store.Broken]. It can still be read. Opening it again is safe,
// because Open reads the disk and not the kernel's memory.
package store
