package api

import (
	"sync"
	"testing"
)

// TestPulse changes what a pulse sees. It wakes the streams when there may be something to
// say, and not otherwise.
func TestPulse(t *testing.T) {
	var posts uint64
	var mining bool
	mode := "off"
	p := newPulse(func() (uint64, bool, string) { return posts, mining, mode })
	beat := func(want bool, why string) {
		t.Helper()
		news := p.news()
		p.beat()
		select {
		case <-news:
			if !want {
				t.Errorf("the streams were woken, although %s", why)
			}
		default:
			if want {
				t.Errorf("the streams were not woken, although %s", why)
			}
		}
	}
	beat(true, "it is the first look")
	beat(false, "nothing has happened")
	posts++
	beat(true, "a post has come")
	beat(false, "nothing has happened")
	mining = true
	beat(true, "the node has begun to mine")
	beat(true, "the node mines")
	mining = false
	beat(true, "the node has stopped")
	beat(false, "nothing has happened")
	mode = "on-demand"
	beat(true, "the node has another mode")
	p.seen(false, "on-demand")
	beat(false, "a stream has seen what the latest look saw")
	for range 3 {
		p.seen(true, "on-demand")
		beat(true, "a stream has seen a search that is over")
	}
	p.seen(false, "off")
	beat(true, "a stream has seen a mode that has been changed back")
	beat(false, "nothing has happened")
}

// TestPulseEnds lets streams come and go. The pulse of the last one ends before it has left.
func TestPulseEnds(t *testing.T) {
	p := newPulse(func() (uint64, bool, string) { return 0, false, "" })
	for range 3 {
		var streams sync.WaitGroup
		for range 8 {
			streams.Go(func() {
				p.join()
				defer p.leave()
				p.beat()
			})
		}
		streams.Wait()
		select {
		case <-p.ended:
		default:
			t.Fatal("the pulse goes on without streams")
		}
	}
	p.join()
	select {
	case <-p.ended:
		t.Error("the pulse has ended while there is a stream")
	default:
	}
	p.leave()
}
