package gbt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

const (
	// A source takes the solutions of its latest keptWorks works. Works on the same
	// parent are at least refreshEvery apart, so these are the works of more than two
	// minutes. Each holds up to maxBlock bytes of transactions.
	keptWorks = 16

	// keptStale is how many works on earlier tips are among them. A solution may be
	// under way while the tip changes.
	keptStale = 2

	// refreshEvery is the least time between two works on the same parent.
	refreshEvery = 10 * time.Second

	// settleTime is how long a source waits for the node to work on the block that it
	// has just accepted. A node that still sends templates on the parent after that has
	// thought better of it.
	settleTime = 5 * time.Second
)

// Config says which node to mine and for whom. URL and PayTo are required.
type Config struct {
	URL string // of the node's JSON-RPC: http://host:port or https://host:port, with user:password@ or without

	// User and Pass are the credentials, unless they are part of the URL. CookieFile is
	// the name of the file in which the node leaves them instead.
	User, Pass, CookieFile string

	// CertFile is the name of a file with the certificate of a node that speaks TLS
	// with a certificate of its own, as btcd does. "": those of the system.
	CertFile string

	// PayTo is the address that gets the reward, or "script:" and a script in hex.
	PayTo string

	Tag string // bytes for the script of the coinbase, at most 64

	// SignetChallenge is the challenge of the node's signet in hex, and "" on any other
	// network. It must be one that needs no signature, such as 51.
	SignetChallenge string

	// PollEvery is how often a node is asked for a template if it knows no long poll.
	// 0 means every second.
	PollEvery time.Duration

	HTTPClient *http.Client     // nil: one without proxy and redirects
	Now        func() time.Time // nil: time.Now
	Logger     *slog.Logger     // nil: no log
}

// Status is what a source knows about its node.
type Status struct {
	Connected bool      // the node has answered the latest request with a template
	Since     time.Time // when that began or ended; zero before the first answer
	Err       error     // why there is no template; nil if Connected
	Chain     string    // the node's name for its network; "" if it does not tell
	Height    int64     // of the block that is searched for; 0 if unknown
	Txs       int       // transactions of the latest template
	Value     int64     // reward of the latest template in satoshi
}

// Source offers the templates of a Bitcoin node as work. It implements [mine.Source].
// [Source.Run] keeps it up to date.
type Source struct {
	node      *client
	payout    payout
	tag       string
	challenge []byte
	pollEvery time.Duration
	hasCookie bool // credentials may change at any time
	now       func() time.Time
	log       *slog.Logger

	// wake ends the present long poll, or a pause between two requests. It holds one
	// wish at most.
	wake chan struct{}

	mu     sync.Mutex
	polls  bool          // the node is asked at intervals, because it knows no long poll
	life   mine.Lifetime // of the latest offer
	offer  *mine.Work    // the latest work, or nil while there is none
	works  []offered     // the works whose solutions the source takes, the oldest first; see keptWorks
	last   uint64        // number of the latest work
	status Status

	// solved is the parent of the latest block that the node has accepted from this
	// source, and solvedAt is when. See settleTime.
	solved   pow.Hash
	solvedAt time.Time

	// unanswered are the hashes of blocks that the node may have received though its
	// answer has not come back, the oldest first; at most keptUnanswered.
	unanswered []pow.Hash

	counts Stats // without what Stats computes
}

var _ mine.Source = (*Source)(nil)

// offered is a template that has been offered as work.
type offered struct {
	work     mine.Work
	template *template
	salt     uint64
	made     time.Time // when it was offered first
	told     time.Time // when the holders of the offer were last told to ask again
}

// New makes a source. It does not connect to the node yet.
func New(c Config) (*Source, error) {
	node, err := newClient(c)
	if err != nil {
		return nil, err
	}
	pay, err := parsePayout(c.PayTo)
	if err != nil {
		return nil, err
	}
	challenge, err := parseChallenge(c.SignetChallenge)
	if err != nil {
		return nil, err
	}
	if len(c.Tag) > maxTag {
		return nil, fmt.Errorf("tag of the coinbase has %d bytes, want at most %d", len(c.Tag), maxTag)
	}
	if c.PollEvery < 0 {
		return nil, fmt.Errorf("interval of polls %v: want a positive one", c.PollEvery)
	}
	if c.PollEvery == 0 {
		c.PollEvery = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Source{
		node: node, payout: pay, tag: c.Tag, challenge: challenge,
		pollEvery: c.PollEvery, hasCookie: c.CookieFile != "", now: c.Now, log: c.Logger,
		wake:   make(chan struct{}, 1),
		life:   mine.NewLifetime(),
		counts: Stats{Solutions: map[mine.Outcome]uint64{}},
	}, nil
}

// Offer implements [mine.Source].
func (s *Source) Offer() (mine.Offer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life.Offer(s.offer), nil
}

// Status returns what the source knows about its node.
func (s *Source) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Exhausted makes other work if the given work is the present one: the same template
// with another coinbase, and soon a newer template. It is for the observer of a loop,
// which calls it when all headers of a work have been searched.
func (s *Source) Exhausted(w mine.Work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.offer == nil || s.offer.ID != w.ID {
		return
	}
	latest := s.works[len(s.works)-1]
	if err := s.put(latest.template, latest.salt+1); err != nil {
		s.log.Error("no other work on the same template", "err", err)
		return
	}
	s.life = s.life.Next()
	s.log.Info("all headers of a template have been searched: it gets another coinbase", "height", w.Height)
	s.poke()
}

// poke makes the source ask the node for a template now.
func (s *Source) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take makes the template the present work. It returns how long the node need not be
// asked again, unless it has news: 0 means for as long as it likes. The template is
// then not offered yet, because the present work is too young.
func (s *Source) take(t *template) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.connected(now, t)
	if t.work.Prev == s.solved && now.Sub(s.solvedAt) < settleTime {
		return settleTime - now.Sub(s.solvedAt), nil
	}
	if s.offer == nil || s.offer.Prev != t.work.Prev {
		if err := s.put(t, 0); err != nil {
			return 0, err
		}
		s.renew()
		s.log.Info("new tip", "height", t.work.Height, "prev", t.work.Prev, "txs", len(t.txs), "bits", t.work.Bits)
		return 0, nil
	}
	latest := &s.works[len(s.works)-1]
	w, err := t.named(latest.work.ID, latest.salt)
	if err != nil {
		return 0, err
	}
	if w.SameHeaders(latest.work) {
		// Only the times and the like have changed.
		latest.work, latest.template = w, t
		s.offer = &w
		if t.work.MinTime == t.work.MaxTime || now.Sub(latest.told) >= refreshEvery {
			latest.told = now
			s.life = s.life.Next()
		}
		return 0, nil
	}
	if wait := refreshEvery - now.Sub(latest.made); wait > 0 && wait <= refreshEvery && t.submitOld && t.work.Bits == latest.work.Bits {
		return wait, nil
	}
	if err := s.put(t, latest.salt); err != nil {
		return 0, err
	}
	if t.submitOld {
		s.life = s.life.Next()
	} else {
		s.renew()
	}
	s.log.Debug("newer template", "height", t.work.Height, "txs", len(t.txs), "value", t.cb.value)
	return 0, nil
}

// put makes work of the template and remembers it. The caller holds mu, and changes the
// lifetime.
func (s *Source) put(t *template, salt uint64) error {
	w, err := t.named(strconv.FormatUint(s.last+1, 10), salt)
	if err != nil {
		return err
	}
	s.last++
	s.counts.Works++
	s.offer = &w
	now := s.now()
	s.works = append(s.works, offered{work: w, template: t, salt: salt, made: now, told: now})
	s.forget()
	return nil
}

// forget removes the works for which there is no more room. The caller holds mu.
func (s *Source) forget() {
	tip := s.works[len(s.works)-1].work.Prev
	stale, keep := 0, len(s.works)
	for keep > 0 && len(s.works)-keep < keptWorks {
		if s.works[keep-1].work.Prev != tip {
			if stale == keptStale {
				break
			}
			stale++
		}
		keep--
	}
	clear(s.works[:keep]) // let go of the transactions
	s.works = s.works[keep:]
}

// renew ends the lifetime of the latest offer, and begins that of the next one on
// another parent. The caller holds mu.
func (s *Source) renew() {
	s.life.End()
	s.life = mine.NewLifetime()
}

// connected notes that the node has sent a template. The caller holds mu.
func (s *Source) connected(now time.Time, t *template) {
	if !s.status.Connected {
		if s.status.Err != nil {
			s.log.Info("the node sends templates again", "height", t.work.Height)
		}
		s.status.Connected, s.status.Since, s.status.Err = true, now, nil
	}
	s.counts.Templates++
	s.counts.TemplateTime = now
	s.status.Height, s.status.Txs, s.status.Value = t.work.Height, len(t.txs), t.cb.value
}

// lose ends all work, because the node has given none for the reason of the error.
func (s *Source) lose(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.Err == nil || s.status.Err.Error() != err.Error() {
		s.log.Warn("the node gives no work", "err", err)
	}
	if s.status.Connected || s.status.Since.IsZero() {
		s.status.Since = s.now()
	}
	s.status.Connected, s.status.Err = false, err
	s.counts.Failures++
	s.withdraw()
}

// stop ends all work, because nobody asks the node any more.
func (s *Source) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.Connected {
		s.status.Connected, s.status.Since, s.status.Err = false, s.now(), errors.New("the source has been stopped")
	}
	s.withdraw()
}

// withdraw ends the present work without another one. The caller holds mu.
func (s *Source) withdraw() {
	if s.offer != nil {
		s.offer = nil
		s.renew()
	}
}

// Run keeps the source up to date until the context ends, and then returns nil. It must
// not be called twice.
//
// A node that does not answer, that still starts or whose answers are faulty is asked
// again and again. Run returns an error if only a change of the configuration can help:
// the node refuses the user or the password before it has sent any template, it is on
// another network than the payout or the signet challenge, or demands what this miner
// does not know.
func (s *Source) Run(ctx context.Context) error {
	defer s.stop()
	const first, longest = time.Second, 15 * time.Second
	retry := first
	for {
		sent, err := s.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errUnusable) || errors.Is(err, ErrCredentials) && !s.hasCookie && !s.everConnected() {
			return err
		}
		s.lose(err)
		if sent {
			retry = first
		}
		s.pause(ctx, retry)
		retry = min(2*retry, longest)
	}
}

// everConnected reports whether the node has ever sent a template.
func (s *Source) everConnected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last > 0
}

// pause waits for the time, until the source is poked or until the context ends.
func (s *Source) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-timer.C:
	}
}
