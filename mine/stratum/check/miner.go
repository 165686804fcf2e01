package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/pow"
)

// MinerOptions say how to check a miner. The zero value works.
type MinerOptions struct {
	Difficulty float64       // of the first shares; 0 means 0.001
	Shares     int           // to wait for with each job; 0 means 3
	Wait       time.Duration // for each of them, and for requests; 0 means a minute
	Now        func() time.Time
}

// Extranonces of the check.
const (
	checkExtranonce1 = "lode"
	checkRolled      = 4
)

// minerCheck is one check of a miner.
type minerCheck struct {
	MinerOptions
	*Report
	wire *wire

	jobs    map[string]*givenJob
	latest  string
	seen    map[pow.Hash]bool
	mask    uint32
	rolls   bool // version rolling was granted
	rolled  bool // a share had another version than its job
	ready   bool // the miner has subscribed and authorized
	joined  bool
	ids     map[stratum.ID]bool
	told    map[string]bool // which lines of the report are there, so that each is once
	version bool            // client.get_version has been answered
}

// givenJob is a job that the miner was given.
type givenJob struct {
	work  mine.Work
	clean bool // it ended the earlier ones
	ended time.Time
}

// Miner checks a miner from the pool's side over a connection that it has just made. It
// fills in the report. The error says that the check could not be finished, and is in the
// report, too.
func Miner(ctx context.Context, conn net.Conn, o MinerOptions, r *Report) error {
	if o.Difficulty == 0 {
		o.Difficulty = 0.001
	}
	if o.Shares == 0 {
		o.Shares = 3
	}
	if o.Wait == 0 {
		o.Wait = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	c := &minerCheck{
		MinerOptions: o, Report: r, wire: newWire(conn, stratum.MaxMinerLine),
		jobs: map[string]*givenJob{}, seen: map[pow.Hash]bool{}, ids: map[stratum.ID]bool{}, told: map[string]bool{},
	}
	for _, step := range []func() error{c.handshake, c.easy, c.harder, c.narrow, c.hijack} {
		if err := step(); err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			c.add(Fail, "the check ends here", err.Error(), "")
			return err
		}
	}
	c.check(c.version, Note, "client.get_version is answered", "", "the name and version of the program")
	switch {
	case c.rolled:
		c.add(OK, "versions are rolled where that was granted", "", "")
	case c.rolls:
		c.add(Note, "versions are rolled where that was granted", "every share had the version of its job", "rolled versions, for more hashes to a job")
	}
	return nil
}

// once adds a line for the first time that this is looked at, and whenever it is wrong.
func (c *minerCheck) once(good bool, otherwise Verdict, what, sent, want string) {
	if good && c.told[what] {
		return
	}
	c.told[what] = true
	c.check(good, otherwise, what, sent, want)
}

// next reads and handles lines until done says so.
func (c *minerCheck) next(what string, done func() bool) error {
	deadline := time.Now().Add(c.Wait)
	for !done() {
		l, err := c.wire.read(deadline)
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
		if err := c.take(l); err != nil {
			return err
		}
	}
	return nil
}

// take handles a line of the miner.
func (c *minerCheck) take(l line) error {
	if l.m.IsAnswer() {
		c.version = c.version || l.m.ID == stratum.StringID("version") && l.m.Error == nil
		return nil
	}
	if l.m.Method != stratum.MethodSubmit { // the C miners submit with the same ID always
		c.once(!l.m.ID.IsNull() && !c.ids[l.m.ID], Fail, "each request has an ID of its own", l.text, "a number that no other request has")
		c.ids[l.m.ID] = true
	}
	switch l.m.Method {
	case stratum.MethodConfigure:
		return c.configure(l)
	case stratum.MethodSubscribe:
		_, err := stratum.ParseSubscribe(l.m)
		c.check(err == nil, Fail, "mining.subscribe", l.text, "a list with the name and version of the program")
		c.joined = true
		return c.wire.write(stratum.Subscribed{Session: "1", Extranonce1: []byte(checkExtranonce1), Extranonce2Size: checkRolled}.Message(l.m.ID))
	case stratum.MethodAuthorize:
		a, err := stratum.ParseAuthorize(l.m)
		c.check(err == nil && a.User != "" && len(l.m.Params) == 2, Fail, "mining.authorize", l.text, "a list of the worker's name and a password")
		c.check(c.joined, Note, "mining.subscribe comes before mining.authorize", "", "in this order; not all pools take the other")
		c.ready = c.joined
		return c.wire.write(stratum.NewAnswer(l.m.ID, true))
	case stratum.MethodSubmit:
		return c.submit(l)
	case stratum.MethodPing:
		return c.wire.write(stratum.Pong(l.m.ID))
	case stratum.MethodSuggestDifficulty:
		return c.wire.write(stratum.NewAnswer(l.m.ID, true))
	}
	return c.wire.write(stratum.NewRejection(l.m.ID, stratum.Error{Code: stratum.CodeOther, Text: "Unknown method"}))
}

func (c *minerCheck) configure(l line) error {
	config, err := stratum.ParseConfigure(l.m)
	c.check(err == nil, Fail, "mining.configure", l.text, "a list of names of extensions and an object with their options")
	answer := config.Configured()
	if config.WantsVersionRolling() {
		c.rolls, c.mask = true, config.VersionMask&mine.VersionMask
		answer.GrantVersionRolling(c.mask)
	}
	return c.wire.write(answer.Message(l.m.ID))
}

// handshake takes whatever the miner asks until it can work.
func (c *minerCheck) handshake() error {
	if err := c.next("mining.subscribe and mining.authorize", func() bool { return c.ready }); err != nil {
		return err
	}
	return c.wire.write(stratum.GetVersion{}.Message(stratum.StringID("version")))
}

// give sends a job. Its values differ from those of any other job.
func (c *minerCheck) give(name string, difficulty float64, clean bool) error {
	target, err := stratum.TargetOf(difficulty)
	if err != nil {
		return err
	}
	space, err := mine.NewSpace([]byte(checkExtranonce1), checkRolled)
	if err != nil {
		return err
	}
	now := uint32(c.Now().Unix())
	const height = "\x03\xa0\x86\x01"
	script := len(height) + len(checkExtranonce1) + checkRolled
	before := append([]byte("\x01\x00\x00\x00\x01"), make([]byte, pow.HashSize)...)
	before = append(before, "\xff\xff\xff\xff"...)
	before = append(before, byte(script))
	before = append(before, height...)
	w := mine.Work{
		ID: name, Version: 0x20000000, VersionMask: c.mask, Prev: pow.DoubleSHA256([]byte("parent of " + name)), Bits: 0x1703a30c,
		Target: target, MinTime: now, MaxTime: now + 7000, Before: before, Extranonces: space,
		After:  append([]byte("\xff\xff\xff\xff\x01\x00\xf9\x02\x95\x00\x00\x00\x00\x01\x51"), 0, 0, 0, 0),
		Branch: []pow.Hash{pow.DoubleSHA256([]byte("sibling of " + name))},
	}
	if clean {
		for _, j := range c.jobs {
			if j.ended.IsZero() {
				j.ended = time.Now()
			}
		}
	}
	c.jobs[name], c.latest = &givenJob{work: w, clean: clean}, name
	return errors.Join(
		c.wire.write(stratum.SetDifficulty{Difficulty: difficulty}.Message()),
		c.wire.write(stratum.NotifyOf(name, w, now, clean).Message()))
}

// grace is how long shares of an ended job may still come, because they were on their
// way.
const grace = 3 * time.Second

// submit judges a share by its job.
func (c *minerCheck) submit(l line) error {
	refuse := func(code int, text string) error {
		return c.wire.write(stratum.NewRejection(l.m.ID, stratum.Error{Code: code, Text: text}))
	}
	s, err := stratum.ParseSubmit(l.m)
	c.once(err == nil, Fail, "the form of mining.submit", l.text, "worker, job, extranonce2, time, nonce, and the bits of the version if they are rolled")
	if err != nil {
		return refuse(stratum.CodeOther, "Malformed")
	}
	c.once(isWord(l.m.Params[3]) && isWord(l.m.Params[4]), Note, "time and nonce have eight lower-case hex digits", l.text, "eight digits each")
	c.once((s.VersionBits != nil) == c.rolls, Fail, "the bits of the version are there if version rolling was granted, and not otherwise", l.text, "six parameters with version rolling, five without")
	j := c.jobs[s.Job]
	c.once(j != nil, Fail, "shares name a job that was given", l.text, "the first parameter of a mining.notify")
	if j == nil {
		return refuse(stratum.CodeStale, "Job not found")
	}
	if !j.ended.IsZero() {
		c.once(time.Since(j.ended) < grace, Note, "no shares of a job that clean_jobs has ended", s.Job, "the new job alone")
	}
	extranonce, h, err := s.Header(j.work)
	var solution mine.Solution
	if err == nil {
		solution, err = j.work.Solution(extranonce, h)
	}
	for _, part := range []struct {
		err        error
		what, want string
	}{
		{mine.ErrExtranonce, "extranonce2 has the length that the pool has told", fmt.Sprintf("%d bytes", checkRolled)},
		{mine.ErrVersion, "rolled bits of the version are within the mask of the job", fmt.Sprintf("within %08x", j.work.VersionMask)},
		{mine.ErrTime, "the time is not before that of the job, nor too late", fmt.Sprintf("%d to %d", j.work.MinTime, j.work.MaxTime)},
		{mine.ErrLow, "the hash meets the difficulty of its job", fmt.Sprintf("at most %s; with other byte orders it may be", j.work.Target)},
	} {
		bad := errors.Is(err, part.err)
		if err == nil || bad {
			sent := ""
			if bad {
				sent = err.Error()
			}
			c.once(!bad, Fail, part.what, sent, part.want)
		}
	}
	if err != nil {
		e := stratum.ShareError(err)
		return refuse(e.Code, e.Text)
	}
	c.once(!c.seen[solution.Hash], Fail, "no share is submitted twice", l.text, "another nonce, extranonce2, time or version")
	if c.seen[solution.Hash] {
		return refuse(stratum.CodeDuplicate, "Duplicate share")
	}
	c.seen[solution.Hash] = true
	c.rolled = c.rolled || h.Version != j.work.Version
	if len(c.seen) == 1 {
		// The first good share is refused, to see whether the miner goes on.
		return refuse(stratum.CodeOther, "Refused by the check")
	}
	return c.wire.write(stratum.NewAnswer(l.m.ID, true))
}

// wait waits for good shares of the latest job.
func (c *minerCheck) wait() error {
	want := len(c.seen) + c.Shares
	return c.next(fmt.Sprintf("shares of job %q", c.latest), func() bool { return len(c.seen) >= want })
}

func (c *minerCheck) easy() error {
	if err := c.give("lode-1", c.Difficulty, true); err != nil {
		return err
	}
	if err := c.wait(); err != nil {
		return err
	}
	c.add(OK, "the miner goes on after a share is refused", "", "")
	return nil
}

// harder raises the difficulty with a clean job, and sends a notification that no miner
// knows. The miner must ignore the notification and go on.
func (c *minerCheck) harder() error {
	if err := c.wire.write(stratum.NewNotification("mining.lode_check", 1)); err != nil {
		return err
	}
	if err := c.give("lode-2", 2*c.Difficulty, true); err != nil {
		return err
	}
	if err := c.wait(); err != nil {
		return err
	}
	c.add(OK, "a higher difficulty holds from the next job on, and an unknown notification is passed over", "", "")
	return nil
}

// narrow leaves one bit of the version to the miner, or none if it does not roll.
func (c *minerCheck) narrow() error {
	if !c.rolls {
		c.add(Note, "the miner asks for version rolling", "no mining.configure with version-rolling", "it, for more hashes to a job")
		return nil
	}
	c.mask &= -c.mask
	if err := c.wire.write(stratum.SetVersionMask{Mask: c.mask}.Message()); err != nil {
		return err
	}
	if err := c.give("lode-3", c.Difficulty, true); err != nil {
		return err
	}
	if err := c.wait(); err != nil {
		return err
	}
	c.add(OK, "the miner goes on after mining.set_version_mask", fmt.Sprintf("%08x", c.mask), "")
	return nil
}

// hijack tries to send the miner to another host.
func (c *minerCheck) hijack() error {
	const what = "client.reconnect to another host is not obeyed"
	if err := c.wire.write(stratum.Reconnect{Host: "lode-check.invalid", Port: 3333}.Message()); err != nil {
		return err
	}
	if err := c.give("lode-4", c.Difficulty, false); err != nil {
		c.add(Fail, what, err.Error(), "the miner stays: somebody who can write into the connection could otherwise steal the work")
		return nil // the report says it
	}
	if err := c.wait(); err != nil {
		c.add(Fail, what, err.Error(), "the miner stays: somebody who can write into the connection could otherwise steal the work")
		return nil // the report says it
	}
	c.add(OK, what, "", "")
	return nil
}
