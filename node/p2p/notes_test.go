package p2p

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// TestNotes logs each kind of note, and passes all of them to the observers.
func TestNotes(t *testing.T) {
	var log bytes.Buffer
	config := testConfig(newTestChain(t))
	config.Peers = []gossip.Address{"http://kept:1"}
	config.Logger = slog.New(slog.NewTextHandler(&log, nil))
	n := newTestNetwork(t, config)
	(&script{}).set(n)
	var noted []gossip.Note
	n.Observe(Observer{})
	n.Observe(Observer{Noted: func(note gossip.Note) { noted = append(noted, note) }})
	notes := []gossip.Note{
		{Kind: gossip.NoteFailed, Peer: "http://kept:1", Out: true, Reason: "unreachable"},
		{Kind: gossip.NoteFailed, Peer: "http://kept:1", Out: true, Reason: "unreachable"},
		{Kind: gossip.NoteConnected, Peer: "http://kept:1", Out: true},
		{Kind: gossip.NoteFailed, Peer: "http://heard:1", Out: true, Reason: "unreachable"},
		{Kind: gossip.NoteConnected, Peer: "http://in:1"},
		{Kind: gossip.NoteDropped, Peer: "http://in:1", Reason: "unreachable"},
		{Kind: gossip.NoteBanned, Peer: "http://in:1", Reason: "work"},
		{Kind: gossip.NoteRefused, Reason: "full"},
		{Kind: gossip.NotePropagated, Hash: hashOf(1), Took: 15 * time.Millisecond},
		{Kind: gossip.NoteAnnounced, Reason: "block", Count: 2},
		{Kind: gossip.NoteHeard, Reason: "tx", Count: 30},
		{Kind: gossip.NoteSyncBegins, Count: 150},
		{Kind: gossip.NoteSynced, Count: 50},
		{Kind: gossip.NoteSyncStalled},
		{Kind: gossip.NoteSyncEnds, Reason: "done"},
		{Kind: gossip.NoteClock, Reason: "ahead", Offset: 3*time.Hour + time.Millisecond, Count: 5, Detail: "set it"},
		{Kind: gossip.NoteClock, Reason: "right", Count: 5},
	}
	for _, note := range notes {
		n.note(note)
	}
	if !slices.Equal(noted, notes) {
		t.Errorf("observed %+v, want %+v", noted, notes)
	}
	if got := strings.Count(log.String(), "no connection with peer"); got != 1 || strings.Contains(log.String(), "heard") {
		t.Errorf("want one warning about the configured peer that is missing, and none about others: %s", log.String())
	}
	for _, part := range []string{`"peer connected" peer=http://in:1 direction=in`, `"peer banned"`, `"peer dropped"`, `"sync begins"`, `"sync ends"`,
		`level=WARN msg="the clock of this machine is wrong" reason=ahead offset=3h0m0s peers=5 detail="set it"`, `level=INFO msg="the clock of this machine is right again"`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %s: %s", part, log.String())
		}
	}
}

func TestStats(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	s := &script{
		peers: []gossip.PeerInfo{{Out: true}, {}, {}},
		book:  make([]gossip.Entry, 5),
		sync:  gossip.SyncInfo{Active: true, From: 10, Height: 60, Target: 160, Since: testTime},
	}
	s.set(n)
	if got, want := n.Stats(), (Stats{Outbound: 1, Inbound: 2, Addresses: 5, Remaining: 100}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	perSecond, left := n.Sync().Progress(testTime.Add(5 * time.Second))
	if perSecond != 10 || left != 10*time.Second {
		t.Errorf("%v blocks a second, %v left", perSecond, left)
	}
	s.sync.Target = 50 // the peer with the longer chain is gone
	if got := n.Stats().Remaining; got != 0 {
		t.Errorf("%d blocks remain of a sync that is past its target", got)
	}
	s.sync = gossip.SyncInfo{Height: 60, Target: 160}
	if got := n.Stats().Remaining; got != 0 {
		t.Errorf("%d blocks remain without a sync", got)
	}
}

// TestRequestsAreCounted counts bytes both ways, refusals by reason, and requests
// to other nodes by result.
func TestRequestsAreCounted(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	(&script{}).set(n)
	var refused []gossip.RefusalReason
	var sent []Sent
	n.Observe(Observer{
		Refused: func(reason gossip.RefusalReason) { refused = append(refused, reason) },
		Sent:    func(s Sent) { sent = append(sent, s) },
	})
	if w := call(n, "GET", "/p2p/addresses", ""); w.Code != 200 {
		t.Fatal(w.Code)
	}
	call(n, "POST", "/p2p/headers", "{")
	if s := n.Stats(); s.BytesSent < 20 || s.BytesReceived != 1 {
		t.Errorf("%d bytes sent, %d received", s.BytesSent, s.BytesReceived)
	}
	if !slices.Equal(refused, []gossip.RefusalReason{gossip.BadRequest}) {
		t.Errorf("refused for %v", refused)
	}
	err := n.client.send(t.Context(), gossip.Send{To: "http://127.0.0.1:1", Request: gossip.GetAddresses{}, Timeout: 10 * time.Second}).Err
	if err == nil || len(sent) != 1 || sent[0].Route != "/p2p/addresses" || sent[0].Result != ResultFailed || sent[0].Took <= 0 {
		t.Errorf("sent %+v, %v", sent, err)
	}
	for want, err := range map[Result]error{
		ResultOK: nil, ResultRefused: gossip.Refusal{}, ResultFault: gossip.Fault{}, ResultFailed: errTooManySends,
	} {
		if got := resultOf(err); got != want {
			t.Errorf("the result of %v is %s, want %s", err, got, want)
		}
	}
}
