package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/lodepow/lode/bench/stats"
	"github.com/lodepow/lode/pow"
)

// Plan is a run of the standard benchmarks outside go test. Its zero value takes
// about a minute.
type Plan struct {
	Time  time.Duration // about how long; 0: a minute, or ten if Long, and six rounds at least
	Slice time.Duration // of a benchmark in a round; 0: 40 ms, or 100 ms if Long
	Long  bool          // for publication: more benchmarks, harder searches
	Seed  uint64        // of the headers to search

	Only *regexp.Regexp // that the names of benchmarks must match; nil: all
	Lode string         // version to note; "": none

	Progress func(Progress)   // nil: not told
	Now      func() time.Time // nil: time.Now

	rounds int // at least
}

// Progress says how far a run is.
type Progress struct {
	Round int           // from 1
	Case  string        // that is measured now
	Left  time.Duration // about
}

// ErrStopped is the error of a run that was ended before its time. What it has
// written is whole.
var ErrStopped = errors.New("stopped before the time was up")

func (p *Plan) setDefaults() {
	if p.Time == 0 {
		p.rounds = 6 // the least of which the median has an interval of 95 %
		p.Time = time.Minute
		if p.Long {
			p.Time = 10 * time.Minute
		}
	}
	if p.Slice == 0 {
		p.Slice = 40 * time.Millisecond
		if p.Long {
			p.Slice = 100 * time.Millisecond
		}
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Progress == nil {
		p.Progress = func(Progress) {}
	}
}

// sweepZeros returns what the difficulty is swept over.
func sweepZeros() []int { return []int{8, 10, 12, 14, 16, 18, 20, 22, 24} }

// cases returns what a round measures.
func (p *Plan) cases(c Config, law *stats.Law) []Case {
	zeros := []int{8, 12, 16, 20}
	if p.Long {
		zeros = append(zeros, 24)
	}
	cases := slices.Concat(Clock(), Scan(), Tries(c, sweepZeros(), law.Add), Search(c, zeros...), Scaling(c), Paths())
	if p.Long {
		cases = slices.Concat(cases, Overhead(), Cancel(c))
	}
	return slices.DeleteFunc(cases, func(c Case) bool { return p.Only != nil && !p.Only.MatchString(c.Name) })
}

// Run measures in rounds until the time is up. It writes a description of the
// machine, each sample as soon as it is there, and at the end what was seen of
// the law. The error wraps ErrStopped when the context ended first, and tells of
// benchmarks that failed; what was written is whole all the same.
func (p Plan) Run(ctx context.Context, w io.Writer) error {
	p.setDefaults()
	start := p.Now()
	run := &planRun{Plan: p, w: w, out: benchfmt.NewWriter(w), deadline: start.Add(p.Time), failed: map[string]bool{}}
	run.config = []benchfmt.Config{
		file("goos", runtime.GOOS), file("goarch", runtime.GOARCH), file("pkg", "github.com/lodepow/lode/bench"),
	}
	cpu, _ := pow.CPU()
	run.config = append(run.config, file("cpu", cpu))

	k, _, err := pow.Choose("")
	if err != nil {
		return err
	}
	perSecond, err := Rate(ctx, k)
	if err != nil {
		return errors.Join(ErrStopped, err)
	}
	notes := Describe(ctx, start)
	if p.Lode != "" {
		notes = slices.Insert(notes, 1, Note{"lode", p.Lode})
	}
	notes = append(notes, Note{"seed", fmt.Sprint(p.Seed)})
	all := p.cases(Config{Rate: perSecond}, &run.law)
	if len(all) == 0 {
		return fmt.Errorf("no benchmark matches %s", p.Only)
	}
	for _, c := range all {
		if c.Skip != "" {
			notes = append(notes, Note{"skipped", c.Name + ": " + c.Skip})
		}
	}
	if err := run.note(notes...); err != nil {
		return err
	}
	if _, err := fmt.Fprint(w, "\nUnit H/s better=higher\nUnit Hz better=higher\nUnit headers/s better=higher\n"+
		"Unit blocks/s better=higher\nUnit tx/s better=higher\nUnit commits/s better=higher\n\n"); err != nil {
		return err
	}

	before, _ := readCPUTimes()
	stopped := run.measure(ctx, perSecond)
	end := []Note{{"rounds", fmt.Sprint(run.done)}, {"took", p.Now().Sub(start).Round(time.Second).String()}}
	if after, ok := readCPUTimes(); ok {
		end = append(end, Note{"steal", fmt.Sprintf("%.1f %%", 100*stolen(before, after))})
	}
	if load := loadAverage(); load != "" {
		end = append(end, Note{"load after", load})
	}
	end = append(end, Note{"shape", classes(run.law.Shape())}, Note{"lanes", classes(run.law.Residues())})
	_, err = fmt.Fprintln(w)
	return errors.Join(stopped, err, run.note(end...))
}

// classes writes what was seen and what was expected in each class.
func classes(all []stats.Class) string {
	var words []string
	for _, c := range all {
		words = append(words, fmt.Sprintf("%d/%.2f", c.Seen, c.Expected))
	}
	return strings.Join(words, " ")
}

// planRun is a plan being carried out.
type planRun struct {
	Plan
	w        io.Writer
	out      *benchfmt.Writer
	config   []benchfmt.Config
	deadline time.Time
	law      stats.Law
	done     int             // rounds
	failed   map[string]bool // names, left out of later rounds
}

// measure goes through rounds until the time is up: a round begins if at least half of one
// like those before still fits.
func (r *planRun) measure(ctx context.Context, perSecond float64) error {
	var errs []error
	begun := r.Now()
	for round := 0; ; round++ {
		cases := r.cases(Config{Seed: r.Seed, Round: uint64(round), Rate: perSecond}, &r.law)
		shuffle(cases, rand.New(rand.NewPCG(r.Seed, uint64(round))))
		for _, c := range cases {
			if c.Skip != "" || r.failed[c.Name] {
				continue
			}
			r.Progress(Progress{round + 1, c.Name, r.left(begun)})
			sample, err := c.Measure(ctx, r.Slice)
			if ctx.Err() != nil {
				return errors.Join(append(errs, ErrStopped)...)
			}
			if err != nil {
				r.failed[c.Name] = true
				errs = append(errs, err)
				if err := r.note(Note{"failed", strings.ReplaceAll(err.Error(), "\n", "; ")}); err != nil {
					return err
				}
				continue
			}
			sample.Config = append(slices.Clone(r.config), file("suite", c.Suite()))
			if err := r.out.Write(sample); err != nil {
				return errors.Join(append(errs, err)...)
			}
		}
		r.done++
		now := r.Now()
		if each := now.Sub(begun) / time.Duration(r.done); r.done >= r.rounds && now.Add(each/2).After(r.deadline) {
			return errors.Join(errs...)
		}
	}
}

// left estimates how long it will take yet.
func (r *planRun) left(begun time.Time) time.Duration {
	now := r.Now()
	left := max(0, r.deadline.Sub(now))
	if r.done > 0 && r.done < r.rounds {
		each := now.Sub(begun) / time.Duration(r.done)
		left = max(left, each*time.Duration(r.rounds-r.done))
	}
	return left
}

func (r *planRun) note(notes ...Note) error {
	for _, n := range notes {
		if _, err := fmt.Fprintln(r.w, n); err != nil {
			return err
		}
	}
	return nil
}

// shuffle puts suites, and the cases of each, in random order.
func shuffle(cases []Case, r *rand.Rand) {
	r.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
	place := map[string]int{}
	for i, c := range cases {
		if _, ok := place[c.Suite()]; !ok {
			place[c.Suite()] = i
		}
	}
	slices.SortStableFunc(cases, func(a, b Case) int { return place[a.Suite()] - place[b.Suite()] })
}

func file(key, value string) benchfmt.Config {
	return benchfmt.Config{Key: key, Value: []byte(value), File: true}
}
