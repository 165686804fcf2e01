package gbt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// requestTimeout bounds a call that the node answers at once.
	requestTimeout = 10 * time.Second

	// longPollTimeout bounds a long poll, in case the connection is lost without a
	// word, and so that the time in the template does not become too old. Bitcoin Core
	// looks for new transactions for the first time after a minute.
	longPollTimeout = 90 * time.Second

	// Answers that bring no new tip are limited to one a second, after answersAtOnce,
	// so that a node whose long poll does not wait is not asked without a pause.
	answersAtOnce = 10
)

// errAskAgain ends a long poll that has lasted for long enough.
var errAskAgain = errors.New("the long poll has been ended")

// follow asks the node for one template after another, until it fails. It reports
// whether the node has sent one.
func (s *Source) follow(ctx context.Context) (sent bool, err error) {
	chain, err := s.checkNode(ctx)
	if err != nil {
		return false, err
	}
	o := options{payout: s.payout.script, tag: s.tag, challenge: s.challenge, fixedTime: hasLeastDifficulty(chain)}
	idle := rate.NewLimiter(1, answersAtOnce)
	longPollID, atMost := "", longPollTimeout
	for {
		if err := context.Cause(ctx); err != nil {
			return sent, err
		}
		r, err := s.ask(ctx, longPollID, atMost)
		broken := false
		if err != nil && longPollID != "" && ctx.Err() == nil {
			// The node may know no long poll, or a proxy may have cut it off. Whether the
			// node lives is seen from a call that it answers at once.
			broken = !errors.Is(err, errAskAgain)
			r, err = s.ask(ctx, "", 0)
		}
		if err != nil {
			return sent, err
		}
		t, err := r.template(o)
		if err != nil {
			return sent, err
		}
		before := s.latest()
		wait, err := s.take(t)
		if err != nil {
			return sent, err
		}
		sent = true
		longPollID, atMost = t.longPollID, longPollTimeout
		if wait > 0 {
			atMost = min(wait, longPollTimeout)
		}
		s.mu.Lock()
		s.polls = broken || longPollID == ""
		s.mu.Unlock()
		switch {
		case broken || longPollID == "":
			s.pause(ctx, s.pollEvery)
		case s.latest() == before:
			if err := idle.Wait(ctx); err != nil {
				return sent, err
			}
		}
	}
}

// latest returns the number of the latest work.
func (s *Source) latest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// checkNode asks the node which network it is on, and returns its name, or "" if the
// node does not tell. The error says that the payout belongs to another network.
func (s *Source) checkNode(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var info struct {
		Chain string `json:"chain"`
	}
	err := s.node.call(ctx, "getblockchaininfo", nil, maxAnswer, &info)
	if said := new(nodeError); errors.As(err, &said) && said.Code == codeNoMethod || errors.Is(err, ErrForbidden) {
		s.log.Debug("the node does not tell its network", "err", err)
		return "", nil
	}
	if err != nil {
		return "", explain(err)
	}
	s.mu.Lock()
	s.status.Chain = info.Chain
	s.mu.Unlock()
	if err := s.payout.check(info.Chain); err != nil {
		return "", unusable(err)
	}
	return info.Chain, nil
}

// hasLeastDifficulty reports whether the network allows a block of least difficulty if
// the header's time is 20 minutes after its parent's. Regtest does so, too, but there
// all blocks have the least difficulty.
func hasLeastDifficulty(chain string) bool {
	return chain != "signet" && slices.Contains(testChains(), chain) || slices.Contains(simnetChains(), chain)
}

// ask asks the node for a template. With an id, the node answers when the template with
// that id has become old, or after the given time at the latest; the error is then
// errAskAgain.
func (s *Source) ask(ctx context.Context, longPollID string, atMost time.Duration) (*reply, error) {
	request := map[string]any{
		"mode":         "template",
		"capabilities": []string{"coinbasevalue", "longpoll", "workid"},
		"rules":        s.rules(),
	}
	asking := ctx
	if longPollID != "" {
		request["longpollid"] = longPollID
		poll, cancel := context.WithTimeoutCause(ctx, atMost, errAskAgain)
		asking = poll
		var group sync.WaitGroup
		group.Go(func() {
			select {
			case <-s.wake:
				cancel()
			case <-poll.Done():
			}
		})
		defer group.Wait()
		defer cancel()
	} else {
		var cancel func()
		asking, cancel = context.WithTimeoutCause(ctx, requestTimeout, fmt.Errorf("no answer in %v", requestTimeout))
		defer cancel()
	}
	r := new(reply)
	err := s.node.call(asking, "getblocktemplate", []any{request}, maxTemplate, r)
	switch {
	case err == nil:
		return r, nil
	case asking.Err() != nil && ctx.Err() == nil && longPollID != "":
		return nil, errAskAgain
	case asking.Err() != nil && ctx.Err() == nil:
		return nil, fmt.Errorf("the node does not answer getblocktemplate: %w", context.Cause(asking))
	}
	return nil, explain(err)
}

// rules returns the rules that this miner knows. Bitcoin Core refuses a request that
// does not name those in force on its network.
func (s *Source) rules() []string {
	rules := []string{"segwit"}
	if s.challenge != nil {
		rules = append(rules, "signet")
	}
	return rules
}

// explain says in plain words what an error of the node means for a miner.
func explain(err error) error {
	said := new(nodeError)
	if !errors.As(err, &said) {
		return err
	}
	switch {
	case said.Code == codeNotConnected:
		return fmt.Errorf("the node has no peers, and makes no templates until it has: %w", err)
	case said.Code == codeDownloading:
		return fmt.Errorf("the node is still downloading its chain: %w", err)
	case said.Code == codeWarmingUp:
		return fmt.Errorf("the node is starting: %w", err)
	case said.Code == codeNoMethod:
		return unusable(fmt.Errorf("the node does not know the call: %w", err))
	case strings.Contains(said.Message, "signet rule set"):
		return unusable(fmt.Errorf("the node is on a signet: give its challenge: %w", err))
	}
	return err
}
