package mine

import (
	"errors"
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

// A proxy hands the work of a pool to its sessions, each with its own prefix, mask and
// easier target. It submits to the pool the shares that also solve the pool's work. This
// test does so with the means of the package, as docs/mining.md describes.
func TestProxy(t *testing.T) {
	pool := *shareWork("job 1")
	pool.Target = pow.ZerosTarget(6)
	upstream := newFakeSource(&pool)
	seen := map[pow.Header]bool{}
	var shares, solved int
	for number := range 3 {
		session, err := pool.Sub([]byte{0, byte(number)})
		if err != nil {
			t.Fatal(err)
		}
		session.Target = pow.ZerosTarget(2)
		session.VersionMask = []uint32{0, 0x2000, VersionMask}[number]
		for i := range uint64(40) {
			extranonce := session.Extranonces.At(i)
			r, err := pow.Kernels()[0].Scan(session.Job(extranonce, 1_700_000_000))
			if err != nil {
				t.Fatal(err)
			}
			share, err := session.Solution(extranonce, r.Header)
			if err != nil || seen[share.Header] {
				t.Fatalf("session %d, share %d: %v, searched before: %v", number, i, err, seen[share.Header])
			}
			seen[share.Header] = true
			shares++
			switch up, err := pool.Solution(extranonce, r.Header); {
			case err == nil:
				solved++
				if outcome, err := upstream.Submit(t.Context(), up); outcome != Accepted || up.WorkID != pool.ID {
					t.Errorf("%v, %v of work %q", outcome, err, up.WorkID)
				}
			case !errors.Is(err, ErrLow):
				t.Errorf("session %d, share %d for the pool: %v", number, i, err)
			}
		}
	}
	if shares != 120 || solved == 0 || solved > 40 || len(upstream.tried()) != solved {
		t.Errorf("%d shares, of which %d are good for the pool and %d were submitted", shares, solved, len(upstream.tried()))
	}
}

// part offers to the loop of a server its own part of a source's work.
type part struct {
	Source
	prefix []byte
}

func (p part) Offer() (Offer, error) {
	o, err := p.Source.Offer()
	if err != nil || o.Work == nil {
		return o, err
	}
	w, err := o.Work.Sub(p.prefix)
	o.Work = &w
	return o, err
}

// A server that searches, too, keeps its loop out of the extranonces of its sessions:
// wrapping the source is enough.
func TestLoopBesideSessions(t *testing.T) {
	source := newFakeSource(blockWork("1"))
	mined := make(chan Solution, 8)
	loop, err := New(Config{
		Engine:   &fakeEngine{answer: once()},
		Source:   part{source, []byte{0xff, 0xff}},
		Start:    1 << 40,
		Observer: Observer{Submitted: func(s Solution, _ Outcome, _ error) { mined <- s }},
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		loop.Run(t.Context())
	}()
	t.Cleanup(func() { <-done })
	select {
	case s := <-mined:
		session, err := source.work.Sub([]byte{0, 1})
		if err != nil {
			t.Fatal(err)
		}
		if !source.work.Extranonces.Contains(s.Extranonce) || session.Extranonces.Contains(s.Extranonce) || s.Extranonce[0] != 0xff {
			t.Errorf("the loop searched extranonce %x", s.Extranonce)
		}
	case <-time.After(time.Minute):
		t.Fatal("no block")
	}
}
