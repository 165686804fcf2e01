package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lodepow/lode/pow"
)

// Sweep says which searches to measure: every difficulty with every number of workers
// and every kernel. An empty list means the usual choice: 8, 12, 16 and 20 zeros, all
// cores, and all kernels that this CPU can run.
type Sweep struct {
	Zeros   []int // difficulties, in leading zero bits
	Workers []int
	Kernels []string
}

// MaxZeros is the greatest difficulty of a sweep, in leading zero bits. One search of
// it takes some hours even on a fast machine.
const MaxZeros = 40

// maxSweep is the greatest number of benchmarks in a sweep.
const maxSweep = 10_000

// Empty reports whether the sweep leaves everything to the usual choice.
func (s Sweep) Empty() bool { return len(s.Zeros)+len(s.Workers)+len(s.Kernels) == 0 }

// ParseSweep reads the three lists of a sweep as users write them: zeros such as
// 4:28:2 (from 4 to 28 in steps of 2), 8:12 or 8,12,20:24; workers such as 1,2,4; and
// names of kernels separated by commas. An empty text leaves a list empty. The error
// says which list is wrong, and what to write.
func ParseSweep(zeros, workers, kernels string) (Sweep, error) {
	var s Sweep
	var err error
	if s.Zeros, err = numbers(zeros, "zeros", MaxZeros); err != nil {
		return Sweep{}, fmt.Errorf("zeros %q: %w", zeros, err)
	}
	if s.Workers, err = numbers(workers, "workers", pow.MaxWorkers); err != nil {
		return Sweep{}, fmt.Errorf("workers %q: %w", workers, err)
	}
	if kernels == "" {
		return s, s.checkSize()
	}
	for name := range strings.SplitSeq(kernels, ",") {
		if name == "" {
			return Sweep{}, fmt.Errorf("kernel %q: a name is missing: separate the names by single commas, such as sha-ni,stdlib", kernels)
		}
		if _, _, err := pow.Choose(name); err != nil {
			return Sweep{}, err // it names the kernel
		}
		if slices.Contains(s.Kernels, name) {
			return Sweep{}, fmt.Errorf("kernel %q: %s is listed twice: name each kernel once", kernels, name)
		}
		s.Kernels = append(s.Kernels, name)
	}
	return s, s.checkSize()
}

// numbers reads a list of numbers from 1 to most, and of ranges FROM:TO and
// FROM:TO:STEP, and returns the numbers in ascending order.
func numbers(text, of string, most int) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	var all []int
	for part := range strings.SplitSeq(text, ",") {
		from, to, step, err := parseRange(part)
		if err != nil {
			return nil, err
		}
		for _, n := range []int{from, to} {
			if n < 1 || n > most {
				return nil, fmt.Errorf("%d is out of range: want 1 to %d %s", n, most, of)
			}
		}
		for n := from; n <= to; n += step {
			if slices.Contains(all, n) {
				return nil, fmt.Errorf("%d is listed twice: name each number once", n)
			}
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

func parseRange(part string) (from, to, step int, err error) {
	words := strings.Split(part, ":")
	values := []int{0, 0, 1}
	if len(words) > 3 {
		return 0, 0, 0, fmt.Errorf("%q has more than three numbers: write a range as FROM:TO or FROM:TO:STEP, such as 4:28:2", part)
	}
	for i, word := range words {
		n, err := strconv.Atoi(word)
		if errors.Is(err, strconv.ErrRange) {
			return 0, 0, 0, fmt.Errorf("%s is too large", word)
		}
		if err != nil {
			return 0, 0, 0, fmt.Errorf("%q is not a number: write a list such as 8,12,16 or a range such as 4:28:2", word)
		}
		values[i] = n
	}
	if len(words) == 1 {
		values[1] = values[0]
	}
	from, to, step = values[0], values[1], values[2]
	if step < 1 {
		return 0, 0, 0, fmt.Errorf("the step of %s is %d: want 1 or more", part, step)
	}
	if to < from {
		return 0, 0, 0, fmt.Errorf("the range %s ends before it begins: write %d:%d", part, to, from)
	}
	return from, to, step, nil
}

// checkSize returns an error if the sweep has too many benchmarks for one run.
func (s Sweep) checkSize() error {
	if n := max(1, len(s.Zeros)) * max(1, len(s.Workers)) * max(1, len(s.Kernels)); n > maxSweep {
		return fmt.Errorf("%d zeros by %d workers by %d kernels are %d benchmarks: want at most %d; choose a larger step",
			len(s.Zeros), len(s.Workers), len(s.Kernels), n, maxSweep)
	}
	return nil
}

// complete returns the sweep with the usual choice for what is empty.
func (s Sweep) complete(c Config) Sweep {
	if len(s.Zeros) == 0 {
		s.Zeros = []int{8, 12, 16, 20}
	}
	if len(s.Workers) == 0 {
		s.Workers = []int{c.cores()}
	}
	if len(s.Kernels) == 0 {
		for _, k := range pow.Kernels() {
			if missing(k) == "" {
				s.Kernels = append(s.Kernels, k.Name())
			}
		}
	}
	return s
}

// Cases returns a benchmark for each combination of a difficulty, a number of workers
// and a kernel. Beside them, each of c.Own searches the same headers on one worker, if
// the sweep has one worker.
func (s Sweep) Cases(c Config) []Case {
	s = s.complete(c)
	var cases []Case
	for _, workers := range s.Workers {
		for _, z := range s.Zeros {
			for _, k := range pow.Kernels() {
				if slices.Contains(s.Kernels, k.Name()) {
					cases = append(cases, searchCase(c, z, k, workers))
				}
			}
			if workers == 1 {
				for _, o := range c.Own {
					cases = append(cases, o.searchCase(c, z))
				}
			}
		}
	}
	return cases
}

// firstOf returns a kernel and a number of workers of the sweep. All combinations
// search the same headers, so statistics of luck must count only one of them.
func (s Sweep) firstOf(c Config) (kernel string, workers int) {
	s = s.complete(c)
	for _, k := range pow.Kernels() {
		if slices.Contains(s.Kernels, k.Name()) {
			return k.Name(), s.Workers[0]
		}
	}
	return "", 0
}

// seconds estimates the duration of one round, from the rate of each kernel on one
// core. Scan functions of one's own are left out, because their rates are not known.
func (s Sweep) seconds(c Config, rate func(kernel string) float64) float64 {
	s = s.complete(c)
	sum := 0.0
	for _, name := range s.Kernels {
		perSecond := rate(name)
		for _, workers := range s.Workers {
			for _, z := range s.Zeros {
				sum += float64(searchOps(z)) * math.Exp2(float64(z)) / (perSecond * float64(cmp.Or(min(workers, c.cores()), 1)))
			}
		}
	}
	return sum
}

// round estimates the duration of one round of the sweep.
func (s Sweep) round(ctx context.Context, c Config) (time.Duration, error) {
	rates := map[string]float64{}
	for _, name := range s.complete(c).Kernels {
		k, _, err := pow.Choose(name)
		if err != nil {
			return 0, err
		}
		if rates[name], err = Rate(ctx, k); err != nil {
			return 0, err
		}
	}
	seconds := s.seconds(c, func(kernel string) float64 { return rates[kernel] })
	return time.Duration(min(seconds*1e9, float64(math.MaxInt64)/100)), nil
}
