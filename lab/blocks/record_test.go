package blocks

import (
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

// The hash of what another engine has computed covers the course where clocks are wrong or hash
// rate hops, and only there, as that of the engines of this package does.
func TestRecorderHash(t *testing.T) {
	for name, tt := range map[string]struct {
		x      Experiment
		covers bool
	}{
		"right clocks": {Experiment{}, false},
		"wrong clocks": {Experiment{Clocks: Clocks{Error: Dist{Mean: 60}}}, true},
		"liars":        {Experiment{Clocks: Clocks{Liars: []Liar{{Node: 1, Offset: time.Minute}}}}, true},
		"hopping":      {Experiment{Hopping: Hopping{Share: 0.5, Threshold: Dist{Mean: 1}, Prices: []PriceStep{{At: time.Hour, Price: 2}}}}, true},
	} {
		tt.x.Nodes, tt.x.Blocks = 2, 1
		x, err := tt.x.WithDefaults()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		hash := func(bits pow.Bits) [32]byte {
			r := NewRecorder(x, 1, "other", nil)
			r.Settle(Block{Number: 1, Found: time.Minute, Height: 1, Fate: InMain, Bits: bits}, 0, time.Minute)
			return r.Finish(time.Minute).Hash
		}
		// The difficulty of a block is in nothing but the course.
		if differ := hash(0x207fffff) != hash(0x200fffff); differ != tt.covers {
			t.Errorf("%s: courses that differ have different hashes: %v, want %v", name, differ, tt.covers)
		}
	}
}
