package vardiff

import (
	"math"
	"time"
)

// Hashes is the average number of hashes that a share of difficulty 1 takes.
const Hashes = 1 << 32 * (65536.0 / 65535.0)

// Defaults of a [Config].
const (
	DefaultRate  = 50   // shares a minute
	DefaultLeast = 1e-8 // 50 shares a minute at 36 H/s
	DefaultStart = 0.01 // 50 shares a minute at 36 MH/s
)

const (
	// evidence is how clearly the shares must speak for another rate. There are many
	// short windows in an hour and few long ones, so a window in which e shares were
	// expected must have a ratio of evidence - weight ln e. A greater evidence makes
	// false changes rarer and true ones later.
	evidence, weight = 16.2, 1.5

	// deadZone is the factor by which the shares of a window must be too many or too few,
	// so that the difficulty is not changed for little.
	deadZone = 1.6

	// raiseShares is the number of shares that must speak for a higher rate. Shares
	// come in bursts if the network or the miner has held them up.
	raiseShares = 24

	// lean is by how many standard deviations a lower rate is taken to be lower than
	// its shares say. If the difficulty is too low, shares come soon that show it; if it
	// is too high, it takes long to find out.
	lean = 1.2

	// sinkMost is the greatest factor by which the difficulty sinks at once, and
	// sinkSilent the same before the first share. A miner that has not sent any may
	// still be starting, and then its silence says nothing about its rate.
	sinkMost, sinkSilent = 16, 4

	// kept is how many shares a controller remembers.
	kept = 256

	// digits is to how many significant digits a difficulty is rounded.
	digits = 3
)

// looks returns when the rate is estimated once more after a change: as soon as a number
// of shares has come since then, and if the difficulty is off by more than a factor. The
// first look is for new sessions only, whose difficulty is a guess.
func looks() [3]look { return [...]look{{12, 1.5}, {30, 1.3}, {120, 1.12}} }

type look struct{ shares, zone float64 }

// Config says what a controller aims at. The zero value is right for any miner.
type Config struct {
	Rate  float64 // shares a minute to aim at; 0: DefaultRate
	Least float64 // the least difficulty; 0: DefaultLeast
	Start float64 // the first difficulty; 0: DefaultStart
}

// Controller is the variable difficulty of one session. It is not safe for use by
// several goroutines at once.
type Controller struct {
	aim   float64 // shares a second
	least float64
	most  float64 // the network's difficulty, or the greatest number

	want float64 // difficulty of the next job
	out  float64 // difficulty of the latest job; 0: none is out

	now   time.Time // the latest time that was passed
	first bool      // a share has come

	// spans are what has come between the beginnings of two windows, which are the latest
	// change of the rate and the latest shares since then. The newest span is still growing.
	// They are a ring of at most kept, the oldest at from. A window is the sum of its spans,
	// from the newest back. So it is exact, whatever came before it. The difference of two
	// sums would not be: an hour at the least difficulty is more exposure than a fast
	// miner's shares add to a sum of that size.
	spans []span
	from  int

	// looked is how many of the looks have been taken since the oldest window began.
	looked int

	opening opening
	worth   Worth // of the latest share
	meter   Meter
}

// span is what has come in some time.
type span struct {
	exposure float64 // integral of dt/out
	count    float64 // of shares; see Share
}

// and returns two spans as one.
func (s span) and(other span) span {
	return span{s.exposure + other.exposure, s.count + other.count}
}

// New returns a controller. Its difficulty is that of the configuration until shares
// say otherwise.
func New(c Config) *Controller {
	if c.Rate <= 0 {
		c.Rate = DefaultRate
	}
	if c.Least <= 0 {
		c.Least = DefaultLeast
	}
	if c.Start <= 0 {
		c.Start = DefaultStart
	}
	v := &Controller{aim: c.Rate / 60, least: c.Least, most: math.MaxFloat64, spans: make([]span, 1, 8)}
	v.want = v.bound(c.Start)
	return v
}

// Difficulty returns the difficulty that the next job should have. If it differs from
// that of the latest job, a new job should go out now.
func (v *Controller) Difficulty() float64 { return v.want }

// Limit sets the greatest difficulty to that of the network's blocks: a share must
// not be harder than a block.
func (v *Controller) Limit(network float64) {
	if !(network > 0) {
		network = math.MaxFloat64
	}
	v.most = min(network, math.MaxFloat64)
	v.want = min(v.want, v.most)
}

// Suggest makes the difficulty that a miner has asked for that of the next job. The
// shares decide from then on, as always.
func (v *Controller) Suggest(difficulty float64) {
	if !(difficulty > 0) || math.IsInf(difficulty, 1) {
		return
	}
	v.want = v.bound(difficulty)
	v.spans, v.from = make([]span, 1, 8), 0
	v.looked = 0
}

// Out notes that a job has gone out, with the difficulty given.
func (v *Controller) Out(now time.Time, difficulty float64) {
	v.pass(now)
	v.meter.Begin(v.now)
	v.out = difficulty
}

// Share notes a share that was accepted, with the difficulty of its job.
func (v *Controller) Share(now time.Time, difficulty float64) {
	v.pass(now)
	v.worth = Worth{Share: difficulty}
	if v.out == 0 {
		return
	}
	// A share of an easier job that is still under way counts for less. A harder one
	// counts once, so that a single share does not look like many.
	count := min(1, difficulty/v.out)
	v.newest().count += count
	v.worth = v.opening.share(difficulty, count, !v.first)
	v.meter.Share(v.now, v.worth)
	v.first = true
	v.decide()
	v.push()
}

// Worth returns what the latest share is worth for every meter that counts it.
func (v *Controller) Worth() Worth { return v.worth }

// Tick notes that time has passed. Without it, the silence of a miner goes unnoticed.
// A call every few seconds is enough.
func (v *Controller) Tick(now time.Time) {
	v.pass(now)
	if v.out != 0 {
		v.decide()
	}
}

// Estimate returns the rate of the miner over the latest five minutes.
func (v *Controller) Estimate(now time.Time) Estimate {
	v.pass(now)
	return v.meter.Estimate(v.now)
}

// pass moves the time forward. If the clock steps back, no time has passed.
func (v *Controller) pass(now time.Time) {
	if !v.now.IsZero() && v.out > 0 {
		passed := max(0, now.Sub(v.now))
		exposure := passed.Seconds() / v.out
		v.newest().exposure += exposure
		v.opening.pass(passed, exposure)
	}
	v.now = now
}

// decide changes the difficulty if the shares speak clearly for another rate.
func (v *Controller) decide() {
	if all := looks(); v.looked < len(all) {
		window := v.window(0)
		if l := all[v.looked]; window.count >= l.shares {
			v.looked++
			v.change(v.rate(window, 0), l.zone)
			return
		}
	}
	right := v.aim * v.out // the rate for which the difficulty is right
	var window, best span
	begin, most := 0, math.Inf(-1)
	for i := len(v.spans) - 1; i >= 0; i-- {
		window = v.span(i).and(window)
		n, e := window.count, right*v.exposed(window)
		tooFew := n < e/deadZone
		tooMany := n > e*deadZone && n >= raiseShares
		if !tooFew && !tooMany {
			continue
		}
		if clear := logRatio(n, e) + weight*math.Log(e); clear >= most {
			begin, best, most = i, window, clear
		}
	}
	if most > evidence && v.change(v.rate(best, lean), deadZone) {
		v.restart(begin)
	}
}

// logRatio is the logarithmic likelihood ratio of n shares where e were expected.
func logRatio(n, e float64) float64 {
	if n <= 0 {
		return e
	}
	return n*math.Log(n/e) - n + e
}

// rate returns the rate, in difficulties a second, that the window speaks for. If that is
// lower than the present one, it is lowered by a number of standard deviations.
func (v *Controller) rate(window span, lean float64) float64 {
	n, exposure := window.count, v.exposed(window)
	if n < v.aim*v.out*exposure {
		n -= lean * math.Sqrt(n)
	}
	// A window without a share may still have had most of one.
	return max(n, 0.75) / exposure
}

// exposed returns the exposure of the window: that of a millisecond at least, so that
// shares which come at once, or while the clock stands still, speak for a rate that is not
// infinite.
func (v *Controller) exposed(window span) float64 {
	return max(window.exposure, time.Millisecond.Seconds()/v.out)
}

// change sets the difficulty that is right for the rate, and reports whether it differs
// from that of the latest job by the zone at least.
func (v *Controller) change(rate, zone float64) bool {
	sink := float64(sinkMost)
	if !v.first {
		sink = sinkSilent
	}
	want := v.bound(max(rate/v.aim, v.out/sink))
	if want < v.out*zone && want > v.out/zone {
		return false
	}
	v.want = want
	return true
}

// span returns the span with the number i, counted from the oldest one.
func (v *Controller) span(i int) *span {
	i += v.from
	if i >= len(v.spans) {
		i -= len(v.spans)
	}
	return &v.spans[i]
}

// newest returns the span that is growing.
func (v *Controller) newest() *span { return v.span(len(v.spans) - 1) }

// window returns what has come since the beginning of the span with the number.
func (v *Controller) window(begin int) span {
	var window span
	for i := len(v.spans) - 1; i >= begin; i-- {
		window = v.span(i).and(window)
	}
	return window
}

// restart forgets what came before the span with the number, when the rate was another.
func (v *Controller) restart(begin int) {
	spans := make([]span, 0, max(8, len(v.spans)-begin))
	for i := begin; i < len(v.spans); i++ {
		spans = append(spans, *v.span(i))
	}
	v.spans, v.from = spans, 0
	v.looked = 1
}

// push begins a window. If there are enough, it forgets the oldest one.
func (v *Controller) push() {
	if len(v.spans) < kept {
		v.spans = append(v.spans, span{})
		return
	}
	*v.span(0) = span{}
	v.from = (v.from + 1) % len(v.spans)
}

// bound returns the difficulty within the bounds, rounded to a few digits. The
// bounds themselves are not rounded, and that of the network has the last word.
func (v *Controller) bound(d float64) float64 {
	if d > v.least && d < v.most {
		unit := math.Pow(10, math.Floor(math.Log10(d))-(digits-1))
		d = math.Round(d/unit) * unit
	}
	return min(max(d, v.least), v.most)
}
