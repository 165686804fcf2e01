package p2p

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

func exampleRequests(c *testChain) []gossip.Request {
	return []gossip.Request{
		gossip.Hello{Greeting: testGreeting(c), Session: gossip.Session{9}},
		gossip.Announce{Blocks: []gossip.Announced{{Hash: hashOf(1), Age: 5 * time.Millisecond}}, Txs: []pow.Hash{hashOf(2), hashOf(3)}},
		gossip.Announce{},
		gossip.GetHeaders{Locator: []pow.Hash{hashOf(4)}},
		gossip.GetBlocks{Hashes: []pow.Hash{hashOf(5), hashOf(6)}},
		gossip.GetTxs{IDs: []pow.Hash{hashOf(7)}},
		gossip.GetPool{From: 3, Limit: 2000},
		gossip.GetAddresses{},
	}
}

func TestRequestsRoundTrip(t *testing.T) {
	c := newTestChain(t)
	e := newEndpoints(c.Params())
	for _, r := range exampleRequests(c) {
		ep, kind, ok := e.at(e.of(r).path)
		if !ok || reflect.TypeOf(kind) != reflect.TypeOf(r) {
			t.Fatalf("%T is served at %s as %T", r, ep.path, kind)
		}
		query, body, err := encodeRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(body)) > ep.maxRequest {
			t.Errorf("%T has %d bytes, at most %d are read", r, len(body), ep.maxRequest)
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeRequest(ep, kind, values, body)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%T: got %+v, %v, want %+v", r, got, err, r)
		}
	}
}

// exchange is a request with an answer to it.
type exchange struct {
	request gossip.Request
	answer  gossip.Answer
}

func exampleExchanges(c *testChain) []exchange {
	blocks := c.grow(3, 2)
	txs := c.Pending(0, 10)
	return []exchange{
		{gossip.Hello{}, gossip.Welcome{Greeting: testGreeting(c)}},
		{gossip.Announce{}, gossip.Done{}},
		{gossip.GetHeaders{}, gossip.Headers{Headers: []pow.Header{}}},
		{gossip.GetHeaders{}, gossip.Headers{Headers: []pow.Header{blocks[0].Header, blocks[1].Header}}},
		{gossip.GetBlocks{Hashes: []pow.Hash{hashOf(1)}}, gossip.Blocks{}},
		{gossip.GetBlocks{Hashes: []pow.Hash{hashOf(1), hashOf(2), hashOf(3)}}, gossip.Blocks{Blocks: blocks}},
		{gossip.GetTxs{}, gossip.Txs{}},
		{gossip.GetTxs{}, gossip.Txs{Txs: txs}},
		{gossip.GetPool{}, gossip.Pool{IDs: []pow.Hash{}}},
		{gossip.GetPool{}, gossip.Pool{IDs: []pow.Hash{hashOf(1), hashOf(2)}, Total: 7}},
		{gossip.GetAddresses{}, gossip.Addresses{Addresses: []gossip.Address{}}},
		{gossip.GetAddresses{}, gossip.Addresses{Addresses: []gossip.Address{"http://10.0.0.1:8000", "https://[2001:db8::1]:443"}}},
	}
}

func TestAnswersRoundTrip(t *testing.T) {
	c := newTestChain(t)
	e := newEndpoints(c.Params())
	for _, x := range exampleExchanges(c) {
		body, err := encodeAnswer(x.answer)
		if err != nil {
			t.Fatal(err)
		}
		if most := e.of(x.request).maxAnswer; int64(len(body)) > most {
			t.Errorf("%T has %d bytes, at most %d are read", x.answer, len(body), most)
		}
		got, err := e.decodeAnswer(x.request, body)
		if err != nil || !reflect.DeepEqual(got, x.answer) {
			t.Errorf("%T: got %+v, %v, want %+v", x.answer, got, err, x.answer)
		}
	}
}

// TestLongestMessages checks that the longest messages that the protocol allows fit
// within the bounds of their bodies.
func TestLongestMessages(t *testing.T) {
	c := newTestChain(t)
	e := newEndpoints(c.Params())
	many := func(n int) []pow.Hash {
		hashes := make([]pow.Hash, n)
		for i := range hashes {
			hashes[i] = hashOf(0xff)
		}
		return hashes
	}
	announce := gossip.Announce{Blocks: make([]gossip.Announced, gossip.MaxAnnounced)}
	for i := range announce.Blocks {
		announce.Blocks[i] = gossip.Announced{Hash: hashOf(0xff), Age: time.Duration(1<<63 - 1)}
	}
	host := longText(253)
	greeting := testGreeting(c)
	greeting.Network, greeting.Address = longText(32), gossip.Address("https://"+host+":65535")
	for _, r := range []gossip.Request{
		gossip.Hello{Greeting: greeting}, announce, gossip.GetHeaders{Locator: many(gossip.MaxLocator)},
		gossip.GetBlocks{Hashes: many(gossip.MaxBlocks)}, gossip.GetTxs{IDs: many(gossip.MaxTxs)},
	} {
		ep, kind, _ := e.at(e.of(r).path)
		_, body, err := encodeRequest(r)
		if err != nil || int64(len(body)) > ep.maxRequest {
			t.Errorf("%T: %d bytes, at most %d are read; %v", r, len(body), ep.maxRequest, err)
		}
		if _, err := decodeRequest(ep, kind, nil, body); err != nil {
			t.Errorf("%T: %v", r, err)
		}
	}
	addresses := gossip.Addresses{}
	for range gossip.MaxAddresses {
		addresses.Addresses = append(addresses.Addresses, greeting.Address)
	}
	for _, x := range []exchange{
		{gossip.Hello{}, gossip.Welcome{Greeting: greeting}},
		{gossip.GetPool{}, gossip.Pool{IDs: many(gossip.MaxPoolPage), Total: 1 << 30}},
		{gossip.GetAddresses{}, addresses},
		{gossip.GetHeaders{}, gossip.Headers{Headers: make([]pow.Header, gossip.MaxHeaders)}},
	} {
		body, err := encodeAnswer(x.answer)
		if most := e.of(x.request).maxAnswer; err != nil || int64(len(body)) > most {
			t.Errorf("%T: %d bytes, at most %d are read; %v", x.answer, len(body), most, err)
		}
		if _, err := e.decodeAnswer(x.request, body); err != nil {
			t.Errorf("%T: %v", x.answer, err)
		}
	}
}

// TestWrongAnswers decodes answers that break the protocol.
func TestWrongAnswers(t *testing.T) {
	c := newTestChain(t)
	e := newEndpoints(c.Params())
	raw, err := c.grow(1, 0)[0].AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	greeting, err := json.Marshal(testGreeting(c))
	if err != nil {
		t.Fatal(err)
	}
	with := func(old, replacement string) string {
		text := strings.Replace(string(greeting), old, replacement, 1)
		if text == string(greeting) {
			t.Fatalf("no %s in %s", old, greeting)
		}
		return text
	}
	hash := `"` + hashOf(1).String() + `"`
	list := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	for _, tc := range []struct {
		name    string
		request gossip.Request
		body    string
		want    gossip.FaultReason
	}{
		{"nothing", gossip.Hello{}, "", gossip.FaultMalformed},
		{"no JSON", gossip.Hello{}, "<html>", gossip.FaultMalformed},
		{"null", gossip.Hello{}, "null", gossip.FaultMalformed},
		{"a list", gossip.Hello{}, "[]", gossip.FaultMalformed},
		{"two objects", gossip.Hello{}, string(greeting) + "{}", gossip.FaultMalformed},
		{"no address", gossip.Hello{}, "{}", gossip.FaultMalformed},
		{"address", gossip.Hello{}, with("http://127.0.0.1:8001", "ftp://127.0.0.1:8001"), gossip.FaultMalformed},
		{"userinfo", gossip.Hello{}, with("http://127.0.0.1:8001", "http://me@127.0.0.1:8001"), gossip.FaultMalformed},
		{"height", gossip.Hello{}, with(`"height":1`, `"height":-1`), gossip.FaultMalformed},
		{"height of text", gossip.Hello{}, with(`"height":1`, `"height":"x"`), gossip.FaultMalformed},
		{"node id", gossip.Hello{}, with("010203", "01020x"), gossip.FaultMalformed},
		{"no node id", gossip.Hello{}, with("010203", "000000"), gossip.FaultMalformed},
		{"work", gossip.Hello{}, with(`"chainwork":"00`, `"chainwork":"0`), gossip.FaultMalformed},
		{"network", gossip.Hello{}, with(`"tutorial"`, `"`+longText(100)+`"`), gossip.FaultMalformed},
		{"done", gossip.Announce{}, "ok", gossip.FaultMalformed},
		{"half a header", gossip.GetHeaders{}, longText(79), gossip.FaultMalformed},
		{"too many headers", gossip.GetHeaders{}, longText(80 * 2001), gossip.FaultOversize},
		{"a cut block", gossip.GetBlocks{}, string(appendBlock(nil, raw))[:200], gossip.FaultMalformed},
		{"a cut length", gossip.GetBlocks{}, "\x80", gossip.FaultMalformed},
		{"a padded length", gossip.GetBlocks{}, "\x81\x00x", gossip.FaultMalformed},
		{"an endless length", gossip.GetBlocks{}, strings.Repeat("\xff", 11), gossip.FaultMalformed},
		{"a huge block", gossip.GetBlocks{}, "\xff\xff\xff\xff\x7f", gossip.FaultOversize},
		{"a block of nothing", gossip.GetBlocks{}, "\x00", gossip.FaultMalformed},
		{"no block", gossip.GetBlocks{}, string(appendBlock(nil, []byte(longText(300)))), gossip.FaultMalformed},
		{"too many blocks", gossip.GetBlocks{}, strings.Repeat(string(appendBlock(nil, raw)), 129), gossip.FaultOversize},
		{"no transaction", gossip.GetTxs{}, "x\n", gossip.FaultMalformed},
		{"an empty line", gossip.GetTxs{}, "\n", gossip.FaultMalformed},
		{"a cut transaction", gossip.GetTxs{}, c.tx("a").String(), gossip.FaultMalformed},
		{"no canonical form", gossip.GetTxs{}, strings.Replace(c.tx("a").String(), ",", ", ", 1) + "\n", gossip.FaultMalformed},
		{"too many transactions", gossip.GetTxs{}, strings.Repeat(c.tx("a").String()+"\n", 513), gossip.FaultOversize},
		{"an id", gossip.GetPool{}, `{"ids":["x"],"total":1}`, gossip.FaultMalformed},
		{"total", gossip.GetPool{}, `{"ids":[],"total":-1}`, gossip.FaultMalformed},
		{"too many ids", gossip.GetPool{}, `{"ids":[` + list(2001, hash) + `],"total":1}`, gossip.FaultOversize},
		{"far too many", gossip.GetPool{}, `{"ids":[` + list(90_000, "0") + `],"total":1}`, gossip.FaultMalformed},
		{"an address", gossip.GetAddresses{}, `{"addresses":["http://0x7f.1:80/"]}`, ""},
		{"no address", gossip.GetAddresses{}, `{"addresses":["http://127.1:80"]}`, gossip.FaultMalformed},
		{"too many addresses", gossip.GetAddresses{}, `{"addresses":[` + list(257, `"http://a:1"`) + `]}`, gossip.FaultOversize},
	} {
		_, err := e.decodeAnswer(tc.request, []byte(tc.body))
		var f gossip.Fault
		errors.As(err, &f)
		if f.Reason != tc.want || tc.want == "" && err != nil {
			t.Errorf("%s: error %v, want %s", tc.name, err, tc.want)
		}
	}
}

// TestWrongRequests decodes requests that break the protocol.
func TestWrongRequests(t *testing.T) {
	e := newEndpoints(newTestChain(t).Params())
	for _, tc := range []struct {
		path, query, body, want string
	}{
		{"/p2p/hello", "", `{"address":"http://a:1"}`, "node_id is missing"},
		{"/p2p/hello", "", `{"address":"x:y"}`, "address"},
		{"/p2p/hello", "", `{"session":"00"}`, "session has 2 characters"},
		{"/p2p/announce", "", `{"blocks":[{"hash":"` + hashOf(1).String() + `","age_ns":-1}]}`, "has the age -1"},
		{"/p2p/announce", "", `{"txs":[1]}`, "byte 9: a number where something else is wanted"},
		{"/p2p/announce", "", `{"x":[` + longText(10) + strings.Repeat(",0", 10_000) + `]}`, "10000 items, at most 1024"},
		{"/p2p/pool", "from=0", "", "limit"},
		{"/p2p/pool", "limit=1", "", "from"},
		{"/p2p/pool", "from=0&limit=99999999999999999999", "", "limit"},
	} {
		ep, kind, ok := e.at(tc.path)
		if !ok {
			t.Fatal(tc.path)
		}
		query, err := url.ParseQuery(tc.query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeRequest(ep, kind, query, []byte(tc.body)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s?%s %.60s: error %v, want %q", tc.path, tc.query, tc.body, err, tc.want)
		}
	}
	if _, _, ok := e.at("/p2p/nothing"); ok {
		t.Error("something is served at /p2p/nothing")
	}
}

// TestUnknownFields decodes a request with a field that a later version might add.
func TestUnknownFields(t *testing.T) {
	e := newEndpoints(newTestChain(t).Params())
	ep, kind, _ := e.at("/p2p/headers")
	got, err := decodeRequest(ep, kind, nil, []byte(`{"locator":[],"most":[1,2,{"x":"y"}]}`))
	if err != nil || !reflect.DeepEqual(got, gossip.GetHeaders{Locator: []pow.Hash{}}) {
		t.Error(got, err)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	c := newTestChain(f)
	e := newEndpoints(c.Params())
	for i, r := range exampleRequests(c) {
		_, body, err := encodeRequest(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		ep, kind, _ := e.at(e.paths()[int(n)%len(e.paths())])
		r, err := decodeRequest(ep, kind, url.Values{"from": {string(body)}, "limit": {"1"}}, body)
		if err != nil || gossip.CheckRequest(r) != nil {
			return
		}
		query, again, err := encodeRequest(r)
		if err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRequest(ep, kind, values, again)
		if err != nil || fmt.Sprintf("%+v", back) != fmt.Sprintf("%+v", r) {
			t.Fatalf("%+v is read back as %+v, %v", r, back, err)
		}
	})
}

func FuzzDecodeAnswer(f *testing.F) {
	c := newTestChain(f)
	e := newEndpoints(c.Params())
	for _, x := range exampleExchanges(c) {
		body, err := encodeAnswer(x.answer)
		if err != nil {
			f.Fatal(err)
		}
		for i := range e.paths() {
			f.Add(uint8(i), body)
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		ep, request, _ := e.at(e.paths()[int(n)%len(e.paths())])
		a, err := e.decodeAnswer(request, body)
		if err != nil {
			var fault gossip.Fault
			if !errors.As(err, &fault) {
				t.Fatalf("error %v is not a fault", err)
			}
			return
		}
		again, err := encodeAnswer(a)
		if err != nil {
			t.Fatal(err)
		}
		if ep.kind != typeJSON && string(again) != string(body) {
			t.Fatalf("%q is written back as %q", body, again)
		}
		back, err := e.decodeAnswer(request, again)
		if err != nil || fmt.Sprintf("%+v", back) != fmt.Sprintf("%+v", a) {
			t.Fatalf("%+v is read back as %+v, %v", a, back, err)
		}
	})
}
