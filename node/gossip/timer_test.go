package gossip

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTimers compares the heap with a list that is sorted anew each time.
func TestTimers(t *testing.T) {
	type appointment struct {
		at  time.Time
		seq int
	}
	rapid.Check(t, func(t *rapid.T) {
		var ts timers
		now := start
		model := map[int]appointment{}
		var fired []int
		all := make([]timer, 12)
		for i := range all {
			all[i].fire = func() { fired = append(fired, i) }
		}
		seq := 0
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				i := rapid.IntRange(0, len(all)-1).Draw(t, "timer")
				at := now.Add(time.Duration(rapid.IntRange(-2, 10).Draw(t, "s")) * time.Second)
				ts.set(&all[i], at)
				seq++
				model[i] = appointment{at, seq}
			},
			"stop": func(t *rapid.T) {
				i := rapid.IntRange(0, len(all)-1).Draw(t, "timer")
				ts.stop(&all[i])
				delete(model, i)
			},
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "s")) * time.Second)
				var due []int
				for i, a := range model {
					if !a.at.After(now) {
						due = append(due, i)
					}
				}
				slices.SortFunc(due, func(i, j int) int {
					if order := model[i].at.Compare(model[j].at); order != 0 {
						return order
					}
					return model[i].seq - model[j].seq
				})
				fired = nil
				ts.fireDue(now)
				if !slices.Equal(fired, due) {
					t.Fatalf("timers %v fired, want %v", fired, due)
				}
				for _, i := range due {
					delete(model, i)
				}
			},
			"": func(t *rapid.T) {
				var earliest time.Time
				for i := range all {
					a, want := model[i]
					if all[i].isSet() != want {
						t.Fatalf("timer %d is set: %v, want %v", i, all[i].isSet(), want)
					}
					if want && (earliest.IsZero() || a.at.Before(earliest)) {
						earliest = a.at
					}
				}
				if at, ok := ts.next(); ok != (len(model) > 0) || !at.Equal(earliest) {
					t.Fatalf("the next timer fires at %v (%v), want %v", at, ok, earliest)
				}
			},
		})
	})
}

// TestTimersSetWhileFiring checks that a timer that is set for now while others
// fire is fired as well, and one that is stopped meanwhile is not.
func TestTimersSetWhileFiring(t *testing.T) {
	var ts timers
	var fired []string
	var second, third timer
	second.fire = func() { fired = append(fired, "second") }
	third.fire = func() { fired = append(fired, "third") }
	first := timer{fire: func() {
		fired = append(fired, "first")
		ts.set(&second, start)
		ts.stop(&third)
	}}
	ts.set(&first, start)
	ts.set(&third, start)
	ts.fireDue(start)
	if want := []string{"first", "second"}; !slices.Equal(fired, want) {
		t.Errorf("%v fired, want %v", fired, want)
	}
}

// TestTimersIgnoreStepsOfTheClock: the address book comes from a file, so its times
// have no reading of the monotonic clock. No timer may have such a time: when the
// clock of the machine is set, it would move against the others, and those below it
// in the heap would not fire.
func TestTimersIgnoreStepsOfTheClock(t *testing.T) {
	now := time.Now()
	var config Config
	h := newTestNode(t, 1, func(c *Config) { config = *c })
	config.Book = []Entry{{Address: address(1), Failures: 1, Next: now.Round(0).Add(30 * time.Second)}}
	h.g, h.now = New(config), now // its first step is now
	h.step(Wake{})
	for _, timer := range h.g.host.timers.heap {
		if monotonic := timer.at.String() != timer.at.Round(0).String(); !monotonic {
			t.Errorf("a timer is set for %v, which is by the wall clock alone", timer.at)
		}
	}
	if wait := h.g.Next().Sub(now); wait != 30*time.Second {
		t.Errorf("the address is dialled in %v, want 30s", wait)
	}
}
