package check

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/pow"
)

// PoolOptions say how to check a pool. The zero value of everything but User works.
type PoolOptions struct {
	User, Password string
	Agent          string
	Wait           time.Duration // for an answer; 0 means 10 seconds
	JobWait        time.Duration // for the first job; 0 means a minute

	// Search bounds the search for a share to submit. 0 means 20 seconds.
	Search time.Duration

	// Engine searches for it. Nil means that no good share is submitted.
	Engine mine.Engine

	Now func() time.Time // nil: time.Now
}

// poolCheck is one check of a pool.
type poolCheck struct {
	PoolOptions
	*Report
	wire *wire

	terms  stratum.Terms
	rolls  bool // version rolling is granted
	hasDif bool // a difficulty came before the job

	// job is the latest, and work what the terms of its time make of it.
	job     *stratum.Notify
	work    mine.Work
	workErr error
}

// Pool checks a pool from the miner's side over a connection that has just been made. It
// fills in the report. The error says that the check could not be finished, and is in the
// report, too.
func Pool(ctx context.Context, conn net.Conn, o PoolOptions, r *Report) error {
	if o.Wait == 0 {
		o.Wait = 10 * time.Second
	}
	if o.JobWait == 0 {
		o.JobWait = time.Minute
	}
	if o.Search == 0 {
		o.Search = 20 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	one, err := stratum.TargetOf(1)
	if err != nil {
		return err
	}
	c := &poolCheck{PoolOptions: o, Report: r, wire: newWire(conn, stratum.MaxPoolLine), terms: stratum.Terms{Target: one}}
	for _, step := range []func(context.Context) error{c.configure, c.subscribe, c.authorize, c.firstJob, c.shares, c.unknown} {
		if err := step(ctx); err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			c.add(Fail, "the check ends here", err.Error(), "")
			return err
		}
	}
	return nil
}

// ask sends a request and returns the answer. Other lines that come before it are taken
// on the way; next reports whether there were none.
func (c *poolCheck) ask(request func(stratum.ID) stratum.Message) (answer line, next bool, err error) {
	id := c.wire.id()
	if err := c.wire.write(request(id)); err != nil {
		return line{}, false, err
	}
	deadline := time.Now().Add(c.Wait)
	next = true
	for {
		l, err := c.wire.read(deadline)
		if err != nil {
			return line{}, next, err
		}
		if n, ok := l.m.ID.Number(); l.m.IsAnswer() && ok && stratum.NumberID(n) == id {
			if l.m.ID != id {
				c.add(Note, "an answer has the ID of its request", l.m.ID.String(), id.String()+", as it was sent")
			}
			return l, next, nil
		}
		next = false
		c.take(l)
	}
}

// take looks at a line that no request has asked for.
func (c *poolCheck) take(l line) {
	switch l.m.Method {
	case stratum.MethodSetDifficulty:
		d, err := stratum.ParseSetDifficulty(l.m)
		if err != nil {
			c.add(Fail, l.m.Method, err.Error(), "a number greater than zero")
			return
		}
		if target, err := stratum.TargetOf(d.Difficulty); err == nil {
			c.terms.Target = target
		}
		if c.job == nil {
			c.hasDif = true
		}
	case stratum.MethodSetVersionMask:
		v, err := stratum.ParseSetVersionMask(l.m)
		c.check(err == nil && isWord(l.m.Params[0]), Fail, l.m.Method, l.text, "a list of one string of eight hex digits")
		c.terms.VersionMask = v.Mask
	case stratum.MethodSetExtranonce:
		if e, err := stratum.ParseSetExtranonce(l.m); err == nil {
			if space, err := mine.NewSpace(e.Extranonce1, e.Extranonce2Size); err == nil {
				c.terms.Extranonces = space
			}
		}
	case stratum.MethodNotify:
		n, err := stratum.ParseNotify(l.m)
		if err != nil {
			c.add(Fail, l.m.Method, err.Error(), "nine parameters")
			return
		}
		if c.job == nil {
			c.firstNotify(l, n)
		}
		c.job = &n
		c.work, c.workErr = n.Work("check", c.terms)
	case stratum.MethodGetVersion:
		_ = c.wire.write(stratum.NewAnswer(l.m.ID, c.Agent)) // the next read shows whether it went
	case stratum.MethodPing:
		_ = c.wire.write(stratum.Pong(l.m.ID))
	}
}

func (c *poolCheck) configure(context.Context) error {
	const what = "mining.configure is answered"
	const want = "an object with version-rolling and version-rolling.mask, or an error"
	l, _, err := c.ask(func(id stratum.ID) stratum.Message { return stratum.RollVersions(mine.VersionMask, 2).Message(id) })
	if errors.Is(err, errTimeout) {
		c.add(Note, what, err.Error(), want)
		return nil
	}
	if err != nil {
		c.add(Fail, what, err.Error(), want)
		return err
	}
	a, err := stratum.ParseConfigured(l.m)
	var refused *stratum.Error
	switch {
	case errors.As(err, &refused):
		c.add(Note, "version rolling is granted", refused.Error(), "true, so that miners reach their speed")
	case err != nil:
		c.add(Fail, what, err.Error(), want)
	case !a.RollsVersions():
		c.add(Note, "version rolling is granted", string(l.m.Result), "true, so that miners reach their speed")
	default:
		c.rolls, c.terms.VersionMask = true, a.VersionMask
		c.add(OK, "version rolling is granted", fmt.Sprintf("mask %08x", a.VersionMask), "")
		c.check(a.VersionMask&^mine.VersionMask == 0, Note, "the mask has only bits that BIP 320 leaves to miners",
			fmt.Sprintf("%08x", a.VersionMask), fmt.Sprintf("within %08x", uint32(mine.VersionMask)))
	}
	return nil
}

func (c *poolCheck) subscribe(context.Context) error {
	const what = "mining.subscribe is answered"
	const want = "a list of the subscriptions, extranonce1 in hex, and the size of extranonce2"
	l, next, err := c.ask(func(id stratum.ID) stratum.Message { return stratum.Subscribe{Agent: c.Agent}.Message(id) })
	if err != nil {
		c.add(Fail, what, err.Error(), want)
		return err
	}
	s, err := stratum.ParseSubscribed(l.m)
	if err != nil {
		c.add(Fail, what, l.text, want)
		return err
	}
	c.add(OK, what, fmt.Sprintf("extranonce1 %x, %d bytes for extranonce2", s.Extranonce1, s.Extranonce2Size), "")
	c.check(next, Fail, "the line after mining.subscribe is its answer", "", "no other line before it: widespread miners take any line for the answer")
	c.check(s.Extranonce2Size >= 2 && s.Extranonce2Size <= 8, Note, "the size of extranonce2 suits all miners",
		fmt.Sprint(s.Extranonce2Size), "4 to 8: with fewer bytes fast miners run out of work, and some cannot count in more")
	c.terms.Extranonces, err = mine.NewSpace(s.Extranonce1, s.Extranonce2Size)
	if err != nil {
		c.add(Fail, "extranonce1 and extranonce2 fit a coinbase", err.Error(), "at most 75 bytes in all")
	}
	return err
}

func (c *poolCheck) authorize(context.Context) error {
	const what = "mining.authorize is answered with true"
	l, _, err := c.ask(func(id stratum.ID) stratum.Message {
		return stratum.Authorize{User: c.User, Password: c.Password}.Message(id)
	})
	if err == nil {
		err = l.m.Check()
	}
	if err != nil {
		c.add(Fail, what, err.Error(), "true for a worker that the pool knows; give it with --user")
		return err
	}
	c.add(OK, what, "", "")
	return nil
}

// firstJob waits for a job.
func (c *poolCheck) firstJob(context.Context) error {
	deadline := time.Now().Add(c.JobWait)
	for c.job == nil {
		l, err := c.wire.read(deadline)
		if err != nil {
			c.add(Fail, "a job comes after the handshake", err.Error(), "mining.notify within a second")
			return err
		}
		c.take(l)
	}
	c.check(c.hasDif, Note, "a difficulty comes before the first job", "", "mining.set_difficulty; without it miners assume 1")
	return nil
}

// firstNotify looks at the form and the sense of a job.
func (c *poolCheck) firstNotify(l line, n stratum.Notify) {
	c.check(len(l.m.Params) == 9, Note, "a job has nine parameters", fmt.Sprint(len(l.m.Params)), "9")
	words := true
	for i := 5; i <= 7; i++ {
		words = words && isWord(l.m.Params[i])
	}
	c.check(words, Fail, "version, bits and time have eight lower-case hex digits",
		fmt.Sprintf("%s %s %s", l.m.Params[5], l.m.Params[6], l.m.Params[7]), "eight digits each: widespread miners refuse the job otherwise")
	ahead := time.Unix(int64(n.Time), 0).Sub(c.Now())
	c.check(ahead > -2*time.Hour && ahead < 2*time.Hour, Note, "the time of the job is near that of the clock",
		fmt.Sprintf("%v ahead", ahead.Round(time.Second)), "within two hours")
	c.coinbase(n)
	target, err := n.Bits.Target()
	if err != nil {
		c.add(Fail, "the bits of the job are a target", n.Bits.String(), "a positive number of at most 256 bits")
		return
	}
	if w, err := n.Work("check", c.terms); err == nil && w.Height == 1 {
		c.add(OK, whatParent, "the first block of a chain needs no proof of work, so this cannot be told", "")
		return
	}
	c.parent(n, target)
}

// coinbase looks at the transaction around the extranonce.
func (c *poolCheck) coinbase(n stratum.Notify) {
	const what = "the coinbase is a transaction whose script holds the extranonce"
	tx := slices.Concat(n.Coinbase1, make([]byte, c.terms.Extranonces.Size()), n.Coinbase2)
	const script = 4 + 1 + pow.HashSize + 4
	switch {
	case len(tx) < script+2 || tx[4] != 1 || !slices.Equal(tx[5:5+pow.HashSize], make([]byte, pow.HashSize)):
		c.add(Fail, what, fmt.Sprintf("%x", n.Coinbase1), "version, one input without an outpoint, script")
		return
	case binary.LittleEndian.Uint32(tx[script-4:]) != 0xffffffff:
		c.add(Fail, what, fmt.Sprintf("%x", n.Coinbase1), "an outpoint with the index ffffffff")
		return
	}
	size := int(tx[script])
	end := script + 1 + size
	holds := len(n.Coinbase1) > script && end >= len(n.Coinbase1)+c.terms.Extranonces.Size()
	c.check(holds && size >= 2 && size <= 100 && end+4 < len(tx), Fail, what, fmt.Sprintf("a script of %d bytes", size),
		"2 to 100 bytes, and the extranonce within it")
	w, err := n.Work("check", c.terms)
	c.check(err == nil && w.Height > 0, Note, "the coinbase begins with the height (BIP 34)", fmt.Sprint(w.Height), "a push of the height")
}

// whatParent is what parent looks at.
const whatParent = "the hash of the parent has its bytes in reversed words"

// parent looks at the order of the bytes in the hash of the parent. Its own work shows it:
// the hash meets about the target of the job.
func (c *poolCheck) parent(n stratum.Notify, target pow.Target) {
	const what = whatParent
	easier, ok := target.MulShift(4, 0) // in case the difficulty has just been raised
	if !ok {
		easier = pow.ZerosTarget(0)
	}
	if easier.Zeros() < 16 {
		c.add(OK, what, "the bits are too easy to tell", "")
		return
	}
	swapped := n.Prev
	for i := 0; i < len(swapped); i += 4 {
		slices.Reverse(swapped[i : i+4])
	}
	reversed := swapped
	slices.Reverse(reversed[:])
	plain := n.Prev
	slices.Reverse(plain[:])
	switch {
	case n.Prev.Meets(easier):
		c.add(OK, what, n.Prev.String(), "")
	case swapped.Meets(easier):
		c.add(Fail, what, "the bytes as in the header", "each word of four bytes reversed")
	case reversed.Meets(easier) || plain.Meets(easier):
		c.add(Fail, what, "the digits as they are printed", "each word of four bytes of the header reversed")
	default:
		c.add(Note, what, n.Prev.String()+" does not meet the bits "+n.Bits.String(), "a hash with proof of work")
	}
}

// unknown sends a request that no pool knows.
func (c *poolCheck) unknown(context.Context) error {
	const want = "an error as the answer, so that miners can ask for extensions"
	l, _, err := c.ask(func(id stratum.ID) stratum.Message { return stratum.NewRequest(id, "mining.lode_check") })
	if err != nil {
		c.add(Note, "an unknown request is answered", err.Error(), want)
		return nil
	}
	c.check(l.m.Error != nil, Note, "an unknown request is answered", l.text, want)
	return nil
}
