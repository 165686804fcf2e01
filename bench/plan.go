package bench

import (
	"cmp"
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

	"github.com/lodepow/lode/bench/raw"
	"github.com/lodepow/lode/bench/stats"
	"github.com/lodepow/lode/pow"
)

// Plan describes a run of the standard benchmarks outside go test. Its zero value
// takes about a minute.
type Plan struct {
	// Time is the approximate duration of the run; 0 means a minute, or ten minutes if
	// Long is set. A run has at least six rounds, however long they take: a median of
	// fewer samples has no 95 % interval.
	Time time.Duration

	// Slice is the duration of one sample. If it is 0, it is 40 ms, or 100 ms if
	// Long is set.
	Slice time.Duration

	Long bool   // for publication: more benchmarks and harder searches
	Seed uint64 // seed of the headers to search

	// Sweep, unless it is empty, replaces the standard benchmarks by searches with each
	// of its difficulties, numbers of workers and kernels.
	Sweep Sweep

	Own []Own // scan functions to measure beside the kernels

	Only *regexp.Regexp // selects benchmarks by name; nil selects all
	Lode string         // version of Lode to note in the output; empty for none

	Progress func(Progress)   // called before each sample; may be nil
	Now      func() time.Time // clock; nil means time.Now

	// Searches is called after each sample with the single searches in it, if it has
	// any. Its error ends the run. It may be nil.
	Searches func([]raw.Search) error

	rounds   int    // least number of rounds, whatever Time says; 0 means six
	powercap string // folder of the energy counters
}

// Progress describes the state of a run.
type Progress struct {
	Round int           // number of the current round, from 1
	Case  string        // name of the benchmark about to be measured
	Left  time.Duration // estimate of the remaining time
}

// ErrStopped is the error of a run that was cancelled before its time was up. The
// output is complete up to the last sample that was finished.
var ErrStopped = errors.New("stopped before the time was up")

func (p *Plan) setDefaults() {
	total, slice := time.Minute, 40*time.Millisecond
	if p.Long {
		total, slice = 10*time.Minute, 100*time.Millisecond
	}
	p.rounds = cmp.Or(p.rounds, 6)
	p.powercap = cmp.Or(p.powercap, powercap)
	p.Time, p.Slice = cmp.Or(p.Time, total), cmp.Or(p.Slice, slice)
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Progress == nil {
		p.Progress = func(Progress) {}
	}
}

// sweepZeros returns the difficulties of the sweep, in leading zero bits.
func sweepZeros() []int { return []int{8, 10, 12, 14, 16, 18, 20, 22, 24} }

// cases returns the benchmarks of one round.
func (p *Plan) cases(c Config) []Case {
	var cases []Case
	if p.Sweep.Empty() {
		cases = p.standard(c)
	} else {
		cases = p.Sweep.Cases(c)
	}
	return slices.DeleteFunc(cases, func(c Case) bool { return p.Only != nil && !p.Only.MatchString(c.Name) })
}

// standard returns the standard benchmarks.
func (p *Plan) standard(c Config) []Case {
	zeros := []int{8, 12, 16, 20}
	if p.Long {
		zeros = append(zeros, 24)
	}
	cases := slices.Concat(Clock(), Scan(), Tries(c, sweepZeros()), Search(c, zeros...), Scaling(c), Paths())
	for _, o := range c.Own {
		cases = append(cases, o.scanCase())
	}
	if p.Long {
		cases = slices.Concat(cases, Overhead(), Cancel(c), Short(c, shortZeros(), shortPauses()))
	}
	return cases
}

// Run measures round after round until the time is up. It writes a description of
// the machine, then each sample as soon as it has been measured, and finally the
// statistics of the tries.
//
// The error joins the errors of all benchmarks that failed. It wraps ErrStopped if
// the context was cancelled before the time was up. In both cases the output is
// valid and holds every finished sample.
func (p Plan) Run(ctx context.Context, w io.Writer) error {
	p.setDefaults()
	for _, o := range p.Own {
		if err := o.Check(); err != nil {
			return err
		}
	}
	start := p.Now()
	run := &planRun{Plan: p, w: w, out: benchfmt.NewWriter(w), deadline: start.Add(p.Time), failed: map[string]bool{}}
	run.config = []benchfmt.Config{
		configLine("goos", runtime.GOOS), configLine("goarch", runtime.GOARCH), configLine("pkg", "github.com/lodepow/lode/bench"),
	}
	cpu, _ := pow.CPU()
	run.config = append(run.config, configLine("cpu", cpu))

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
	energy, noEnergy := OpenEnergy(p.powercap)
	notes = append(notes, energyNote(energy, noEnergy), Note{"seed", fmt.Sprint(p.Seed)})
	run.base = Config{Seed: p.Seed, Rate: perSecond, Record: run.record, Energy: energy, Own: p.Own}
	all := p.cases(run.base)
	if len(all) == 0 {
		return fmt.Errorf("no benchmark matches %s", p.Only)
	}
	if !p.Sweep.Empty() {
		expected, err := p.Sweep.round(ctx, run.base)
		if err != nil {
			return errors.Join(ErrStopped, err)
		}
		run.expected = expected
		notes = append(notes, Note{"sweep", fmt.Sprintf("%d benchmarks, about %s a round", len(all), expected.Round(100*time.Millisecond))})
	}
	for _, c := range all {
		if c.Skip != "" {
			notes = append(notes, Note{"skipped", c.Name + ": " + c.Skip})
		}
	}
	if err := run.writeNotes(notes...); err != nil {
		return err
	}
	if _, err := fmt.Fprint(w, "\nUnit H/s better=higher\nUnit Hz better=higher\nUnit headers/s better=higher\n"+
		"Unit blocks/s better=higher\nUnit tx/s better=higher\nUnit commits/s better=higher\n\n"); err != nil {
		return err
	}

	before, _ := readCPUTimes()
	stopped := run.measure(ctx)
	end := []Note{{"rounds", fmt.Sprint(run.done)}, {"took", p.Now().Sub(start).Round(time.Second).String()}}
	if after, ok := readCPUTimes(); ok {
		end = append(end, Note{"steal", fmt.Sprintf("%.1f %%", 100*stolen(before, after))})
	}
	if load := loadAverage(); load != "" {
		end = append(end, Note{"load after", load})
	}
	end = append(end, Note{"shape", formatClasses(run.law.Shape())}, Note{"lanes", formatClasses(run.law.Residues())})
	_, err = fmt.Fprintln(w)
	return errors.Join(stopped, err, run.writeNotes(end...))
}

// formatClasses writes each class as "seen/expected".
func formatClasses(all []stats.Class) string {
	var words []string
	for _, c := range all {
		words = append(words, fmt.Sprintf("%d/%.2f", c.Seen, c.Expected))
	}
	return strings.Join(words, " ")
}

// planRun is the state of a running plan.
type planRun struct {
	Plan
	w        io.Writer
	out      *benchfmt.Writer
	config   []benchfmt.Config
	deadline time.Time
	base     Config        // of the first round
	expected time.Duration // estimate of a round of a sweep; 0 if there is none
	law      stats.Law
	searches []raw.Search    // those of the current sample
	done     int             // number of finished rounds
	failed   map[string]bool // names of failed benchmarks, which later rounds omit
}

// measure runs rounds until the time is up. It begins another round only if at
// least half of it, going by the average of those before, fits into the time left.
func (r *planRun) measure(ctx context.Context) error {
	var errs []error
	begun := r.Now()
	for round := 0; ; round++ {
		c := r.base
		c.Round = uint64(round)
		cases := r.cases(c)
		shuffle(cases, rand.New(rand.NewPCG(r.Seed, uint64(round))))
		for _, c := range cases {
			if c.Skip != "" || r.failed[c.Name] {
				continue
			}
			r.Progress(Progress{round + 1, c.Name, r.left(begun)})
			r.searches = r.searches[:0]
			sample, err := c.Measure(ctx, r.Slice)
			if ctx.Err() != nil {
				return errors.Join(append(errs, ErrStopped)...)
			}
			if err != nil {
				r.failed[c.Name] = true
				errs = append(errs, err)
				if err := r.writeNotes(Note{"failed", strings.ReplaceAll(err.Error(), "\n", "; ")}); err != nil {
					return err
				}
				continue
			}
			sample.Config = append(slices.Clone(r.config), configLine("suite", c.Suite()))
			if err := r.out.Write(sample); err != nil {
				return errors.Join(append(errs, err)...)
			}
			if err := r.keep(); err != nil {
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

// record remembers a search until its sample is finished.
func (r *planRun) record(s raw.Search) { r.searches = append(r.searches, s) }

// keep counts the searches of a finished sample, and hands them on.
func (r *planRun) keep() error {
	kernel, workers := r.Sweep.firstOf(r.base)
	for _, s := range r.searches {
		// The searches of a sweep have the same headers for every kernel and number of
		// workers, so that only one of these may count.
		if s.Benchmark == "Tries" || !r.Sweep.Empty() && s.Kernel == kernel && s.Workers == workers {
			r.law.Add(s.Zeros, s.Tries)
		}
	}
	if r.Searches == nil || len(r.searches) == 0 {
		return nil
	}
	return r.Searches(r.searches)
}

// left estimates the remaining time.
func (r *planRun) left(begun time.Time) time.Duration {
	now := r.Now()
	left := max(0, r.deadline.Sub(now))
	if r.done < r.rounds {
		each := r.expected
		if r.done > 0 {
			each = now.Sub(begun) / time.Duration(r.done)
		}
		left = max(left, begun.Add(each*time.Duration(r.rounds)).Sub(now))
	}
	return left
}

func (r *planRun) writeNotes(notes ...Note) error {
	for _, n := range notes {
		if _, err := fmt.Fprintln(r.w, n); err != nil {
			return err
		}
	}
	return nil
}

// shuffle puts the suites in random order, and the cases within each suite too. It
// keeps the cases of a suite together.
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

func configLine(key, value string) benchfmt.Config {
	return benchfmt.Config{Key: key, Value: []byte(value), File: true}
}
