// Package server is the pool's side of Stratum V1: it cuts the work of any
// [mine.Source] into sessions, one for each connection of a miner.
//
// Every session gets extranonces of its own, so that no header is searched twice, and
// shares of a difficulty that fits its speed; see package vardiff. A share is judged
// by the job that it names, whatever the difficulty is by then. A share that meets the
// source's own target goes to the source as well, as long as the session remembers its job: a block is
// worth having even if it is late.
//
// If the source is a [mine.Namer], the coinbase of a session's jobs contains the name
// of its worker, which is the first one that the session has authorized.
//
// A session has two goroutines. One reads lines and answers them, the other sends jobs.
// [Server.Run] waits for all of them. Everything that a session may occupy is bounded;
// see [Limits].
package server
