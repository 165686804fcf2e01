package bench

import (
	"context"
	"fmt"

	"github.com/lodepow/lode/pow"
)

// Scan measures each kernel on one core without the engine and, for comparison,
// several straightforward loops.
func Scan() []Case {
	cases := loops()
	for _, k := range pow.Kernels() {
		cases = append(cases, Case{
			Name:  "Scan/kernel=" + k.Name(),
			Skip:  missing(k),
			Start: func() (*Run, error) { return startScan(k.Scan), nil },
		})
	}
	return cases
}

// startScan returns a run in which each operation scans the next 2^14 nonces.
func startScan(scan func(pow.Job) (pow.Result, error)) *Run {
	const hashes = 1 << 14
	var done uint64
	job := pow.Job{Header: pow.BitcoinGenesis(), Target: hopeless(), Count: hashes}
	return &Run{
		Op: func(context.Context) error {
			r, _ := scan(job) // no hash has 200 zeros, so the scan always runs to its end
			done += r.Hashes
			job.First += hashes
			return nil
		},
		Report: ratePerSecond(&done, "H/s"),
	}
}

// Rate measures the hash rate of a kernel on one core, in H/s. It returns the best
// of several short samples, because other programs may use the core as well.
func Rate(ctx context.Context, k pow.Kernel) (float64, error) {
	c := Case{Name: "Scan/kernel=" + k.Name(), Start: func() (*Run, error) { return startScan(k.Scan), nil }}
	var best float64
	for range 10 {
		r, err := c.Measure(ctx, calibration/10)
		if err != nil {
			return 0, err
		}
		perSecond, _ := r.Value("H/s")
		best = max(best, perSecond)
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if best <= 0 {
		return 0, fmt.Errorf("kernel %s computed no hash in any sample", k.Name())
	}
	return best, nil
}
