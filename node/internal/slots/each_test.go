package slots

import "testing"

func TestEach(t *testing.T) {
	e := NewEach[string](2)
	for i, want := range []bool{true, true, false} {
		if got := e.Take("a"); got != want {
			t.Errorf("slot %d of a key: %v, want %v", i, got, want)
		}
	}
	if !e.Take("b") {
		t.Error("one key takes the slots of another")
	}
	e.Free("b")
	if len(e.inUse) != 1 {
		t.Errorf("%v is kept of keys that are not in use", e.inUse)
	}
	e.Free("a")
	if !e.Take("a") || e.Take("a") {
		t.Error("a slot that was given back is not there once")
	}
	if e.Most() != 2 {
		t.Errorf("%d, want 2", e.Most())
	}
}
