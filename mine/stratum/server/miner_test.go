package server

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// pipes is a listener whose connections are in memory, so that a test with them can run
// in virtual time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial returns the miner's end of a new connection.
func (p *pipes) dial(t testing.TB) net.Conn {
	t.Helper()
	return p.dialFrom(t, &net.TCPAddr{})
}

// dialFrom is dial from the given address.
func (p *pipes) dialFrom(t testing.TB, from net.Addr) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	select {
	case p.conns <- remote{theirs, from}:
	case <-p.done:
		t.Fatal("the server does not listen")
	}
	return ours
}

// remote is a connection from an address.
type remote struct {
	net.Conn
	from net.Addr
}

func (r remote) RemoteAddr() net.Addr { return r.from }

// testSource is a source into which the test puts work. It records what is submitted.
type testSource struct {
	mu      sync.Mutex
	life    mine.Lifetime
	work    *mine.Work
	err     error // of Offer
	offers  int   // calls of Offer
	got     []mine.Solution
	outcome mine.Outcome // of every submission; Unanswered: Accepted
	refuse  error
	takes   time.Duration // how long each submission takes
	hangs   bool          // no submission is answered before its context ends
}

func newTestSource(w *mine.Work) *testSource { return &testSource{life: mine.NewLifetime(), work: w} }

func (s *testSource) Offer() (mine.Offer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offers++
	return s.life.Offer(s.work), s.err
}

func (s *testSource) Submit(ctx context.Context, sol mine.Solution) (mine.Outcome, error) {
	time.Sleep(s.takes)
	s.mu.Lock()
	s.got = append(s.got, sol)
	hangs := s.hangs
	s.mu.Unlock()
	if hangs { // without the lock, because virtual time stands still while somebody waits for it
		<-ctx.Done()
		return mine.Unanswered, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outcome == mine.Unanswered && s.refuse == nil {
		return mine.Accepted, nil
	}
	return s.outcome, s.refuse
}

// post puts in other work, on another tip if clean.
func (s *testSource) post(w *mine.Work, clean bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.work = w
	if clean {
		s.life.End()
		s.life = mine.NewLifetime()
	} else {
		s.life = s.life.Next()
	}
}

func (s *testSource) submitted() []mine.Solution {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// testWork returns work whose blocks are so hard that no test finds one.
func testWork(id string) *mine.Work {
	space, err := mine.NewSpace(nil, 8)
	if err != nil {
		panic(err)
	}
	w := &mine.Work{
		ID: id, Height: 7,
		Version: 0x20000000, VersionMask: mine.VersionMask,
		Prev:        pow.DoubleSHA256([]byte("parent of " + id)),
		Bits:        0x1d00ffff,
		MinTime:     uint32(time.Now().Unix()) - 600,
		Before:      []byte("before the extranonce "),
		After:       []byte(" and after it, " + id),
		Extranonces: space,
	}
	for i := range 3 {
		w.Branch = append(w.Branch, pow.DoubleSHA256(fmt.Appendf(nil, "sibling %d", i)))
	}
	return w
}

// easyBits are the bits of blocks that every other hash solves.
const easyBits = 0x207fffff

// start runs a server until the test ends.
func start(t testing.TB, c Config) (*Server, *pipes) {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	l := newPipes()
	run(t, s, l)
	return s, l
}

func run(t testing.TB, s *Server, l net.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// miner is the other end of a session. It reads the protocol by itself, with nothing of
// package stratum.
type miner struct {
	t     testing.TB
	conn  net.Conn
	lines chan string // what the server has sent; closed at the end of the connection
	id    int

	extranonce1 []byte
	size2       int
	difficulty  float64
	mask        uint32
	job         jobLine
}

// jobLine is a mining.notify.
type jobLine struct {
	name, coinb1, coinb2, version, bits, time string
	prev                                      string
	branch                                    []string
	clean                                     bool
}

func connect(t testing.TB, conn net.Conn) *miner {
	t.Helper()
	m := &miner{t: t, conn: conn, lines: make(chan string, 1024)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(m.lines)
		in := bufio.NewScanner(conn)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			m.lines <- in.Text()
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		for range m.lines { // the reader may wait for room
		}
		<-done
	})
	return m
}

// send sends a line.
func (m *miner) send(line string) {
	m.t.Helper()
	if _, err := fmt.Fprintf(m.conn, "%s\n", line); err != nil {
		m.t.Fatalf("send %s: %v", line, err)
	}
}

// message is a line from the server.
type message struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
	Result json.RawMessage   `json:"result"`
	Error  []any             `json:"error"`
}

// receive returns the next line.
func (m *miner) receive() message {
	m.t.Helper()
	var line string
	select {
	case l, ok := <-m.lines:
		if !ok {
			m.t.Fatal("the server has closed the connection")
		}
		line = l
	case <-time.After(time.Minute):
		m.t.Fatal("no line from the server")
	}
	var msg message
	if err := json.Unmarshal([]byte(line), &msg); err != nil {
		m.t.Fatalf("%s: %v", line, err)
	}
	return msg
}

// answered receives lines until the answer to the request with that ID, as JSON.
func (m *miner) answered(id string) {
	m.t.Helper()
	for {
		msg := m.receive()
		if msg.Method == "" && string(msg.ID) == id {
			return
		}
		if msg.Method != "" {
			m.note(msg)
		}
	}
}

// call sends a request and returns its answer. What comes before it is noted.
func (m *miner) call(method string, params ...any) message {
	m.t.Helper()
	m.id++
	raw, err := json.Marshal(map[string]any{"id": m.id, "method": method, "params": params})
	if err != nil {
		m.t.Fatal(err)
	}
	m.send(string(raw))
	for {
		msg := m.receive()
		if msg.Method == "" {
			if string(msg.ID) != fmt.Sprint(m.id) {
				m.t.Fatalf("answer to %s, want to %d", msg.ID, m.id)
			}
			return msg
		}
		m.note(msg)
	}
}

// note keeps what a notification says.
func (m *miner) note(msg message) {
	m.t.Helper()
	var err error
	get := func(i int, v any) {
		if i >= len(msg.Params) {
			m.t.Fatalf("%s has %d parameters", msg.Method, len(msg.Params))
		}
		err = errors.Join(err, json.Unmarshal(msg.Params[i], v))
	}
	switch msg.Method {
	case "mining.set_difficulty":
		get(0, &m.difficulty)
	case "mining.set_version_mask":
		var mask string
		get(0, &mask)
		b, _ := hex.DecodeString(mask)
		m.mask = binary.BigEndian.Uint32(b)
	case "mining.notify":
		j := &m.job
		*j = jobLine{}
		for i, v := range []any{&j.name, &j.prev, &j.coinb1, &j.coinb2, &j.branch, &j.version, &j.bits, &j.time, &j.clean} {
			get(i, v)
		}
		if len(msg.Params) != 9 || len(j.version) != 8 || len(j.bits) != 8 || len(j.time) != 8 || len(j.prev) != 64 {
			m.t.Fatalf("job %s", msg.Params)
		}
	default:
		m.t.Fatalf("unexpected %s", msg.Method)
	}
	if err != nil {
		m.t.Fatalf("%s: %v", msg.Method, err)
	}
}

// await receives lines until the next job.
func (m *miner) await() jobLine {
	m.t.Helper()
	for {
		msg := m.receive()
		m.note(msg)
		if msg.Method == "mining.notify" {
			return m.job
		}
	}
}

// awaitAfter waits until there is a job with another name than the given one. The server
// sends jobs at any time, so one may have come before the answer to the latest request.
func (m *miner) awaitAfter(name string) {
	m.t.Helper()
	for m.job.name == name {
		m.await()
	}
}

// login subscribes and authorizes, and waits for the first job.
func (m *miner) login(worker string) {
	m.t.Helper()
	m.subscribe()
	if got := m.call("mining.authorize", worker, "x"); string(got.Result) != "true" || got.Error != nil {
		m.t.Fatalf("authorize: %+v", got)
	}
	m.awaitAfter("")
}

func (m *miner) subscribe() {
	m.t.Helper()
	got := m.call("mining.subscribe", "test/1")
	var result []json.RawMessage
	var extranonce1 string
	if err := json.Unmarshal(got.Result, &result); err != nil || len(result) != 3 {
		m.t.Fatalf("subscribe: %s", got.Result)
	}
	if err := errors.Join(json.Unmarshal(result[1], &extranonce1), json.Unmarshal(result[2], &m.size2)); err != nil {
		m.t.Fatal(err)
	}
	m.extranonce1 = unhex(m.t, extranonce1)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func sha256d(b []byte) []byte {
	first := sha256.Sum256(b)
	second := sha256.Sum256(first[:])
	return second[:]
}

// header builds the 80 bytes that a miner hashes, from the fields of the job alone.
func (m *miner) header(j jobLine, extranonce2 []byte, version, ntime, nonce uint32) []byte {
	t := m.t
	coinbase := slices.Concat(unhex(t, j.coinb1), m.extranonce1, extranonce2, unhex(t, j.coinb2))
	root := sha256d(coinbase)
	for _, sibling := range j.branch {
		root = sha256d(slices.Concat(root, unhex(t, sibling)))
	}
	prev := unhex(t, j.prev)
	for i := 0; i < len(prev); i += 4 {
		slices.Reverse(prev[i : i+4])
	}
	bits := binary.BigEndian.Uint32(unhex(t, j.bits))
	h := binary.LittleEndian.AppendUint32(nil, version)
	h = append(h, prev...)
	h = append(h, root...)
	h = binary.LittleEndian.AppendUint32(h, ntime)
	h = binary.LittleEndian.AppendUint32(h, bits)
	return binary.LittleEndian.AppendUint32(h, nonce)
}

// number returns the hash of a header as a number.
func number(header []byte) *big.Int {
	h := sha256d(header)
	slices.Reverse(h)
	return new(big.Int).SetBytes(h)
}

// meets reports whether a hash is worth a difficulty.
func meets(hash *big.Int, difficulty float64) bool {
	one := new(big.Float).SetInt(new(big.Int).Lsh(big.NewInt(0xffff), 208))
	target, _ := one.Quo(one, big.NewFloat(difficulty)).Int(nil)
	return hash.Cmp(target) <= 0
}

// share is what a miner submits.
type share struct {
	job                  jobLine
	extranonce2          []byte
	version, time, nonce uint32
	header               []byte
}

// solve finds the first nonce whose hash is worth the difficulty, or whose hash is not,
// with bits of the version flipped.
func (m *miner) solve(j jobLine, extranonce2, flip uint32, difficulty float64, good bool) share {
	m.t.Helper()
	s := share{
		job: j, extranonce2: binary.BigEndian.AppendUint32(nil, extranonce2),
		version: binary.BigEndian.Uint32(unhex(m.t, j.version)) ^ flip,
		time:    binary.BigEndian.Uint32(unhex(m.t, j.time)),
	}
	s.header = m.header(j, s.extranonce2, s.version, s.time, 0)
	for nonce := range uint32(1 << 24) {
		binary.LittleEndian.PutUint32(s.header[76:], nonce)
		if meets(number(s.header), difficulty) == good {
			s.nonce = nonce
			return s
		}
	}
	m.t.Fatal("no nonce found")
	return s
}

// submit submits a share, with the bits of the version if the session rolls them.
func (m *miner) submit(worker string, s share) message {
	m.t.Helper()
	return m.call("mining.submit", m.submission(worker, s)...)
}

// submission returns the parameters with which a share is submitted.
func (m *miner) submission(worker string, s share) []any {
	params := []any{worker, s.job.name, hex.EncodeToString(s.extranonce2), fmt.Sprintf("%08x", s.time), fmt.Sprintf("%08x", s.nonce)}
	if m.mask != 0 {
		params = append(params, fmt.Sprintf("%08x", s.version&m.mask))
	}
	return params
}

// wantAccepted fails the test unless the answer says yes.
func (m *miner) wantAccepted(got message) {
	m.t.Helper()
	if string(got.Result) != "true" || got.Error != nil {
		m.t.Fatalf("answer %s %v, want true", got.Result, got.Error)
	}
}

// wantRefused fails the test unless the answer is an error with that code, and null.
func (m *miner) wantRefused(got message, code int) {
	m.t.Helper()
	if string(got.Result) != "null" && got.Result != nil || len(got.Error) != 3 || got.Error[0] != float64(code) || got.Error[2] != nil {
		m.t.Fatalf("answer %s %v, want null and the code %d", got.Result, got.Error, code)
	}
}
