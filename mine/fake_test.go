package mine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

// The fake engine does a chunk in a millisecond of virtual time.
const (
	chunkNonces = 4096
	chunkTime   = time.Millisecond
)

// fakeEngine records jobs and searches them in virtual time. It does not hash
// before a nonce that the test has asked for.
type fakeEngine struct {
	mu     sync.Mutex
	jobs   []pow.Job
	chunks []time.Time // when each chunk began
	blocks []time.Time // since when each block had been searched

	fast   bool                                  // takes no time at all
	answer func(pow.Job) (nonce uint32, ok bool) // of the first nonce to look at; nil: none
	before func(pow.Job)                         // called before every search
	err    error                                 // of every search
}

func (e *fakeEngine) Search(ctx context.Context, job pow.Job) (pow.Result, error) {
	e.mu.Lock()
	e.jobs = append(e.jobs, job)
	before, answer, fast, fail := e.before, e.answer, e.fast, e.err
	e.mu.Unlock()
	if before != nil {
		before(job)
	}
	if fail != nil {
		return pow.Result{}, fail
	}
	var nonce uint32
	found := false
	if answer != nil {
		nonce, found = answer(job)
	}
	for at := uint64(0); at < job.Count; at += chunkNonces {
		if ctx.Err() != nil {
			return pow.Result{Searched: at}, fmt.Errorf("search: %w", errors.Join(context.Cause(ctx), ctx.Err()))
		}
		if !fast {
			e.mu.Lock()
			e.chunks = append(e.chunks, time.Now())
			e.mu.Unlock()
			time.Sleep(chunkTime)
		}
		if first := uint64(job.First) + at; found && uint64(nonce) >= first && uint64(nonce) < min(first+chunkNonces, uint64(job.First)+job.Count) {
			job.First, job.Count = nonce, 0
			return pow.Kernels()[0].Scan(job)
		}
	}
	return pow.Result{Searched: job.Count}, pow.ErrExhausted
}

func (e *fakeEngine) ReportBlock(since time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.blocks = append(e.blocks, since)
}

func (e *fakeEngine) seen() []pow.Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.jobs)
}

// slow makes a fast engine take its time again.
func (e *fakeEngine) slow() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fast = false
}

// forget makes seen begin anew.
func (e *fakeEngine) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.jobs = nil
}

// fakeSource is a source into which the test puts work, as a pool would.
type fakeSource struct {
	mu     sync.Mutex
	life   Lifetime
	work   *Work
	wait   time.Duration
	err    error // of Offer
	offers int
	tries  []Solution // every call of Submit
	submit func(ctx context.Context, s Solution) (Outcome, error)
}

func newFakeSource(w *Work) *fakeSource {
	return &fakeSource{life: NewLifetime(), work: w}
}

// post puts in work, as mining.notify does.
func (f *fakeSource) post(w *Work, clean bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.work = w
	if clean {
		f.life.End()
		f.life = NewLifetime()
	} else {
		f.life = f.life.Next()
	}
}

// setErr makes Offer fail, or succeed again if the error is nil.
func (f *fakeSource) setErr(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// asked returns how often Offer has been called.
func (f *fakeSource) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.offers
}

func (f *fakeSource) Offer() (Offer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offers++
	if f.err != nil {
		return Offer{}, f.err
	}
	o := f.life.Offer(f.work)
	o.Wait = f.wait
	return o, nil
}

func (f *fakeSource) Submit(ctx context.Context, s Solution) (Outcome, error) {
	f.mu.Lock()
	f.tries = append(f.tries, s)
	submit := f.submit
	f.mu.Unlock()
	if submit == nil {
		return Accepted, nil
	}
	return submit(ctx, s)
}

func (f *fakeSource) tried() []Solution {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.tries)
}

// told is one call of an observer's Submitted.
type told struct {
	Solution
	outcome Outcome
	err     error
}

// watcher is an observer that records.
type watcher struct {
	mu        sync.Mutex
	taken     []string
	submitted []told
	exhausted []string
}

func (w *watcher) observer() Observer {
	return Observer{
		WorkTaken: func(work Work) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.taken = append(w.taken, work.ID)
		},
		Submitted: func(s Solution, o Outcome, err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.submitted = append(w.submitted, told{s, o, err})
		},
		Exhausted: func(work Work) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.exhausted = append(w.exhausted, work.ID)
		},
	}
}

func (w *watcher) all() []told {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.submitted)
}

// bench is a loop that runs against fakes until the test ends. It must be made in
// a bubble of virtual time.
type bench struct {
	*watcher
	engine *fakeEngine
	source *fakeSource
	loop   *Loop
	stop   func() // ends the loop and waits for it
}

func startLoop(t *testing.T, engine *fakeEngine, source *fakeSource, edit func(*Config)) *bench {
	t.Helper()
	b := &bench{watcher: &watcher{}, engine: engine, source: source}
	c := Config{Engine: engine, Source: source, Observer: b.observer()}
	if edit != nil {
		edit(&c)
	}
	var err error
	if b.loop, err = New(c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.loop.Run(ctx)
	}()
	b.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(b.stop)
	return b
}

// shareWork is work of which every hash is a share and none a block.
func shareWork(id string) *Work {
	return &Work{
		ID: id, Height: 7, Version: 0x20000000, VersionMask: VersionMask,
		Prev: pow.DoubleSHA256([]byte("parent")), Bits: 0x1d00ffff, Target: pow.ZerosTarget(0),
		Before: []byte("before " + id), After: []byte(" after"), Extranonces: Space{rolled: 4, last: 1<<32 - 1},
	}
}

// blockWork is work of which every other hash is a block.
func blockWork(id string) *Work {
	w := shareWork(id)
	w.Bits, w.Target = 0x207fffff, pow.Target{}
	return w
}

// every answers each job with the nonce at the given offset.
func every(offset uint32) func(pow.Job) (uint32, bool) {
	return func(job pow.Job) (uint32, bool) { return job.First + offset, true }
}

// once answers a job with its first nonce, and no other.
func once() func(pow.Job) (uint32, bool) {
	var all sync.Mutex
	done := false
	return func(job pow.Job) (uint32, bool) {
		all.Lock()
		defer all.Unlock()
		defer func() { done = true }()
		return job.First, !done
	}
}
