package stratum

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// maxAhead is how many seconds the time of a header may be later than that of its job.
// Pools take no time beyond that, because nodes refuse blocks that are two hours ahead.
const maxAhead = 7000

// maxJob is the length in bytes of the longest name of a job.
const maxJob = 128

// Notify is a pool's mining.notify: a job.
type Notify struct {
	Job       string // the pool's name for it
	Prev      pow.Hash
	Coinbase1 []byte // before the extranonce
	Coinbase2 []byte // after it
	Branch    []pow.Hash
	Version   int32
	Bits      pow.Bits
	Time      uint32
	Clean     bool // earlier jobs are not accepted any more
}

// NotifyOf returns the job for a work. The time is the given one, brought between the
// bounds of the work.
func NotifyOf(job string, w mine.Work, time uint32, clean bool) Notify {
	return Notify{
		Job: job, Prev: w.Prev, Coinbase1: w.Before, Coinbase2: w.After, Branch: w.Branch,
		Version: w.Version, Bits: w.Bits, Time: w.Time(time), Clean: clean,
	}
}

// Message returns the notification.
func (n Notify) Message() Message {
	branch := make([]string, len(n.Branch))
	for i, h := range n.Branch {
		branch[i] = hex.EncodeToString(h[:])
	}
	return NewNotification(MethodNotify,
		n.Job, prev(n.Prev), hex.EncodeToString(n.Coinbase1), hex.EncodeToString(n.Coinbase2), branch,
		word(uint32(n.Version)), word(uint32(n.Bits)), word(n.Time), n.Clean)
}

// ParseNotify reads a notification. It checks the form of the parameters only;
// [mine.Work.Validate] checks whether they make sense.
func ParseNotify(m Message) (Notify, error) {
	p := paramsOf(m, MethodNotify)
	n := Notify{
		Job:       read(p, "job", parseJob),
		Prev:      read(p, "hash of the parent", parsePrev),
		Coinbase1: read(p, "coinbase1", parseBytes),
		Coinbase2: read(p, "coinbase2", parseBytes),
		Branch:    read(p, "merkle branch", parseBranch),
		Version:   int32(read(p, "version", parseWord)),
		Bits:      pow.Bits(read(p, "bits", parseWord)),
		Time:      read(p, "time", parseWord),
		Clean:     readOr(p, "clean_jobs", parseBool),
	}
	return n, p.err
}

func parseJob(raw json.RawMessage) (string, error) {
	s, err := parseText(raw)
	if err == nil && len(s) > maxJob {
		err = fmt.Errorf("has %d bytes, want at most %d", len(s), maxJob)
	}
	return s, err
}

// Terms are what a pool has told a session besides its jobs. A job is judged by the
// terms that were in force when it came.
type Terms struct {
	Extranonces mine.Space
	Target      pow.Target // of the difficulty
	VersionMask uint32     // bits that may be rolled; 0 if versions are not rolled
}

// Work returns the job as work with the given ID, which is valid. Its height is 0 if the
// coinbase does not begin with it. Of the mask it has the bits that BIP 320 leaves to
// miners, so a mask of all bits does not make the version negative.
func (n Notify) Work(id string, t Terms) (mine.Work, error) {
	w := mine.Work{
		ID:          id,
		Height:      heightOf(n.Coinbase1),
		Version:     n.Version,
		VersionMask: t.VersionMask & mine.VersionMask,
		Prev:        n.Prev,
		Bits:        n.Bits,
		Target:      t.Target,
		MinTime:     n.Time,
		MaxTime:     n.Time + min(maxAhead, math.MaxUint32-n.Time),
		Before:      n.Coinbase1,
		After:       n.Coinbase2,
		Extranonces: t.Extranonces,
		Branch:      n.Branch,
	}
	return w, w.Validate()
}

// heightOf returns the height with which the script of a coinbase begins (BIP 34), and
// 0 if there is none.
func heightOf(coinbase []byte) int64 {
	const script = 4 + 1 + pow.HashSize + 4 + 1 // version, inputs, outpoint, length of the script
	if len(coinbase) <= script {
		return 0
	}
	coinbase = coinbase[script:]
	size := int(coinbase[0])
	if size > 0x50 && size <= 0x60 { // the opcodes for the numbers 1 to 16
		return int64(size - 0x50)
	}
	if size > 5 || size >= len(coinbase) {
		return 0
	}
	var height int64
	for _, b := range slices.Backward(coinbase[1 : 1+size]) {
		height = height<<8 | int64(b)
	}
	return height
}

// Submit is a miner's mining.submit: a share.
type Submit struct {
	User        string
	Job         string
	Extranonce2 []byte
	Time        uint32
	Nonce       uint32

	// VersionBits are the bits of the version within the mask. Nil means that the
	// version is that of the job; only sessions that roll versions send them.
	VersionBits *uint32
}

// SubmitOf returns the submission of a solution of a work, whose job has the given
// name. It has the bits of the version if the work has a mask.
func SubmitOf(user, job string, w mine.Work, s mine.Solution) Submit {
	submit := Submit{
		User: user, Job: job,
		Extranonce2: s.Extranonce[len(s.Extranonce)-w.Extranonces.Rolled():],
		Time:        s.Header.Time,
		Nonce:       s.Header.Nonce,
	}
	if mask := w.VersionMask & mine.VersionMask; mask != 0 {
		rolled := uint32(s.Header.Version) & mask
		submit.VersionBits = &rolled
	}
	return submit
}

// Message returns the request.
func (s Submit) Message(id ID) Message {
	params := []any{s.User, s.Job, hex.EncodeToString(s.Extranonce2), word(s.Time), word(s.Nonce)}
	if s.VersionBits != nil {
		params = append(params, word(*s.VersionBits))
	}
	return NewRequest(id, MethodSubmit, params...)
}

// ParseSubmit reads a request.
func ParseSubmit(m Message) (Submit, error) {
	p := paramsOf(m, MethodSubmit)
	s := Submit{
		User:        read(p, "user", parseText),
		Job:         read(p, "job", parseJob),
		Extranonce2: read(p, "extranonce2", parseBytes),
		Time:        read(p, "time", parseWord),
		Nonce:       read(p, "nonce", parseWord),
	}
	if p.has() {
		rolled := read(p, "version bits", parseWord)
		s.VersionBits = &rolled
	}
	return s, p.err
}

// Header returns the header that was submitted for a session's work, and its whole
// extranonce, for [mine.Work.Solution]. The error is [mine.ErrExtranonce] if
// extranonce2 has another length than the session was told, and [mine.ErrVersion] if the
// bits are not all within the mask of the work.
func (s Submit) Header(w mine.Work) (extranonce []byte, h pow.Header, err error) {
	if len(s.Extranonce2) != w.Extranonces.Rolled() {
		return nil, h, fmt.Errorf("%w: extranonce2 has %d bytes, want %d", mine.ErrExtranonce, len(s.Extranonce2), w.Extranonces.Rolled())
	}
	version := w.Version
	if s.VersionBits != nil {
		mask := w.VersionMask & mine.VersionMask
		if *s.VersionBits&^mask != 0 {
			return nil, h, fmt.Errorf("%w: bits %08x, the mask is %08x", mine.ErrVersion, *s.VersionBits, mask)
		}
		version = int32(uint32(version)&^mask | *s.VersionBits)
	}
	extranonce = slices.Concat(w.Extranonces.Fixed(), s.Extranonce2)
	return extranonce, w.Header(extranonce, version, s.Time, s.Nonce), nil
}
