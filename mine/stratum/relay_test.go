package stratum_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/mine/stratum/server"
)

// relay stands between miners and a pool, and keeps the lines that pass. With every share
// that a miner submits it submits two of its own, whose answers it keeps for itself: one
// with another extranonce, whose hash is most likely too high, and the same share again.
type relay struct {
	t        *testing.T
	listener net.Listener
	pool     string
	group    sync.WaitGroup

	mu       sync.Mutex
	sessions []*relayed
	conns    []net.Conn
}

// relayed are the lines of a session in the order in which they came. A line is kept
// before it is passed on, so that nothing stands before what it answers.
type relayed struct {
	mu    sync.Mutex
	lines []relayedLine
}

type relayedLine struct {
	fromPool bool
	text     string
}

func (r *relayed) keep(fromPool bool, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, relayedLine{fromPool, text})
}

// ofRelay begins the IDs of the relay's own shares.
const ofRelay = "relay-"

func startRelay(t *testing.T, pool string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, listener: listener, pool: pool}
	r.group.Go(r.accept)
	t.Cleanup(r.stop)
	return r
}

// stop ends all sessions. It may be called more than once.
func (r *relay) stop() {
	_ = r.listener.Close()
	r.mu.Lock()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.mu.Unlock()
	r.group.Wait()
}

func (r *relay) accept() {
	for {
		miner, err := r.listener.Accept()
		if err != nil {
			return
		}
		pool, err := net.Dial("tcp", r.pool) //nolint:noctx // a test
		if err != nil {
			r.t.Error(err)
			_ = miner.Close()
			return
		}
		s := &relayed{}
		r.mu.Lock()
		r.sessions = append(r.sessions, s)
		r.conns = append(r.conns, miner, pool)
		r.mu.Unlock()
		r.group.Go(func() { pass(miner, pool, func(line string) string { return s.fromMiner(r.t, line) }) })
		r.group.Go(func() { pass(pool, miner, s.fromPool) })
	}
}

// pass passes the lines of a connection on to the other, as change returns them, until one
// of them ends. Then both end.
func pass(from, to net.Conn, change func(string) string) {
	defer func() { _, _ = from.Close(), to.Close() }()
	in := bufio.NewScanner(from)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if _, err := io.WriteString(to, change(in.Text())); err != nil {
			return
		}
	}
}

// fromMiner keeps a line of the miner, and returns it with what the relay adds.
func (r *relayed) fromMiner(t *testing.T, line string) string {
	r.keep(false, line)
	var m wireMessage
	m.read(t, line)
	out := line + "\n"
	if m.Method != "mining.submit" {
		return out
	}
	add := func(params []any) {
		r.mu.Lock()
		n := len(r.lines)
		r.mu.Unlock()
		own, err := json.Marshal(map[string]any{"id": fmt.Sprint(ofRelay, n), "method": "mining.submit", "params": params})
		if err != nil {
			t.Error(err)
		}
		r.keep(false, string(own))
		out += string(own) + "\n"
	}
	var params []any
	for _, p := range m.Params {
		var text string
		decode(t, p, &text)
		params = append(params, text)
	}
	// A miner counts its extranonces from a small number, so it never finds this one.
	other := slices.Clone(params)
	extranonce2 := fromHex(t, params[2].(string))
	extranonce2[0] ^= 0x80
	other[2] = hex.EncodeToString(extranonce2)
	add(other)
	add(params)
	return out
}

// fromPool keeps a line of the pool, and returns what is for the miner.
func (r *relayed) fromPool(line string) string {
	r.keep(true, line)
	if strings.Contains(line, `"`+ofRelay) {
		return ""
	}
	return line + "\n"
}

// wireMessage is a line, read by the test itself.
type wireMessage struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
	Result json.RawMessage   `json:"result"`
	Error  []any             `json:"error"`
}

func (m *wireMessage) read(t *testing.T, line string) { decode(t, []byte(line), m) }

func decode(t *testing.T, text []byte, to any) {
	if err := json.Unmarshal(text, to); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

func fromHex(t *testing.T, text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Errorf("%q: %v", text, err)
	}
	return b
}

func number32(t *testing.T, text string) uint32 {
	b := fromHex(t, text)
	if len(b) != 4 {
		t.Errorf("%q: want eight hex digits", text)
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func doubleSHA256(b []byte) []byte {
	first := sha256.Sum256(b)
	second := sha256.Sum256(first[:])
	return second[:]
}

// wireJob is a job with what held when the pool sent it.
type wireJob struct {
	prev, coinb1, coinb2, version, bits string
	branch                              []string
	mask                                uint32
	share, block                        *big.Int // the greatest hashes
	difficulty                          float64
}

// wireShare is a share and what the pool has said to it.
type wireShare struct {
	header     string // as hex digits
	hash       *big.Int
	job        *wireJob
	own        bool // of the relay
	again      bool // the pool has been sent this header before
	answered   bool
	accepted   bool
	code       float64 // of the refusal
	meetsShare bool
	meetsBlock bool
}

// targetOf returns the greatest hash that is worth a difficulty.
func targetOf(difficulty float64) *big.Int {
	one := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(0xffff), 208))
	target := one.Quo(one, new(big.Rat).SetFloat64(difficulty))
	return new(big.Int).Quo(target.Num(), target.Denom())
}

// targetOfBits returns the greatest hash that the bits of a header allow.
func targetOfBits(bits uint32) *big.Int {
	mantissa := big.NewInt(int64(bits & 0x7fffff))
	return mantissa.Lsh(mantissa, 8*uint(bits>>24)-24)
}

// reader follows a session.
type reader struct {
	t           *testing.T
	methods     map[string]string // of the miner's requests, by their IDs
	extranonce1 []byte
	size2       int
	difficulty  float64
	mask        uint32
	jobs        map[string]*wireJob
	shares      map[string]*wireShare // by their IDs, as long as they have no answer
	known       map[string]bool       // headers that were submitted
	all         []*wireShare
}

// readShares returns the shares of a session with the pool's verdicts.
func readShares(t *testing.T, s *relayed) []*wireShare {
	t.Helper()
	r := &reader{
		t: t, methods: map[string]string{}, jobs: map[string]*wireJob{},
		shares: map[string]*wireShare{}, known: map[string]bool{},
	}
	for _, line := range s.lines {
		var m wireMessage
		m.read(t, line.text)
		switch {
		case !line.fromPool:
			r.request(m)
		case m.Method != "":
			r.notification(m)
		default:
			r.answer(m)
		}
	}
	return r.all
}

func (r *reader) request(m wireMessage) {
	r.methods[string(m.ID)] = m.Method
	if m.Method != "mining.submit" {
		return
	}
	if r.shares[string(m.ID)] != nil {
		r.t.Errorf("the ID %s is used twice", m.ID)
	}
	var params []string
	for _, p := range m.Params {
		var text string
		decode(r.t, p, &text)
		params = append(params, text)
	}
	if len(params) != 6 {
		r.t.Errorf("a share of %d values, want six with the bits of the version: %s", len(params), params)
		return
	}
	j := r.jobs[params[1]]
	if j == nil {
		r.t.Errorf("a share of the job %q, which was never sent", params[1])
		return
	}
	s := &wireShare{job: j, own: strings.HasPrefix(string(m.ID), `"`+ofRelay)}
	header := r.header(j, params)
	s.header = hex.EncodeToString(header)
	hash := doubleSHA256(header)
	slices.Reverse(hash)
	s.hash = new(big.Int).SetBytes(hash)
	s.meetsShare, s.meetsBlock = s.hash.Cmp(j.share) <= 0, s.hash.Cmp(j.block) <= 0
	s.again = r.known[s.header]
	r.known[s.header] = true
	r.shares[string(m.ID)] = s
	r.all = append(r.all, s)
}

// header builds the 80 bytes that a share is about.
func (r *reader) header(j *wireJob, params []string) []byte {
	t := r.t
	extranonce2, bits := fromHex(t, params[2]), number32(t, params[5])
	if len(extranonce2) != r.size2 {
		t.Errorf("extranonce2 has %d bytes, want %d", len(extranonce2), r.size2)
	}
	if bits&^j.mask != 0 {
		t.Errorf("bits %08x of a version are outside the mask %08x", bits, j.mask)
	}
	root := doubleSHA256(slices.Concat(fromHex(t, j.coinb1), r.extranonce1, extranonce2, fromHex(t, j.coinb2)))
	for _, sibling := range j.branch {
		root = doubleSHA256(slices.Concat(root, fromHex(t, sibling)))
	}
	h := binary.LittleEndian.AppendUint32(nil, number32(t, j.version)&^j.mask|bits)
	prev := fromHex(t, j.prev)
	for word := range slices.Chunk(prev, 4) {
		slices.Reverse(word)
	}
	h = append(h, prev...)
	h = append(h, root...)
	h = binary.LittleEndian.AppendUint32(h, number32(t, params[3]))
	h = binary.LittleEndian.AppendUint32(h, number32(t, j.bits))
	return binary.LittleEndian.AppendUint32(h, number32(t, params[4]))
}

func (r *reader) notification(m wireMessage) {
	get := func(i int, to any) {
		if i >= len(m.Params) {
			r.t.Errorf("%s has %d parameters", m.Method, len(m.Params))
			return
		}
		decode(r.t, m.Params[i], to)
	}
	switch m.Method {
	case "mining.set_difficulty":
		get(0, &r.difficulty)
	case "mining.set_version_mask":
		var mask string
		get(0, &mask)
		r.mask = number32(r.t, mask)
	case "mining.notify":
		var name string
		j := &wireJob{mask: r.mask, difficulty: r.difficulty, share: targetOf(r.difficulty)}
		for i, v := range []any{&name, &j.prev, &j.coinb1, &j.coinb2, &j.branch, &j.version, &j.bits} {
			get(i, v)
		}
		j.block = targetOfBits(number32(r.t, j.bits))
		if r.jobs[name] != nil {
			r.t.Errorf("two jobs have the name %q", name)
		}
		r.jobs[name] = j
	default:
		r.t.Errorf("the pool has sent %s", m.Method)
	}
}

func (r *reader) answer(m wireMessage) {
	switch r.methods[string(m.ID)] {
	case "mining.configure":
		var granted struct {
			Rolling bool   `json:"version-rolling"`
			Mask    string `json:"version-rolling.mask"`
		}
		decode(r.t, m.Result, &granted)
		if granted.Rolling {
			r.mask = number32(r.t, granted.Mask)
		}
	case "mining.subscribe":
		var result []json.RawMessage
		decode(r.t, m.Result, &result)
		if len(result) != 3 {
			r.t.Fatalf("the answer to mining.subscribe is %s", m.Result)
		}
		var extranonce1 string
		decode(r.t, result[1], &extranonce1)
		decode(r.t, result[2], &r.size2)
		r.extranonce1 = fromHex(r.t, extranonce1)
	case "mining.submit":
		s := r.shares[string(m.ID)]
		if s == nil {
			r.t.Errorf("a second answer to %s, or one to nothing", m.ID)
			return
		}
		delete(r.shares, string(m.ID))
		s.answered, s.accepted = true, bytes.Equal(m.Result, []byte("true")) && m.Error == nil
		if !s.accepted {
			if len(m.Error) != 3 || string(m.Result) != "null" && m.Result != nil {
				r.t.Errorf("a share is answered with %s, %v", m.Result, m.Error)
				return
			}
			s.code, _ = m.Error[0].(float64)
		}
	}
}

// seen returns how many shares of miners and of the relay were accepted, and for jobs of how
// many difficulties the miners have submitted shares.
func (r *relay) seen() (accepted, difficulties int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	different := map[string]bool{}
	for _, s := range r.sessions {
		s.mu.Lock()
		difficulty, jobs := "", map[string]string{} // the difficulty of each, by its name
		for _, line := range s.lines {
			var m wireMessage
			m.read(r.t, line.text)
			switch {
			case m.Method == "mining.set_difficulty":
				difficulty = string(m.Params[0])
			case m.Method == "mining.notify":
				jobs[string(m.Params[0])] = difficulty
			case m.Method == "mining.submit":
				different[jobs[string(m.Params[1])]] = true
			case line.fromPool && string(m.Result) == "true":
				accepted++
			}
		}
		s.mu.Unlock()
	}
	return accepted, len(different)
}

// Two of Lode's clients mine for Lode's server, and a third party sees their lines. It
// computes every header and its hash from the lines alone, and finds for each share that
// the miner was right to submit it and the pool was right to take or to refuse it.
// Every block of the chain is among them.
func TestEveryShare(t *testing.T) {
	pool := startPool(t)
	relay := startRelay(t, pool.address)
	miners := []*miner{
		startMiner(t, relay.listener.Addr().String(), "ann", 0, nil),
		startMiner(t, relay.listener.Addr().String(), "bob", 0, nil),
	}
	pool.await(3)
	for {
		if accepted, difficulties := relay.seen(); accepted >= 20 && difficulties >= 2 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, m := range miners {
		m.stop()
	}
	relay.stop()
	pool.stop()

	tip := pool.chain.Tip()
	counted := map[string]int{}
	blocks, headers, hardest := map[string]bool{}, map[string]bool{}, map[float64]int{}
	var unanswered uint64
	for _, session := range relay.sessions {
		for _, s := range readShares(t, session) {
			blocks[fmt.Sprintf("%064x", s.hash)] = s.meetsBlock
			if !s.own {
				counted["of the miners"]++
				hardest[s.job.difficulty]++
				if !s.meetsShare && !s.meetsBlock {
					t.Errorf("a miner has submitted %064x, want at most %064x", s.hash, s.job.share)
				}
				if headers[s.header] {
					t.Errorf("the miners have submitted the header %s twice", s.header)
				}
			}
			headers[s.header] = true
			if !s.answered {
				unanswered++
				continue
			}
			counted[fmt.Sprint("answers of code ", s.code)]++
			s.check(t, reversedHex(tip.Hash[:]))
		}
	}
	for height := int64(1); height <= tip.Height; height++ {
		hash, ok := pool.chain.HashAt(height)
		if !ok || !blocks[hash.String()] {
			t.Errorf("block %d, %s, is no share that the relay has seen", height, hash)
		}
	}
	stats := pool.server.Stats()
	taken := stats.Shares[server.ShareAccepted]
	if said := uint64(counted["answers of code 0"]); taken < said || taken > said+unanswered {
		t.Errorf("the server counts %d accepted shares; it has said so of %d, and has not answered %d", taken, said, unanswered)
	}
	if counted["answers of code 22"] == 0 || counted["answers of code 23"] == 0 || len(hardest) < 2 {
		t.Errorf("too little was seen: %v, by difficulty %v", counted, hardest)
	}
	checkBlocks(t, stats)
	t.Logf("%v, %d without an answer, by difficulty %v, height %d", counted, unanswered, hardest, tip.Height)
}

// check compares the pool's verdict about a share with what its hash says. A share may be
// stale if the chain, which only grows, has left its parent behind.
func (s *wireShare) check(t *testing.T, tip string) {
	t.Helper()
	want := 0.0
	switch {
	case !s.meetsShare && !s.meetsBlock:
		want = 23
	case s.again:
		want = 22
	}
	mayBeStale := s.job.prev != tip
	if s.code != want && !(s.code == 21 && mayBeStale) {
		t.Errorf("the pool says %v (accepted: %v) to %064x, want %v; share at most %064x, submitted before: %v", s.code, s.accepted, s.hash, want, s.job.share, s.again)
	}
	if (s.code == 0) != s.accepted {
		t.Errorf("a share is refused with the code %v", s.code)
	}
}

// reversedHex writes the hash of a parent as Stratum does.
func reversedHex(hash []byte) string {
	hash = slices.Clone(hash)
	for word := range slices.Chunk(hash, 4) {
		slices.Reverse(word)
	}
	return hex.EncodeToString(hash)
}
