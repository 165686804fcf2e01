package check

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
)

// shares submits good and bad shares.
func (c *poolCheck) shares(ctx context.Context) error {
	if err := c.mineable(); err != nil {
		return err
	}
	if err := c.badShares(c.job.Job, c.work); err != nil {
		return err
	}
	if c.Engine == nil {
		return nil
	}
	good, err := c.goodShare(ctx)
	if err != nil || good == nil {
		return err
	}
	if err := c.refuse("the same share again is a duplicate", *good, stratum.CodeDuplicate); err != nil {
		return err
	}
	if err := c.mineable(); err != nil {
		return err
	}
	const hours = 3 * 3600
	job, work := c.job, c.work
	work.MaxTime = 0
	late, err := c.find(ctx, work, max(job.Time, uint32(c.Now().Unix()))+hours)
	if err != nil {
		return nil //nolint:nilerr // a share that is not found cannot be checked
	}
	return c.refuse("a share three hours ahead of the clock is refused", stratum.SubmitOf(c.User, job.Job, work, late), stratum.CodeOther)
}

// mineable returns the error because of which the latest job cannot be mined, after it has
// added that to the report.
func (c *poolCheck) mineable() error {
	if c.workErr != nil {
		c.add(Fail, "the job can be mined", c.workErr.Error(), "")
	}
	return c.workErr
}

// goodShare submits a good share of the latest job, and returns it. If the pool has ended the
// job while the share was searched, it is right to call the share stale, and another one is
// searched. The result is nil if none was found.
func (c *poolCheck) goodShare(ctx context.Context) (*stratum.Submit, error) {
	const most = 3 // attempts
	for attempt := 1; ; attempt++ {
		if err := c.mineable(); err != nil {
			return nil, err
		}
		job, work := c.job, c.work
		s, err := c.find(ctx, work, job.Time)
		if err != nil {
			c.add(Note, "a share was found to submit", err.Error(), "a difficulty that a CPU can meet; suggest one, or check on a test network")
			return nil, nil // the report says it
		}
		share := stratum.SubmitOf(c.User, job.Job, work, s)
		l, _, err := c.ask(share.Message)
		var refused *stratum.Error
		stale := errors.As(l.m.Check(), &refused) && refused.Code == stratum.CodeStale
		if stale && c.job != job && attempt < most {
			continue
		}
		return &share, c.judge("a good share is accepted", l, err, 0)
	}
}

// find searches for a share of that time.
func (c *poolCheck) find(ctx context.Context, w mine.Work, at uint32) (mine.Solution, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Search)
	defer cancel()
	extranonce := w.Extranonces.At(w.Extranonces.Last() / 3)
	r, err := c.Engine.Search(ctx, w.Job(extranonce, at))
	if err != nil {
		return mine.Solution{}, fmt.Errorf("difficulty %.4g, none in %v", w.Target.Difficulty(), c.Search)
	}
	return w.Solution(extranonce, r.Header)
}

// badShares submits shares of a job that are wrong in one way each.
func (c *poolCheck) badShares(job string, w mine.Work) error {
	extranonce := w.Extranonces.At(0)
	var low mine.Solution
	for nonce := range uint32(1 << 16) { // the first one that is no share
		h := w.Header(extranonce, w.Version, w.MinTime, nonce)
		if hash := h.Hash(); !hash.Meets(w.Target) {
			low = mine.Solution{Extranonce: extranonce, Header: h, Hash: hash}
			break
		}
	}
	if low.Extranonce == nil {
		c.add(Note, "bad shares are refused", "the difficulty is so low that everything is a share", "a difficulty that most hashes do not meet")
		return nil
	}
	good := stratum.SubmitOf(c.User, job, w, low)
	unknown := good
	unknown.Job = "lode-check"
	short := good
	short.Extranonce2 = append(slices.Clone(good.Extranonce2), 0)
	for _, share := range []struct {
		what string
		s    stratum.Submit
		code int
	}{
		{"a share of an unknown job is refused", unknown, stratum.CodeStale},
		{"a share of low difficulty is refused", good, stratum.CodeLow},
		{"an extranonce2 of a wrong length is refused", short, stratum.CodeOther},
	} {
		if err := c.refuse(share.what, share.s, share.code); err != nil {
			return err
		}
	}
	if c.rolls {
		beside := good
		bits := uint32(1) // not in any mask of BIP 320
		beside.VersionBits = &bits
		return c.refuse("bits of the version outside the mask are refused", beside, stratum.CodeOther)
	}
	return nil
}

// refuse submits a share and judges the answer. The code is that of the error that the share
// should get.
func (c *poolCheck) refuse(what string, s stratum.Submit, code int) error {
	l, _, err := c.ask(s.Message)
	return c.judge(what, l, err, code)
}

// judge judges the answer to a share, or the error in its place. The code is that of the error
// that the share should get, and 0 if it should be accepted.
func (c *poolCheck) judge(what string, l line, err error, code int) error {
	want := "true"
	if code != 0 {
		want = fmt.Sprintf("a result of null and an error with the code %d", code)
	}
	if err != nil {
		c.add(Fail, what, err.Error(), want)
		return err
	}
	refused := l.m.Check()
	if code == 0 {
		c.check(refused == nil, Fail, what, l.text, want)
		return nil
	}
	var e *stratum.Error
	switch {
	case !errors.As(refused, &e):
		c.add(Fail, what, l.text, want)
	case l.m.Result != nil && string(l.m.Result) != "false":
		c.add(Fail, what, l.text, want)
	case l.m.Error == nil || e.Code != code || l.m.Result != nil:
		c.add(Note, what, l.text, want)
	default:
		c.add(OK, what, e.Error(), "")
	}
	return nil
}
