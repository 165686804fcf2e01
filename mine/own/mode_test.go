package own

import (
	"errors"
	"testing"
	"time"
)

// A source that is switched off ends the search at once, and the calls that wait get an
// error. Switched on again, it goes on as the new mode says.
func TestSwitchOff(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c, Mode: Pending})
	a := post(t, c, "a")
	o := offer(t, s)
	waits := s.join()
	if err := s.SetMode(Off); err != nil || s.Mode() != Off {
		t.Fatal(s.Mode(), err)
	}
	if !closed(o.Stale) || !closed(waits.done) || !errors.Is(waits.err, ErrOff) {
		t.Errorf("the search goes on, or the call has got %v", waits.err)
	}
	idle := offer(t, s)
	if idle.Work != nil {
		t.Error("a source that is switched off has work")
	}
	if late := s.join(); !closed(late.done) || !errors.Is(late.err, ErrOff) {
		t.Errorf("a call of a source that is switched off gets %v", late.err)
	}
	if _, mined, err := s.Mine(t.Context()); mined || !errors.Is(err, ErrOff) {
		t.Errorf("mined %v, %v", mined, err)
	}
	if err := s.SetMode(OnDemand); err != nil {
		t.Fatal(err)
	}
	if !closed(idle.Stale) {
		t.Error("the loop is not woken")
	}
	if o := offer(t, s); o.Work != nil {
		t.Error("there is work that nobody has asked for")
	}
	one := s.join()
	submit(t, s, offer(t, s))
	checkMined(t, one, a)
}

// A search that nobody waits for ends when the mode does not want its block any more, and
// goes on for the callers that wait for it.
func TestSwitchDuringSearch(t *testing.T) {
	for _, tc := range []struct {
		from, to Mode
		pending  bool // a transaction is pending
		called   bool // somebody waits for a block
		goesOn   bool // there is work after the switch
	}{
		{Continuous, OnDemand, false, false, false},
		{Continuous, OnDemand, true, false, false},
		{Continuous, Pending, false, false, false},
		{Continuous, Pending, true, false, true},
		{Pending, OnDemand, true, false, false},
		{Pending, OnDemand, true, true, true},
		{Pending, Continuous, false, false, true},
		{OnDemand, Continuous, false, false, true},
		{OnDemand, Pending, true, false, true},
		{OnDemand, Pending, true, true, true},
		{Off, Continuous, false, false, true},
		{Off, Pending, true, false, true},
	} {
		c := openChain(t, easy(t))
		s := newSource(t, Config{Chain: c, Mode: tc.from, Now: func() time.Time { return time.Now().Add(time.Hour) }})
		if tc.pending {
			post(t, c, "a")
		}
		var waits *call
		if tc.called {
			waits = s.join()
		}
		before := offer(t, s)
		if err := s.SetMode(tc.to); err != nil {
			t.Fatal(err)
		}
		if !closed(before.Stale) {
			t.Errorf("%s to %s: the loop is not woken", tc.from, tc.to)
		}
		after := offer(t, s)
		if (after.Work != nil) != tc.goesOn {
			t.Errorf("%+v: work after the switch: %v", tc, after.Work != nil)
		}
		if tc.called {
			checkWaits(t, waits)
			submit(t, s, after)
			if !closed(waits.done) || !waits.mined {
				t.Errorf("%+v: the call has got %+v", tc, waits)
			}
		}
		if err := s.SetMode(tc.to); err != nil || tc.goesOn && !tc.called && closed(after.Stale) {
			t.Errorf("%+v: the same mode once more ends the search (%v)", tc, err)
		}
	}
}

func TestUnknownMode(t *testing.T) {
	s := newSource(t, Config{Chain: openChain(t, easy(t))})
	for _, mode := range []Mode{"", "always", "OFF", "on demand"} {
		if err := s.SetMode(mode); err == nil || s.Mode() != OnDemand {
			t.Errorf("mode %q: %v, now %s", mode, err, s.Mode())
		}
	}
}
