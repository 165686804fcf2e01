package check

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/mine/stratum"
)

func TestIsWord(t *testing.T) {
	for raw, want := range map[string]bool{
		`"00000000"`: true, `"09afa9f0"`: true, `"ffffffff"`: true,
		`"0000000"`: false, `"000000000"`: false, `""`: false, `0`: false, `null`: false,
		`"0000000A"`: false, `"0000000F"`: false, `"0000000g"`: false, `"0000000/"`: false, `"0000000:"`: false, "\"0000000`\"": false,
	} {
		if got := isWord(json.RawMessage(raw)); got != want {
			t.Errorf("%s: %v, want %v", raw, got, want)
		}
	}
}

// report checks a miner that sends the lines and then nothing more.
func report(t *testing.T, lines ...string) string {
	t.Helper()
	pool, miner := net.Pipe()
	go badMiner(miner, lines...)
	var r Report
	if err := Miner(t.Context(), pool, MinerOptions{Difficulty: 1e6, Wait: 10 * time.Second}, &r); err == nil || !r.Failed() {
		t.Errorf("%v\n%s", err, text(&r))
	}
	_ = pool.Close()
	return text(&r)
}

// What a miner says in the handshake is judged line by line.
func TestHandshakeOfMiner(t *testing.T) {
	const subscribe, authorize = `{"id":1,"method":"mining.subscribe","params":["bad/1"]}`, `{"id":2,"method":"mining.authorize","params":["w","x"]}`
	for name, test := range map[string]struct {
		lines     []string
		want, not string
	}{
		"good":                   {[]string{subscribe, authorize}, "ok    mining.authorize: ", "FAIL  mining."},
		"in this order":          {[]string{subscribe, authorize}, "ok    mining.subscribe comes before mining.authorize", "note"},
		"the other order":        {[]string{authorize, subscribe}, "note  mining.subscribe comes before mining.authorize; should be: in this order", "ok    mining.subscribe comes"},
		"no ID":                  {[]string{`{"id":null,"method":"mining.subscribe","params":[]}`}, "FAIL  each request has an ID of its own", "ok    each request"},
		"no name":                {[]string{subscribe, `{"id":2,"method":"mining.authorize","params":["","x"]}`}, "FAIL  mining.authorize", "ok    mining.authorize"},
		"no password":            {[]string{subscribe, `{"id":2,"method":"mining.authorize","params":["w"]}`}, "FAIL  mining.authorize", "ok    mining.authorize"},
		"no list of extensions":  {[]string{`{"id":1,"method":"mining.configure","params":["x"]}`}, "FAIL  mining.configure", "ok    mining.configure"},
		"extensions are a list":  {[]string{`{"id":1,"method":"mining.configure","params":[[],{}]}`}, "ok    mining.configure", "FAIL  mining.configure"},
		"each ID is looked at":   {[]string{subscribe, authorize}, "ok    each request has an ID of its own", "FAIL  each request"},
		"no answer is a version": {[]string{subscribe, authorize, `{"id":7,"result":"bad/1"}`}, "FAIL  the check ends here", "client.get_version"},
	} {
		t.Run(name, func(t *testing.T) {
			got := report(t, test.lines...)
			if !strings.Contains(got, test.want) || strings.Contains(got, test.not) {
				t.Errorf("want %q, and not %q:\n%s", test.want, test.not, got)
			}
			if strings.Count(got, "an ID of its own") > 1 {
				t.Errorf("the same good thing is told twice:\n%s", got)
			}
		})
	}
}

// A miner that does not ask for version rolling is granted none.
func TestNoMaskUnasked(t *testing.T) {
	pool, miner := net.Pipe()
	answers := make(chan string, 1)
	go func() {
		defer func() { _ = miner.Close() }()
		in := bufio.NewScanner(miner)
		for _, ask := range []string{
			`{"id":1,"method":"mining.configure","params":[["minimum-difficulty"],{}]}`,
			`{"id":2,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}`,
			`{"id":3,"method":"mining.unheard","params":[]}`,
			`{"id":4,"method":"mining.suggest_difficulty","params":[1]}`,
		} {
			if _, err := miner.Write([]byte(ask + "\n")); err != nil || !in.Scan() {
				break
			}
			answers <- in.Text()
		}
		close(answers)
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var r Report
		_ = Miner(t.Context(), pool, MinerOptions{Wait: 10 * time.Second}, &r) // ends when the miner does
	}()
	for _, want := range []string{
		`{"id":1,"result":{"minimum-difficulty":false},"error":null}`,
		`{"id":2,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}`,
		`{"id":3,"result":null,"error":[20,"Unknown method",null]}`,
		`{"id":4,"result":true,"error":null}`,
	} {
		if got := <-answers; got != want {
			t.Errorf("answer %s, want %s", got, want)
		}
	}
	<-done
	_ = pool.Close()
}

// A side that says nothing ends the check with the reason, and so does the
// end of the context.
func TestChecksEnd(t *testing.T) {
	pool, miner := net.Pipe()
	var r Report
	if err := Miner(t.Context(), pool, MinerOptions{Wait: time.Millisecond}, &r); !errors.Is(err, errTimeout) {
		t.Errorf("a silent miner: %v", err)
	}
	_ = miner.Close()
	_ = pool.Close()

	stopped := errors.New("the user has had enough")
	ours, theirs := net.Pipe()
	defer func() { _ = theirs.Close() }()
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	r = Report{}
	go func() { done <- Miner(ctx, ours, MinerOptions{}, &r) }()
	cancel(stopped)
	if err := <-done; !errors.Is(err, stopped) || !strings.Contains(text(&r), stopped.Error()) {
		t.Errorf("%v\n%s", err, text(&r))
	}
	long := newWire(ours, stratum.MaxMinerLine)
	if err := long.write(stratum.Ping{}.Message(long.id())); err == nil {
		t.Error("a line was written to a connection that is closed")
	}
}
