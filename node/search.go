package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/api"
	"github.com/lodepow/lode/pow"
)

// waitForClock holds a miner that nobody waits for back while the least time that
// a block may have is ahead of the clock: for a continuous one at all, for one
// that mines what is pending by as much as the network allows. It returns when
// the tip has moved, too.
func (m *Miner) waitForClock(ctx context.Context, t chain.Template) error {
	var allowed time.Duration
	switch m.mode {
	case OnDemand:
		return nil // solve says so, and the client hears it
	case Pending:
		allowed = m.future()
	}
	for {
		ahead := time.Unix(int64(t.MinTime), 0).Sub(m.now()) - allowed
		if ahead <= 0 || m.chain.Tip().Hash != t.Prev {
			return nil
		}
		m.pause(ctx, min(ahead, retryAfter))
		if ctx.Err() != nil {
			return errStopped
		}
	}
}

// future is how far ahead of the clock a block's time may be.
func (m *Miner) future() time.Duration {
	return time.Duration(m.chain.Params().Limits().FutureSeconds) * time.Second
}

// solve searches one job of the template after another until one gives a block.
func (m *Miner) solve(ctx context.Context, t chain.Template) (block.Block, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start, before := m.now(), m.engine.Hashes()
	m.watch(cancel, t, start, before)
	defer m.watch(nil, t, start, before)
	defer m.report()()
	if m.chain.Tip().Hash != t.Prev { // before the watch began
		return block.Block{}, errNewTip
	}

	r, err := m.engine.Mine(ctx, func() (pow.Job, error) {
		if fresh, ok, err := m.refresh(t); err != nil {
			return pow.Job{}, err
		} else if ok {
			t = fresh
		}
		now := m.now()
		if time.Unix(int64(t.MinTime), 0).After(now.Add(m.future())) {
			return pow.Job{}, api.ErrAhead
		}
		m.extranonce++
		job := t.Job(m.extranonce, uint32(now.Unix()))
		job.Count = jobNonces(m.Progress().Rate, len(t.Versions))
		return job, nil
	})
	if err != nil {
		if parent := context.Cause(ctx); parent != nil && !errors.Is(parent, errNewTip) {
			return block.Block{}, errStopped
		}
		return block.Block{}, err
	}
	return t.Block(r.Header, m.extranonce), nil
}

// jobNonces returns how many nonces take jobTime at that many hashes a second.
func jobNonces(rate float64, versions int) uint64 {
	if rate == 0 {
		return firstNonces
	}
	count := rate * jobTime.Seconds() / float64(versions)
	return uint64(min(max(count, firstNonces), 1<<32))
}

// report logs progress now and then until stop; a search may take days.
func (m *Miner) report() (stop func()) {
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(reportEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				p := m.Progress()
				m.log.Info("mining", "height", p.Height, "hashes", p.Hashes, "rate", uint64(p.Rate), "expected", uint64(p.Expected))
			}
		}
	})
	return func() {
		close(done)
		group.Wait()
	}
}

// refresh returns a template with the transactions that have arrived since, on
// the same tip.
func (m *Miner) refresh(t chain.Template) (fresh chain.Template, ok bool, err error) {
	m.mu.Lock()
	arrived := m.newTxs
	m.newTxs = false
	m.mu.Unlock()
	if !arrived {
		return t, false, nil
	}
	fresh, err = m.chain.Template(chain.TemplateOptions{Tag: m.tag})
	if err == nil && (fresh.Prev != t.Prev || len(fresh.Txs) < len(t.Txs)) {
		err = errNewTip // another block has the transactions
	}
	return fresh, err == nil, err
}

// watch tells onEvent and Progress of the search under way.
func (m *Miner) watch(cancel context.CancelCauseFunc, t chain.Template, start time.Time, before uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.search, m.prev = cancel, t.Prev
	if cancel == nil {
		m.state = nil
		return
	}
	target, _, _ := t.Bits.Decode()
	m.state = func(hashes uint64) progress {
		p := progress{
			Mining: true, Height: t.Height, Since: start,
			Hashes: hashes - before, Expected: 1 / target.Probability(),
		}
		if seconds := m.now().Sub(start).Seconds(); seconds > 0 {
			p.Rate = float64(p.Hashes) / seconds
		}
		return p
	}
}

// Progress implements [api.Miner].
func (m *Miner) Progress() api.Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state == nil {
		return api.Progress{}
	}
	return m.state(m.engine.Hashes())
}
