package bench

import (
	"context"
	"fmt"

	"github.com/lodepow/lode/pow"
)

// Scan measures each kernel on one core, without the engine, beside the loops
// that one writes first.
func Scan() []Case {
	cases := loops()
	for _, k := range pow.Kernels() {
		cases = append(cases, Case{
			Name:  "Scan/kernel=" + k.Name(),
			Skip:  missing(k),
			Start: func() (*Run, error) { return startScan(k), nil },
		})
	}
	return cases
}

func startScan(k pow.Kernel) *Run {
	const hashes = 1 << 14
	var done uint64
	job := pow.Job{Header: pow.BitcoinGenesis(), Target: hopeless(), Count: hashes}
	return &Run{
		Op: func(context.Context) error {
			r, _ := k.Scan(job) // nothing has 200 zeros: it always runs to the end
			done += r.Hashes
			job.First += hashes
			return nil
		},
		Report: rate(&done, "H/s"),
	}
}

// Rate returns the hashes per second of a kernel on one core, roughly.
func Rate(ctx context.Context, k pow.Kernel) (float64, error) {
	c := Case{Name: "Scan/kernel=" + k.Name(), Start: func() (*Run, error) { return startScan(k), nil }}
	r, err := c.Measure(ctx, calibration)
	if err != nil {
		return 0, err
	}
	perSecond, ok := r.Value("H/s")
	if !ok || perSecond <= 0 {
		return 0, fmt.Errorf("kernel %s did nothing", k.Name())
	}
	return perSecond, nil
}
