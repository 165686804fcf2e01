// Package client is a miner's side of Stratum V1: a pool as a source of work.
//
// A [Client] keeps a connection to one of a list of pools and implements
// [mine.Source], so a [mine.Loop] mines for the pool. It turns each mining.notify into
// work with the difficulty, the extranonce and the version mask that were in force when
// it came, and each solution into a mining.submit. When the connection is lost it waits
// for a random time, longer after each failure, and connects to the next pool of the
// list; while it is connected to another than the first, it looks now and then whether
// an earlier one is back.
package client
