package server

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/vardiff"
)

// Config says what a server serves. Source is required.
type Config struct {
	Source  mine.Source
	Vardiff vardiff.Config
	Limits  Limits

	// First is the number of the first session, modulo 2^32; each later session has the
	// next number. The extranonces of a session begin with its number, so servers that
	// begin with different numbers do not repeat each other's work, even if they offer
	// the same.
	First uint32

	// MaxAhead is how far the time of a header may be ahead of the clock; 0: 2 hours.
	MaxAhead time.Duration

	// Now is the clock for the times of headers. Waiting and measuring are done by the
	// clock of the process. Nil: time.Now.
	Now    func() time.Time
	Logger *slog.Logger // nil: no log
}

// Limits bound what sessions can occupy. A field that is 0 has its default.
type Limits struct {
	Sessions     int // connections at a time; 2048
	SessionsEach int // of those, from one IP address other than loopback; 1024
	Line         int // bytes of a miner's line; 4096
	Lines        int // lines a second of one session, on average; 100
	Burst        int // lines that a session may send at once after a pause; 1000
	Malformed    int // lines of one session that make no sense, before it is closed; 8
	Names        int // workers that one session may authorize; 8
	Workers      int // workers that are remembered; 4096
	Blocks       int // blocks that are remembered; 256

	Handshake time.Duration // until the first worker is authorized; 15 seconds
	LineTime  time.Duration // from the first byte of a line to its end; 10 seconds
	Idle      time.Duration // without a line while the session has a job; 10 minutes
	Write     time.Duration // until the miner has taken a line; 10 seconds
}

const (
	// extranonceSize is the length of the extranonce that a session is told if the
	// source has never offered work.
	extranonceSize = 8

	// jobEvery is the least time between two jobs on one tip. A chain has newer work
	// with every transaction.
	jobEvery = 5 * time.Second

	// refreshEvery is after which time a session gets another job though there is no
	// newer work, so that the times of the headers do not fall behind.
	refreshEvery = 30 * time.Second

	// keptJobs is how many jobs of a session are remembered: those of 80 seconds at
	// least. A source must remember its works for as long.
	keptJobs = 16

	// keptShares is how many shares of a session are remembered, so that they are not
	// taken twice. If there are more, the oldest job is forgotten with its shares.
	keptShares = 512

	// suggestEvery is the least time between two changes that a miner asks for.
	suggestEvery = 10 * time.Second

	// checkEvery is how often the difficulty of a silent session is looked at.
	checkEvery = 2 * time.Second

	// maxName is the length in bytes of the longest name of a worker.
	maxName = 64

	// These are how many lines the server writes into the log at once about one kind of
	// event that miners cause, and after which time it writes another one. Solutions of
	// the source's work are rarer than other events, and of more interest.
	linesAtOnce     = 10
	lineEvery       = time.Minute
	solutionsAtOnce = 100
	solutionEvery   = time.Second

	defaultMaxAhead = 2 * time.Hour
)

// withDefaults returns the limits with the defaults for what is 0.
func (l Limits) withDefaults() Limits {
	l.Sessions = cmp.Or(l.Sessions, 2048)
	l.SessionsEach = cmp.Or(l.SessionsEach, 1024)
	l.Line = cmp.Or(l.Line, 4<<10)
	l.Lines = cmp.Or(l.Lines, 100)
	l.Burst = cmp.Or(l.Burst, 1000)
	l.Malformed = cmp.Or(l.Malformed, 8)
	l.Names = cmp.Or(l.Names, 8)
	l.Workers = cmp.Or(l.Workers, 4096)
	l.Blocks = cmp.Or(l.Blocks, 256)
	l.Handshake = cmp.Or(l.Handshake, 15*time.Second)
	l.LineTime = cmp.Or(l.LineTime, 10*time.Second)
	l.Idle = cmp.Or(l.Idle, 10*time.Minute)
	l.Write = cmp.Or(l.Write, 10*time.Second)
	return l
}
