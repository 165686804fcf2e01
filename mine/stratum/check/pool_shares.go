package check

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
)

// submission is a share, and the job that it is of.
type submission struct {
	stratum.Submit
	job *stratum.Notify
}

// shares submits good and bad shares.
func (c *poolCheck) shares(ctx context.Context) error {
	if err := c.badShares(); err != nil {
		return err
	}
	if c.Engine == nil {
		return nil
	}
	good, err := c.goodShare(ctx)
	if err != nil || good == nil {
		return err
	}
	_, err = c.submit("the same share again is a duplicate", stratum.CodeDuplicate, func() (share *submission, err error) {
		// If the pool ends the job, there has to be a good share of the next one.
		if share, good = good, nil; share == nil {
			share, err = c.goodShare(ctx)
		}
		return share, err
	})
	if err != nil {
		return err
	}
	_, err = c.submit("a share three hours ahead of the clock is refused", stratum.CodeOther, func() (*submission, error) {
		return c.lateShare(ctx)
	})
	return err
}

// attempts is how many shares are submitted for one verdict, if the pool ends their jobs.
const attempts = 3

// submit submits the share that make returns, judges the answer, and returns the share. The code
// is that of the error that the share should get, and 0 if it should be accepted. If the pool has
// ended the job of the share meanwhile, it is right to call the share stale, and another one is
// made. Nothing is submitted if make returns nil.
func (c *poolCheck) submit(what string, code int, make func() (*submission, error)) (*submission, error) {
	for attempt := 1; ; attempt++ {
		share, err := make()
		if err != nil || share == nil {
			return nil, err
		}
		l, _, err := c.ask(share.Message)
		var refused *stratum.Error
		stale := errors.As(l.m.Check(), &refused) && refused.Code == stratum.CodeStale
		if stale && code != stratum.CodeStale && c.job != share.job && attempt < attempts {
			continue
		}
		return share, c.judge(what, l, err, code)
	}
}

// mineable returns the error because of which the latest job cannot be mined, after it has
// added that to the report.
func (c *poolCheck) mineable() error {
	if c.workErr != nil {
		c.add(Fail, "the job can be mined", c.workErr.Error(), "")
	}
	return c.workErr
}

// goodShare submits a good share of the latest job, and returns it. The result is nil if none
// was found.
func (c *poolCheck) goodShare(ctx context.Context) (*submission, error) {
	return c.submit("a good share is accepted", 0, func() (*submission, error) {
		if err := c.mineable(); err != nil {
			return nil, err
		}
		s, err := c.find(ctx, c.work, c.job.Time)
		if err != nil {
			c.add(Note, "a share was found to submit", err.Error(), "a difficulty that a CPU can meet; suggest one, or check on a test network")
			return nil, nil // the report says it
		}
		return &submission{stratum.SubmitOf(c.User, c.job.Job, c.work, s), c.job}, nil
	})
}

// lateShare searches for a share of the latest job whose time is three hours ahead of the clock.
// The result is nil if none was found.
func (c *poolCheck) lateShare(ctx context.Context) (*submission, error) {
	if err := c.mineable(); err != nil {
		return nil, err
	}
	const hours = 3 * 3600
	work := c.work
	work.MaxTime = 0
	late, err := c.find(ctx, work, max(c.job.Time, uint32(c.Now().Unix()))+hours)
	if err != nil {
		return nil, nil //nolint:nilerr // a share that is not found cannot be checked
	}
	return &submission{stratum.SubmitOf(c.User, c.job.Job, work, late), c.job}, nil
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

// badShares submits shares of the latest job that are wrong in one way each.
func (c *poolCheck) badShares() error {
	for _, share := range []struct {
		what string
		code int
		bits bool // only if version rolling is granted
		edit func(*stratum.Submit)
	}{
		{"a share of an unknown job is refused", stratum.CodeStale, false, func(s *stratum.Submit) { s.Job = "lode-check" }},
		{"a share of low difficulty is refused", stratum.CodeLow, false, func(*stratum.Submit) {}},
		{"an extranonce2 of a wrong length is refused", stratum.CodeOther, false, func(s *stratum.Submit) {
			s.Extranonce2 = append(slices.Clone(s.Extranonce2), 0)
		}},
		{"bits of the version outside the mask are refused", stratum.CodeOther, true, func(s *stratum.Submit) {
			bits := uint32(1) // not in any mask of BIP 320
			s.VersionBits = &bits
		}},
	} {
		if share.bits && !c.rolls {
			continue
		}
		submitted, err := c.submit(share.what, share.code, func() (*submission, error) {
			s, err := c.lowShare()
			if s != nil {
				share.edit(&s.Submit)
			}
			return s, err
		})
		if err != nil || submitted == nil {
			return err
		}
	}
	return nil
}

// lowShare returns what would be a share of the latest job if its difficulty were not too low.
// The result is nil if there is none.
func (c *poolCheck) lowShare() (*submission, error) {
	if err := c.mineable(); err != nil {
		return nil, err
	}
	extranonce := c.work.Extranonces.At(0)
	for nonce := range uint32(1 << 16) { // the first one that is no share
		h := c.work.Header(extranonce, c.work.Version, c.work.MinTime, nonce)
		if hash := h.Hash(); !hash.Meets(c.work.Target) {
			low := mine.Solution{Extranonce: extranonce, Header: h, Hash: hash}
			return &submission{stratum.SubmitOf(c.User, c.job.Job, c.work, low), c.job}, nil
		}
	}
	c.add(Note, "bad shares are refused", "the difficulty is so low that everything is a share", "a difficulty that most hashes do not meet")
	return nil, nil // the report says it
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
