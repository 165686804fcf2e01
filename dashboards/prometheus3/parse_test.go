package prometheus3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/dashboards"
	"github.com/lodepow/lode/mine/gbt"
	gbtmetrics "github.com/lodepow/lode/mine/gbt/metrics"
	"github.com/lodepow/lode/mine/stratum/client"
	clientmetrics "github.com/lodepow/lode/mine/stratum/client/metrics"
	"github.com/lodepow/lode/node"
)

// exposition runs a node and returns the metrics that it exports, after a request.
func exposition(t *testing.T) (text []byte, contentType string) {
	t.Helper()
	n, err := node.Open(t.Context(), node.Config{
		Params: rules.Lab(), Data: t.TempDir(), Listen: "127.0.0.1:0", Workers: 1, Registry: prometheus.NewRegistry(),
		Stratum: node.StratumConfig{Listen: "127.0.0.1:0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	web := &http.Client{Timeout: time.Minute}
	defer web.CloseIdleConnections()
	for _, path := range []string{"/chain", "/mine", "/metrics"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := web.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %s, %v", path, response.Status, err)
		}
		contentType = response.Header.Get("Content-Type")
	}
	return append(minerExposition(t), text...), contentType
}

// minerExposition returns the metrics of lode mine, before it has any connection.
func minerExposition(t *testing.T) []byte {
	t.Helper()
	pool, err := client.New(client.Config{Pools: []client.Pool{{Host: "pool.example", Port: 3333, User: "w"}}})
	if err != nil {
		t.Fatal(err)
	}
	source, err := gbt.New(gbt.Config{URL: "http://127.0.0.1:8332", PayTo: "script:51"})
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	if err := errors.Join(clientmetrics.Register(reg, pool, nil), gbtmetrics.Register(reg, source, nil)); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return answer.Body.Bytes()
}

// series returns the series of an exposition as Prometheus 3 stores them.
func series(t *testing.T, text []byte, contentType string) []labels.Labels {
	t.Helper()
	p, err := textparse.New(text, contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var all []labels.Labels
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if entry == textparse.EntrySeries {
			var l labels.Labels
			p.Labels(&l)
			all = append(all, l)
		}
	}
}

// absent matches what is not exported here: other modes than that of the node, the
// duration of requests to peers, of which it has none, what there is only after the
// first share, and the cycles of a hash, which only a node of the command measures.
var absent = regexp.MustCompile(`^lode_miner_info\{.*mode=|^lode_peer_request_duration_seconds_bucket\{|` +
	`^lode_stratum_hash_rate_(low|high)\{|^lode_pool_hash_rate\{|^lode_pool_rejects_total\{|^lode_kernel_(expected_)?cycles_per_hash\{`)

// TestSelectors checks that Prometheus 3 can parse every expression, and that every
// selector in it, such as reason="no-space", selects a series of a node or of lode mine.
func TestSelectors(t *testing.T) {
	text, contentType := exposition(t)
	all := series(t, text, contentType)
	var three bool
	for _, l := range all {
		three = three || l.Get("__name__") == "lode_chain_reorg_depth_blocks_bucket" && l.Get("le") == "3.0"
	}
	if !three {
		t.Error(`no bucket le="3.0": this is not how Prometheus 3 stores buckets, so the test shows nothing`)
	}
	if why := check(t, `lode_chain_reorg_depth_blocks_bucket{le="3"}`, all); len(why) != 2 {
		t.Errorf(`the selector le="3" is found to be wrong in %d ways, want 2: %v`, len(why), why)
	}
	var c dashboards.AlertConfig
	for _, r := range c.Rules() {
		for _, why := range check(t, r.Expr, all) {
			t.Errorf("%s: %s", r.Record, why)
		}
	}
	for _, a := range c.Alerts() {
		for _, why := range check(t, a.Expr, all) {
			t.Errorf("%s: %s", a.Name, why)
		}
	}
	variables := strings.NewReplacer("$job", "lode.*", "$instance", ".+", "$__rate_interval", "4m", "$__range", "30m")
	for _, d := range dashboards.All() {
		for _, m := range d.Marks {
			for _, why := range check(t, variables.Replace(m.Expr), all) {
				t.Errorf("%s, %s: %s", d.UID, m.Name, why)
			}
		}
		for _, p := range d.Layout() {
			for _, q := range p.Panel.Queries {
				for _, why := range check(t, variables.Replace(q.Expr), all) {
					t.Errorf("%s, %s: %s", d.UID, p.Panel.Title, why)
				}
			}
		}
	}
}

// check returns what is wrong with an expression.
func check(t *testing.T, expr string, all []labels.Labels) (wrong []string) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return []string{err.Error() + " in " + expr}
	}
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if !ok || s.Name == "up" || s.Name == "ALERTS" || strings.Contains(s.Name, ":") {
			return nil // Prometheus itself makes these series
		}
		for _, m := range s.LabelMatchers {
			if m.Name == "le" || m.Name == "quantile" {
				wrong = append(wrong, "matches a bucket or a quantile by its spelling: "+s.String())
			}
		}
		if !selects(s, all) && !absent.MatchString(s.String()) {
			wrong = append(wrong, "no series of a node or of lode mine is selected by "+s.String())
		}
		return nil
	})
	return wrong
}

// selects reports whether a selector selects any of the series. Their jobs and
// instances are added by Prometheus.
func selects(s *parser.VectorSelector, all []labels.Labels) bool {
	for _, l := range all {
		fits := true
		for _, m := range s.LabelMatchers {
			if m.Name != "job" && m.Name != "instance" {
				fits = fits && m.Matches(l.Get(m.Name))
			}
		}
		if fits {
			return true
		}
	}
	return false
}
