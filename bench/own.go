package bench

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/lodepow/lode/pow"
)

// Own is a scan function of one's own, to be measured beside the kernels.
type Own struct {
	// Name is written where the results have the name of a kernel. It consists of
	// letters, digits and hyphens, and is not the name of a kernel.
	Name string

	// Scan has the contract of [pow.Kernel.Scan], for jobs without a list of versions
	// whose Count and Target are always set. It tries the nonces from First on, Count
	// of them, on the calling goroutine, and returns the first whose hash meets the
	// target, or [pow.ErrExhausted]. Tries is the position of that nonce, counted from
	// 1, and Hashes the number of hashes that were computed.
	Scan func(pow.Job) (pow.Result, error)
}

// Check returns an error if the name cannot be used, or if Scan gives a wrong answer
// to one of some small jobs. Every benchmark of the function calls it first: the speed
// of a function that does something else would mean nothing.
func (o Own) Check() error {
	if !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`).MatchString(o.Name) {
		return fmt.Errorf("%q cannot be the name of a scan function: want letters, digits and hyphens, such as my-scan", o.Name)
	}
	for _, c := range Scan() {
		if c.Name == "Scan/kernel="+o.Name {
			return fmt.Errorf("%q is the name of a kernel or a loop of ours: choose another name for your scan function", o.Name)
		}
	}
	if o.Scan == nil {
		return fmt.Errorf("the scan function %s is nil: set Scan", o.Name)
	}
	headers := NewHeaders(0, 0, 0)
	for _, job := range []pow.Job{
		{Count: 1 << 12, Target: pow.ZerosTarget(8)},
		{Count: 1 << 12, Target: pow.ZerosTarget(8), First: 1<<31 - 100},
		{Count: 1 << 12, Target: pow.ZerosTarget(4), First: 12345},
		{Count: 1, Target: pow.ZerosTarget(0)},
		{Count: 64, Target: pow.ZerosTarget(40)},
		{Count: 99, Target: hopeless(), First: 1<<32 - 99},
	} {
		for range 4 {
			job.Header = headers.Next()
			if err := o.checkJob(job); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkJob compares the function's answer with that of trying one nonce after the
// other.
func (o Own) checkJob(job pow.Job) error {
	want, exhausted := scanPlainly(job)
	got, err := o.Scan(job)
	if err != nil && !errors.Is(err, pow.ErrExhausted) {
		return fmt.Errorf("the scan function %s: %w", o.Name, err)
	}
	answer := func(r pow.Result, err error) string {
		if err != nil {
			return fmt.Sprintf("that no hash meets the target, after %d tries", r.Tries)
		}
		return fmt.Sprintf("nonce %d with hash %s, after %d tries", r.Header.Nonce, r.Hash, r.Tries)
	}
	same := (err == nil) == (exhausted == nil) && got.Tries == want.Tries
	if err == nil && (got.Header != want.Header || got.Hash != want.Hash) {
		same = false
	}
	if !same {
		return fmt.Errorf("the scan function %s is wrong: for the header %x, the target %s and %d nonces from %d on, it answers %s; the right answer is %s",
			o.Name, job.Header.Bytes(), job.Target, job.Count, job.First, answer(got, err), answer(want, exhausted))
	}
	if got.Hashes < got.Tries {
		return fmt.Errorf("the scan function %s says that it computed %d hashes for %d tries: count each hash in Hashes", o.Name, got.Hashes, got.Tries)
	}
	return nil
}

// scanPlainly tries the nonces of a job one by one.
func scanPlainly(job pow.Job) (pow.Result, error) {
	header := job.Header
	for i := range job.Count {
		header.Nonce = job.First + uint32(i)
		if hash := header.Hash(); hash.Meets(job.Target) {
			return pow.Result{Header: header, Hash: hash, Tries: i + 1, Hashes: i + 1}, nil
		}
	}
	return pow.Result{Tries: job.Count, Hashes: job.Count}, pow.ErrExhausted
}

// scanCase measures the function on one core, as Scan does the kernels.
func (o Own) scanCase() Case {
	return Case{
		Name: "Scan/kernel=" + o.Name,
		Start: func() (*Run, error) {
			if err := o.Check(); err != nil {
				return nil, err
			}
			return startScan(o.Scan), nil
		},
	}
}

// searchCase measures whole searches with the function on one worker, over the same
// headers as those of the kernels.
func (o Own) searchCase(c Config, zeros int) Case {
	return c.searchesCase(searches{benchmark: "Search", kernel: o.Name, workers: 1, zeros: zeros, stream: zeros}, func() (SearchFunc, error) {
		return o.search, o.Check()
	})
}

// ownChunk is the number of nonces after which a search with one's own function looks
// whether it was cancelled.
const ownChunk = 1 << 14

// search searches a job whose Count is 0, chunk after chunk.
func (o Own) search(ctx context.Context, job pow.Job) (pow.Result, error) {
	var before uint64
	for first := uint64(job.First); first < 1<<32; first += ownChunk {
		if ctx.Err() != nil {
			return pow.Result{}, context.Cause(ctx)
		}
		job.First, job.Count = uint32(first), min(ownChunk, 1<<32-first)
		r, err := o.Scan(job)
		r.Tries += before
		r.Hashes += before
		if !errors.Is(err, pow.ErrExhausted) {
			return r, err
		}
		before = r.Tries
	}
	return pow.Result{Tries: before, Hashes: before}, pow.ErrExhausted
}
