package stratum

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Names of the extensions of BIP 310.
const (
	extVersionRolling      = "version-rolling"
	extMinimumDifficulty   = "minimum-difficulty"
	extSubscribeExtranonce = "subscribe-extranonce"
)

// Configure is a miner's mining.configure (BIP 310).
type Configure struct {
	// Extensions are the names of all extensions that the miner asks for, known or not.
	Extensions []string

	VersionMask uint32 // bits that the miner can roll, with version-rolling
	MinBits     int    // the number of bits that it wants at least

	MinimumDifficulty float64 // with minimum-difficulty
}

// RollVersions returns the request for version rolling with that mask, of which the
// miner wants at least minBits bits.
func RollVersions(mask uint32, minBits int) Configure {
	return Configure{Extensions: []string{extVersionRolling}, VersionMask: mask, MinBits: minBits}
}

// WantsVersionRolling reports whether the miner asks to roll versions.
func (c Configure) WantsVersionRolling() bool { return c.wants(extVersionRolling) }

// WantsExtranonce reports whether the miner understands mining.set_extranonce.
func (c Configure) WantsExtranonce() bool { return c.wants(extSubscribeExtranonce) }

// WantsMinimumDifficulty reports whether the miner asks for a least difficulty.
func (c Configure) WantsMinimumDifficulty() bool { return c.wants(extMinimumDifficulty) }

func (c Configure) wants(name string) bool {
	for _, e := range c.Extensions {
		if e == name {
			return true
		}
	}
	return false
}

// Message returns the request.
func (c Configure) Message(id ID) Message {
	options := map[string]any{}
	if c.WantsVersionRolling() {
		options[extVersionRolling+".mask"] = word(c.VersionMask)
		options[extVersionRolling+".min-bit-count"] = c.MinBits
	}
	if c.WantsMinimumDifficulty() {
		options[extMinimumDifficulty+".value"] = digits(c.MinimumDifficulty)
	}
	return NewRequest(id, MethodConfigure, c.Extensions, options)
}

// ParseConfigure reads a request. A mask that is missing is all bits.
func ParseConfigure(m Message) (Configure, error) {
	p := paramsOf(m, MethodConfigure)
	var c Configure
	c.Extensions = read(p, "extensions", func(raw json.RawMessage) (list []string, err error) {
		if json.Unmarshal(raw, &list) != nil {
			return nil, errors.New("want a list of names")
		}
		return list, nil
	})
	options := readOr(p, "options", parseObject)
	c.VersionMask = ^uint32(0)
	option(p, options, extVersionRolling+".mask", parseWord, &c.VersionMask)
	option(p, options, extVersionRolling+".min-bit-count", parseCount, &c.MinBits)
	option(p, options, extMinimumDifficulty+".value", parseNumber, &c.MinimumDifficulty)
	return c, p.err
}

func parseObject(raw json.RawMessage) (object map[string]json.RawMessage, err error) {
	if json.Unmarshal(raw, &object) != nil {
		return nil, errors.New("want an object")
	}
	return object, nil
}

// option parses the member of that name into v, if there is one.
func option[T any](p *params, object map[string]json.RawMessage, name string, parse func(json.RawMessage) (T, error), v *T) {
	raw, ok := object[name]
	if !ok || isNull(raw) {
		return
	}
	parsed, err := parse(raw)
	p.fail(name, err)
	if err == nil {
		*v = parsed
	}
}

// Configured is a pool's answer to mining.configure.
type Configured struct {
	// Granted has an entry for each extension that was asked for: whether the pool
	// grants it.
	Granted map[string]bool

	VersionMask uint32 // bits that the miner may roll, if version rolling is granted
}

// Configured returns an answer that refuses all extensions that the miner has asked
// for.
func (c Configure) Configured() Configured {
	a := Configured{Granted: map[string]bool{}}
	for _, e := range c.Extensions {
		a.Granted[e] = false
	}
	return a
}

// GrantVersionRolling grants version rolling within the mask.
func (a *Configured) GrantVersionRolling(mask uint32) {
	a.Granted[extVersionRolling], a.VersionMask = true, mask
}

// GrantExtranonce grants that mining.set_extranonce may be sent.
func (a *Configured) GrantExtranonce() { a.Granted[extSubscribeExtranonce] = true }

// GrantMinimumDifficulty grants the least difficulty.
func (a *Configured) GrantMinimumDifficulty() { a.Granted[extMinimumDifficulty] = true }

// RollsVersions reports whether version rolling is granted.
func (a Configured) RollsVersions() bool { return a.Granted[extVersionRolling] }

// Message returns the answer to the request with that ID.
func (a Configured) Message(id ID) Message {
	result := map[string]any{}
	for name, granted := range a.Granted {
		result[name] = granted
	}
	if a.RollsVersions() {
		result[extVersionRolling+".mask"] = word(a.VersionMask)
	}
	return NewAnswer(id, result)
}

// ParseConfigured reads an answer. Instead of false, a pool may say in words why it
// does not grant an extension.
func ParseConfigured(m Message) (Configured, error) {
	a := Configured{Granted: map[string]bool{}}
	if m.Error != nil {
		return a, m.Error
	}
	p := &params{method: MethodConfigure}
	object, err := parseObject(m.Result)
	p.fail("result", err)
	for _, name := range []string{extVersionRolling, extMinimumDifficulty, extSubscribeExtranonce} {
		if raw, ok := object[name]; ok {
			a.Granted[name] = string(raw) == "true"
		}
	}
	if a.RollsVersions() {
		if _, ok := object[extVersionRolling+".mask"]; !ok {
			p.fail(extVersionRolling+".mask", errMissing)
		}
		option(p, object, extVersionRolling+".mask", parseWord, &a.VersionMask)
	}
	return a, p.err
}

// Subscribe is a miner's mining.subscribe.
type Subscribe struct {
	Agent   string // name and version of the miner's program
	Session string // that the miner would like to continue, or ""
}

// Message returns the request.
func (s Subscribe) Message(id ID) Message {
	if s.Session == "" {
		return NewRequest(id, MethodSubscribe, s.Agent)
	}
	return NewRequest(id, MethodSubscribe, s.Agent, s.Session)
}

// ParseSubscribe reads a request. Both parameters may be missing.
func ParseSubscribe(m Message) (Subscribe, error) {
	p := paramsOf(m, MethodSubscribe)
	s := Subscribe{
		Agent:   clean(readOr(p, "agent", parseText)),
		Session: clean(readOr(p, "session", parseText)),
	}
	return s, p.err
}

// Subscribed is a pool's answer to mining.subscribe.
type Subscribed struct {
	Session         string
	Extranonce1     []byte
	Extranonce2Size int
}

// Message returns the answer to the request with that ID.
func (s Subscribed) Message(id ID) Message {
	return NewAnswer(id, []any{
		[][]string{{MethodSetDifficulty, s.Session}, {MethodNotify, s.Session}},
		hex.EncodeToString(s.Extranonce1),
		s.Extranonce2Size,
	})
}

// ParseSubscribed reads an answer. The subscriptions may have any form; the session is
// the ID of the subscription to mining.notify, if there is one.
func ParseSubscribed(m Message) (Subscribed, error) {
	if m.Error != nil {
		return Subscribed{}, m.Error
	}
	p := &params{method: MethodSubscribe}
	if json.Unmarshal(m.Result, &p.list) != nil {
		p.fail("result", errors.New("want a list"))
		return Subscribed{}, p.err
	}
	var s Subscribed
	if p.has() {
		s.Session = sessionOf(p.list[p.next])
	}
	p.next++
	s.Extranonce1 = read(p, "extranonce1", parseBytes)
	s.Extranonce2Size = read(p, "size of extranonce2", parseCount)
	return s, p.err
}

// sessionOf returns the ID of the subscription to mining.notify.
func sessionOf(raw json.RawMessage) string {
	var pairs []json.RawMessage
	if json.Unmarshal(raw, &pairs) != nil {
		return ""
	}
	for _, raw := range append(pairs, raw) { // the list itself may be the only pair
		var pair []string
		if json.Unmarshal(raw, &pair) == nil && len(pair) == 2 && pair[0] == MethodNotify {
			return clean(pair[1])
		}
	}
	return ""
}

// Authorize is a miner's mining.authorize.
type Authorize struct {
	User, Password string
}

// Message returns the request.
func (a Authorize) Message(id ID) Message {
	return NewRequest(id, MethodAuthorize, a.User, a.Password)
}

// ParseAuthorize reads a request. The password may be missing.
func ParseAuthorize(m Message) (Authorize, error) {
	p := paramsOf(m, MethodAuthorize)
	a := Authorize{User: read(p, "user", parseText), Password: readOr(p, "password", parseText)}
	return a, p.err
}

// SuggestDifficulty is a miner's mining.suggest_difficulty.
type SuggestDifficulty struct {
	Difficulty float64
}

// Message returns the request.
func (s SuggestDifficulty) Message(id ID) Message {
	return NewRequest(id, MethodSuggestDifficulty, digits(s.Difficulty))
}

// ParseSuggestDifficulty reads a request. The difficulty is greater than zero.
func ParseSuggestDifficulty(m Message) (SuggestDifficulty, error) {
	p := paramsOf(m, MethodSuggestDifficulty)
	s := SuggestDifficulty{read(p, "difficulty", parseDifficulty)}
	return s, p.err
}

func parseDifficulty(raw json.RawMessage) (float64, error) {
	d, err := parseNumber(raw)
	if err == nil && d <= 0 {
		err = fmt.Errorf("%v: want a number greater than zero", d)
	}
	return d, err
}
