package lab

import (
	"context"
	"slices"
	"sync"
)

// schedule hands out replicas and decides when a point has enough of them.
type schedule struct {
	plan    *Plan
	options Options
	threads int

	mu     sync.Mutex
	change sync.Cond // a replica has ended, or the run
	points []*progress
	first  int  // all replicas of the points before this one have been handed out
	ended  int  // number of points that have all their replicas
	failed bool // Finished has returned an error
}

// progress is the state of a point.
type progress struct {
	point  int
	metric int // column of the metric that Progress tells, and that HalfWidth is about
	name   string
	ended  map[int]Replica // by number
	cursor int             // all numbers below it have been handed out, or need not be
	prefix int             // replicas 0 to prefix-1 have ended, and have been judged
	values []float64       // of these
	want   int             // number of replicas; -1: not known yet
}

func newSchedule(p *Plan, o Options) *schedule {
	s := &schedule{plan: p, options: o, points: make([]*progress, len(p.Points))}
	s.change.L = &s.mu
	for i, point := range p.Points {
		one := &progress{point: i, ended: map[int]Replica{}, want: p.Replicas, name: p.MainMetric(i)}
		one.metric = slices.IndexFunc(Metrics(point.Experiment), func(m Metric) bool { return m.Name == one.name })
		if p.HalfWidth > 0 {
			one.want = -1
			if !o.Shard.hasPoint(i) {
				one.want = 0
			}
		}
		s.points[i] = one
	}
	for _, r := range o.Done {
		if one := s.points[r.Point]; one.want < 0 || r.Number < one.want {
			one.ended[r.Number] = r
		}
	}
	for _, one := range s.points {
		s.judge(one)
		if s.complete(one) {
			s.ended++
		}
	}
	return s
}

// wake lets all that wait in next look again.
func (s *schedule) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change.Broadcast()
}

// next waits for a replica that can be run. ok is false if there is none, or if the run
// has been ended.
func (s *schedule) next(ctx context.Context) (j job, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ctx.Err() == nil && !s.failed {
		for s.first < len(s.points) && s.points[s.first].allIssued() {
			s.first++
		}
		open := false // whether a point may need more replicas later
		for _, one := range s.points[s.first:] {
			limit := one.want
			if limit < 0 {
				// Beyond the replicas that are needed in any case, only as many are
				// begun as there are threads, because they may be in vain.
				limit = min(max(s.plan.Replicas, one.prefix+s.threads), s.plan.MaxReplicas)
				open = true
			}
			for one.cursor < limit {
				n := one.cursor
				one.cursor++
				if _, done := one.ended[n]; !done && s.options.Shard.hasReplica(s.plan, one.point, n) {
					return job{one.point, n}, true
				}
			}
		}
		if !open {
			return job{}, false
		}
		s.change.Wait()
	}
	return job{}, false
}

// allIssued reports whether all replicas of a point are being run or have been.
func (p *progress) allIssued() bool { return p.want >= 0 && p.cursor >= p.want }

// finish takes the result of a replica. A replica after the last one that counts is
// forgotten.
func (s *schedule) finish(r Replica) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.change.Broadcast()
	one := s.points[r.Point]
	if s.failed || one.want >= 0 && r.Number >= one.want {
		return nil
	}
	one.ended[r.Number] = r
	s.judge(one)
	if one.want >= 0 && r.Number >= one.want {
		return nil
	}
	if s.options.Finished != nil {
		if err := s.options.Finished(r); err != nil {
			s.failed = true
			return err
		}
	}
	complete := s.complete(one)
	if complete {
		s.ended++
	}
	if s.options.Progress != nil {
		s.options.Progress(Progress{
			Point: r.Point, Points: len(s.points), Ended: s.ended, Replicas: len(one.ended), Complete: complete,
			Metric: one.name, Estimate: one.estimate(),
		})
	}
	return nil
}

// estimate returns the estimate of the metric over the replicas so far.
func (p *progress) estimate() Estimate {
	if p.want < 0 {
		return NewEstimate(p.values)
	}
	values := make([]float64, 0, len(p.ended))
	for _, n := range sortedNumbers(p.ended) {
		values = append(values, p.ended[n].Values[p.metric])
	}
	return NewEstimate(values)
}

// complete reports whether a point has all replicas of the shard.
func (s *schedule) complete(one *progress) bool {
	if one.want < 0 {
		return false
	}
	for n := range one.want {
		if _, ok := one.ended[n]; !ok && s.options.Shard.hasReplica(s.plan, one.point, n) {
			return false
		}
	}
	return true
}

// isComplete reports whether all points have all replicas of the shard.
func (s *schedule) isComplete() bool { return s.ended == len(s.points) }

// judge decides whether a point has enough replicas, one after the other in the order of
// their numbers.
func (s *schedule) judge(one *progress) {
	for one.want < 0 {
		r, ok := one.ended[one.prefix]
		if !ok {
			return
		}
		one.values = append(one.values, r.Values[one.metric])
		one.prefix++
		if one.prefix < s.plan.Replicas {
			continue
		}
		if isNarrow(one.values, s.plan.HalfWidth) || one.prefix >= s.plan.MaxReplicas {
			one.want = one.prefix
			for n := range one.ended {
				if n >= one.want {
					delete(one.ended, n)
				}
			}
		}
	}
}

// minEqual is the number of replicas from which on a half-width may be 0. If all replicas
// have the same value, that may be because what is counted is rare: if it is in a tenth of
// the replicas, 8 of them miss it with a probability of 0.43, and 30 with one of 0.04.
const minEqual = 30

// isNarrow reports whether half the width of the interval of some values is at most the
// half-width that was asked for.
func isNarrow(values []float64, halfWidth float64) bool {
	e := NewEstimate(values)
	return e.Half <= halfWidth && (e.Half > 0 || e.N >= minEqual)
}

// results returns what has ended, in order.
func (s *schedule) results() []Replica {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Replica
	for _, one := range s.points {
		for _, n := range sortedNumbers(one.ended) {
			all = append(all, one.ended[n])
		}
	}
	return all
}

func sortedNumbers(ended map[int]Replica) []int {
	numbers := make([]int, 0, len(ended))
	for n := range ended {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers
}
