package check

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/mine/stratum/client"
	"github.com/lodepow/lode/mine/stratum/server"
	"github.com/lodepow/lode/mine/stratum/vardiff"
	"github.com/lodepow/lode/pow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// easy is a difficulty of a few thousand hashes.
const easy = 1e-6

func newEngine(t *testing.T) *pow.Engine {
	t.Helper()
	e, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// text returns the report as it is printed.
func text(r *Report) string {
	var b strings.Builder
	for _, l := range r.Lines {
		fmt.Fprintln(&b, l)
	}
	return b.String()
}

// runClient runs a client and its loop over one connection until the test ends.
func runClient(t *testing.T, conn net.Conn) {
	t.Helper()
	var once sync.Once
	c, err := client.New(client.Config{
		Pools: []client.Pool{{Host: "pool", Port: 3333, User: "w", Password: "x"}},
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var first net.Conn
			once.Do(func() { first = conn })
			if first == nil {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return first, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	loop, err := mine.New(mine.Config{Engine: newEngine(t), Source: c})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { c.Run(ctx) })
	group.Go(func() { loop.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
}

// Lode's own client passes the check of miners, without a note.
func TestOwnClient(t *testing.T) {
	pool, miner := net.Pipe()
	runClient(t, miner)
	var r Report
	err := Miner(t.Context(), pool, MinerOptions{Difficulty: easy, Shares: 3}, &r)
	if err != nil || r.Failed() || strings.Contains(text(&r), "note") {
		t.Errorf("%v\n%s", err, text(&r))
	}
	if strings.Contains(text(&r), "every share had the version of its job") {
		t.Errorf("a good verdict says that something is wrong:\n%s", text(&r))
	}
	for _, what := range []string{
		"versions are rolled where that was granted", "mining.configure", "the hash meets the difficulty of its job", "rolled bits of the version are within the mask of the job",
		"client.reconnect to another host is not obeyed", "the miner goes on after mining.set_version_mask  ", "client.get_version is answered",
	} {
		if !strings.Contains(text(&r), "ok    "+strings.TrimSpace(what)) {
			t.Errorf("nothing about %s:\n%s", what, text(&r))
		}
	}
	_ = pool.Close()
}

// source offers one work for ever.
type source struct {
	life mine.Lifetime
	work mine.Work
}

func (s source) Offer() (mine.Offer, error) { return s.life.Offer(&s.work), nil }

func (s source) Submit(context.Context, mine.Solution) (mine.Outcome, error) {
	return mine.Accepted, nil
}

// Lode's own server passes the check of pools.
func TestOwnServer(t *testing.T) {
	space, err := mine.NewSpace(nil, 8)
	if err != nil {
		t.Fatal(err)
	}
	before := append([]byte("\x01\x00\x00\x00\x01"), make([]byte, pow.HashSize)...)
	before = append(before, "\xff\xff\xff\xff\x0c\x03\xa0\x86\x01"...)
	s, err := server.New(server.Config{
		Source: source{mine.NewLifetime(), mine.Work{
			ID: "1", Height: 100000, Version: 0x20000000, VersionMask: mine.VersionMask, Bits: 0x1d00ffff,
			Prev: pow.Hash{1, 2, 3, 4, 5, 6, 7, 8}, MinTime: uint32(time.Now().Unix()) - 60, Extranonces: space,
			Before: before, After: []byte("\xff\xff\xff\xff\x01\x00\xf9\x02\x95\x00\x00\x00\x00\x01\x51\x00\x00\x00\x00"),
		}},
		Vardiff: vardiff.Config{Least: easy, Start: easy},
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, listener) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String()) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var r Report
	if err := Pool(ctx, conn, PoolOptions{User: "w", Agent: "lode/test", Engine: newEngine(t)}, &r); err != nil || r.Failed() {
		t.Errorf("%v\n%s", err, text(&r))
	}
	for _, what := range []string{
		"the line after mining.subscribe is its answer", "a difficulty comes before the first job", "version, bits and time have eight lower-case hex digits",
		"a share of an unknown job is refused", "a share of low difficulty is refused", "a good share is accepted", "the same share again is a duplicate",
		"the coinbase is a transaction whose script holds the extranonce", "the coinbase begins with the height (BIP 34)",
		"bits of the version outside the mask are refused", "a share three hours ahead of the clock is refused",
	} {
		if !strings.Contains(text(&r), "ok    "+what) {
			t.Errorf("not ok: %s\n%s", what, text(&r))
		}
	}
}

// badPool is a pool that makes mistakes.
func badPool(conn net.Conn, edit func(m stratum.Message, answer string) string) {
	prev := strings.Repeat("0", 20) + strings.Repeat("12", 22) // as it is printed, which is wrong
	coinbase := "0100000001" + strings.Repeat("00", 32) + "ffffffff0c03a08601"
	notify := `{"id":null,"method":"mining.notify","params":["1","` + prev + `","` + coinbase + `","ffffffff0100f2052a010000000151",[],"20000000","1703a30c","` + fmt.Sprintf("%08x", time.Now().Unix()) + `",true]}` + "\n"
	for in := bufio.NewScanner(conn); in.Scan(); {
		m, err := stratum.Parse(in.Bytes())
		if err != nil {
			return
		}
		answer := fmt.Sprintf(`{"id":%s,"result":true,"error":null}`, m.ID) + "\n"
		switch m.Method {
		case stratum.MethodConfigure:
			answer = fmt.Sprintf(`{"id":%s,"result":{"version-rolling":true,"version-rolling.mask":"ffffffff"}}`, m.ID) + "\n"
		case stratum.MethodSubscribe:
			answer = notify + fmt.Sprintf(`{"id":%s,"result":[[],"0a0b0c0d",4],"error":null}`, m.ID) + "\n"
		}
		if _, err := conn.Write([]byte(edit(m, answer))); err != nil {
			return
		}
	}
}

// The mistakes of a pool are named, with what it should have sent.
func TestBadPool(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(m stratum.Message, answer string) string
		want []string
	}{
		{"takes everything", func(_ stratum.Message, answer string) string { return answer }, []string{
			"note  the mask has only bits that BIP 320 leaves to miners: ffffffff; should be: within 1fffe000",
			"FAIL  the line after mining.subscribe is its answer; should be: no other line before it",
			"FAIL  the hash of the parent has its bytes in reversed words: the digits as they are printed",
			"note  a difficulty comes before the first job",
			`FAIL  a share of an unknown job is refused: {"id":4,"result":true,"error":null}; should be: a result of null and an error with the code 21`,
			"FAIL  a share of low difficulty is refused",
			"FAIL  an extranonce2 of a wrong length is refused",
			"FAIL  bits of the version outside the mask are refused",
			"note  an unknown request is answered",
		}},
		{"the first block of a chain", func(_ stratum.Message, answer string) string {
			return strings.ReplaceAll(answer, "0c03a08601", "0c51000000") // the coinbase has the height 1
		}, []string{"ok    the hash of the parent has its bytes in reversed words: the first block of a chain needs no proof of work"}},
		{"short words", func(_ stratum.Message, answer string) string {
			return strings.ReplaceAll(answer, `"20000000"`, `"2"`)
		}, []string{`FAIL  version, bits and time have eight lower-case hex digits: "2" "1703a30c"`}},
		{"refuses with a result", func(m stratum.Message, answer string) string {
			if m.Method == stratum.MethodSubmit {
				return fmt.Sprintf(`{"id":%s,"result":true,"error":[20,"no",null]}`, m.ID) + "\n"
			}
			return answer
		}, []string{`FAIL  a share of low difficulty is refused: {"id":5,"result":true,"error":[20,"no",null]}`}},
		{"other codes", func(m stratum.Message, answer string) string {
			if m.Method == stratum.MethodSubmit {
				return fmt.Sprintf(`{"id":%s,"result":null,"error":[20,"no",null]}`, m.ID) + "\n"
			}
			return answer
		}, []string{"note  a share of low difficulty is refused", "ok    an extranonce2 of a wrong length is refused"}},
		{"refuses the worker", func(m stratum.Message, answer string) string {
			if m.Method == stratum.MethodAuthorize {
				return fmt.Sprintf(`{"id":%s,"result":false,"error":null}`, m.ID) + "\n"
			}
			return answer
		}, []string{"FAIL  mining.authorize is answered with true: refused without a reason (code 20)", "FAIL  the check ends here"}},
		{"ends", func(m stratum.Message, answer string) string {
			if m.Method == stratum.MethodSubscribe {
				return "{\n"
			}
			return answer
		}, []string{"FAIL  mining.subscribe is answered: line is not a message"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			miner, pool := net.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				badPool(pool, test.edit)
			}()
			var r Report
			_ = Pool(t.Context(), miner, PoolOptions{User: "w", Wait: 10 * time.Second}, &r) // the report says it, too
			_ = miner.Close()
			<-done
			if strings.Contains(strings.Join(test.want, "\n"), "FAIL") && !r.Failed() {
				t.Error("the report does not fail")
			}
			for _, want := range test.want {
				if !strings.Contains(text(&r), want) {
					t.Errorf("not in the report: %s\n%s", want, text(&r))
				}
			}
		})
	}
}

// badMiner sends lines and reads what comes.
func badMiner(conn net.Conn, lines ...string) {
	go func() {
		for in := bufio.NewScanner(conn); in.Scan(); {
		}
	}()
	for _, line := range lines {
		if _, err := conn.Write([]byte(line + "\n")); err != nil {
			return
		}
	}
	_ = conn.Close()
}

// The mistakes of a miner are named, too.
func TestBadMiner(t *testing.T) {
	hello := []string{`{"id":1,"method":"mining.subscribe","params":["bad/1"]}`, `{"id":1,"method":"mining.authorize","params":["w"]}`}
	share := func(job, extranonce, time, more string) string {
		return `{"id":4,"method":"mining.submit","params":["w","` + job + `","` + extranonce + `","` + time + `","00000000"` + more + `]}`
	}
	now := fmt.Sprintf("%08x", time.Now().Unix()+1)
	for _, test := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"handshake", hello, []string{"FAIL  each request has an ID of its own", "FAIL  mining.authorize", "FAIL  the check ends here"}},
		{"not JSON", []string{"hello"}, []string{"FAIL  the check ends here: waiting for mining.subscribe and mining.authorize: line is not a message"}},
		{"no such job", append(hello, share("x", "00000000", now, "")), []string{"FAIL  shares name a job that was given"}},
		{"extranonce", append(hello, share("lode-1", "0000", now, "")), []string{"FAIL  extranonce2 has the length that the pool has told"}},
		{"time", append(hello, share("lode-1", "00000000", "00000001", "")), []string{"FAIL  the time is not before that of the job, nor too late"}},
		{"hash", append(hello, share("lode-1", "00000000", now, "")), []string{"FAIL  the hash meets the difficulty of its job"}},
		{"version unasked", append(hello, share("lode-1", "00000000", now, `,"00000000"`)), []string{"FAIL  the bits of the version are there if version rolling was granted, and not otherwise"}},
		{"short time", append(hello, share("lode-1", "00000000", "1", "")), []string{"note  time and nonce have eight lower-case hex digits"}},
		{"form", append(hello, `{"id":4,"method":"mining.submit","params":["w"]}`), []string{"FAIL  the form of mining.submit"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pool, miner := net.Pipe()
			go badMiner(miner, test.lines...)
			var r Report
			if err := Miner(t.Context(), pool, MinerOptions{Difficulty: 1e6, Wait: 10 * time.Second}, &r); err == nil || !r.Failed() {
				t.Errorf("%v\n%s", err, text(&r))
			}
			_ = pool.Close()
			for _, want := range test.want {
				if !strings.Contains(text(&r), want) {
					t.Errorf("not in the report: %s\n%s", want, text(&r))
				}
			}
		})
	}
}
