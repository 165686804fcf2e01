package vardiff

import (
	"math"
	"math/rand/v2"
	"time"
)

// algorithm is anything that chooses the difficulty of a session.
type algorithm interface {
	Difficulty() float64
	Out(now time.Time, difficulty float64)
	Share(now time.Time, difficulty float64)
	Tick(now time.Time)
	aims() float64 // shares a minute
}

func (v *Controller) aims() float64 { return v.aim * 60 }

// change is a difficulty that was chosen.
type change struct {
	at         time.Duration
	difficulty float64
}

// sim is a miner with an algorithm, in virtual time.
type sim struct {
	a       algorithm
	random  *rand.Rand
	rate    float64       // of the miner, in difficulties a second
	now     time.Duration // since the start
	out     float64
	changes []change
	shares  int

	step    func(at time.Duration) time.Duration // what the clock shows; nil: the time
	counted func()                               // called after each share; nil: not called
}

// simStart is when simulations begin.
var simStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	simTick = 2 * time.Second       // as the server's
	simPace = 10 * time.Millisecond // the server takes no more lines of a session
)

func newSim(a algorithm, seed uint64, rate float64) *sim {
	s := &sim{a: a, random: rand.New(rand.NewPCG(seed, 1)), rate: rate}
	s.job()
	return s
}

func (s *sim) clock() time.Time {
	if s.step != nil {
		return simStart.Add(s.step(s.now))
	}
	return simStart.Add(s.now)
}

// job sends the miner a job if the difficulty has changed.
func (s *sim) job() {
	if d := s.a.Difficulty(); d != s.out {
		s.out = d
		s.changes = append(s.changes, change{s.now, d})
		s.a.Out(s.clock(), d)
	}
}

// run lets time pass. Shares are a Poisson process whose rate changes with the job.
func (s *sim) run(d time.Duration) {
	end := s.now + d
	for s.now < end {
		tick := s.now - s.now%simTick + simTick
		share := time.Duration(math.MaxInt64)
		if s.rate > 0 {
			// The wait is memoryless, so it may be drawn anew after every event.
			if wait := s.random.ExpFloat64() * s.out / s.rate; wait < 1e9 {
				share = s.now + max(time.Duration(wait*float64(time.Second)), simPace)
			}
		}
		if next := min(tick, share); next > end {
			s.now = end
			return
		}
		if share < tick {
			s.now = share
			s.shares++
			s.a.Share(s.clock(), s.out)
			if s.counted != nil {
				s.counted()
			}
		} else {
			s.now = tick
			s.a.Tick(s.clock())
		}
		s.job()
	}
}

// ideal is the difficulty that the algorithm should have now.
func (s *sim) ideal() float64 { return s.rate * 60 / s.a.aims() }

// off is by which factor the difficulty is from the ideal one.
func (s *sim) off() float64 { return s.out / s.ideal() }

// changesSince counts the changes after a moment.
func (s *sim) changesSince(at time.Duration) int {
	n := 0
	for _, c := range s.changes {
		if c.at > at {
			n++
		}
	}
	return n
}
