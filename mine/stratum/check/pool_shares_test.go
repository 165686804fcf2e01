package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/pow"
)

// Shares are of the job and of the terms that the pool has told, in the order in which it has
// told them.
func TestTermsOfJobs(t *testing.T) {
	notification := func(method, params string) string {
		return fmt.Sprintf(`{"id":null,"method":"mining.%s","params":[%s]}`, method, params)
	}
	for name, test := range map[string]struct {
		edit func(p *fakePool)
		want map[int]string // by the number of the share
	}{
		"another job": {func(p *fakePool) {
			other := *p
			other.job[0] = `"8"`
			p.after = notification("notify", strings.Join(other.job[:], ","))
		}, map[int]string{
			1: "w of job 8, extranonce2 00000000, time +0 s, bits 00000000",
			4: "w of job 8, extranonce2 55555555, time +0 s, bits 0001c000",
			6: "w of job 8, extranonce2 55555555, time +10800 s, bits 0001a000",
		}},
		"a difficulty without a job": {func(p *fakePool) { p.after = notification("set_difficulty", "1") }, map[int]string{
			4: "w of job 7, extranonce2 55555555, time +0 s, bits 0001c000",
		}},
		"no bits": {func(p *fakePool) { p.before += "\n" + notification("set_version_mask", `"00000000"`) }, map[int]string{
			4: "w of job 7, extranonce2 55555555, time +0 s, bits none",
		}},
		"another extranonce": {func(p *fakePool) { p.before += "\n" + notification("set_extranonce", `"0a0b",6`) }, map[int]string{
			1: "w of job 7, extranonce2 000000000000, time +0 s, bits 00000000",
		}},
		"an extranonce that does not fit": {func(p *fakePool) { p.before += "\n" + notification("set_extranonce", `"0a0b",99`) }, map[int]string{
			1: "w of job 7, extranonce2 00000000, time +0 s, bits 00000000",
		}},
		"a job of the past": {func(p *fakePool) { p.job[7] = fmt.Sprintf(`"%08x"`, minute-100) }, map[int]string{
			4: "w of job 7, extranonce2 55555555, time -100 s, bits 00010000",
			6: "w of job 7, extranonce2 55555555, time +10800 s, bits 0001a000",
		}},
		"a job of the future": {func(p *fakePool) { p.job[7] = fmt.Sprintf(`"%08x"`, minute+100) }, map[int]string{
			6: "w of job 7, extranonce2 55555555, time +10900 s, bits 00012000",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := goodPool()
			test.edit(p)
			report, err := checkPool(t, p, engineFunc(scan))
			if err != nil || strings.Contains(report, "FAIL") {
				t.Errorf("%v\n%s", err, report)
			}
			for i, want := range test.want {
				if got := p.shareAt(i); got != want {
					t.Errorf("share %d: %s, want %s", i, got, want)
				}
			}
		})
	}
}

// The share of low difficulty is one, even if most hashes would do.
func TestLowShare(t *testing.T) {
	for _, difficulty := range []float64{2.4e-10, 2.5e-10, 3e-10, 4e-10} {
		p := goodPool()
		p.before = fmt.Sprintf(`{"id":null,"method":"mining.set_difficulty","params":[%g]}`, difficulty)
		if report, err := checkPool(t, p, nil); err != nil || strings.Contains(report, "FAIL") || strings.Contains(report, "a good share") {
			t.Errorf("%v\n%s", err, report)
		}
		target, err := stratum.TargetOf(difficulty)
		if err != nil {
			t.Fatal(err)
		}
		space, err := mine.NewSpace([]byte{10, 11, 12, 13}, 4)
		if err != nil {
			t.Fatal(err)
		}
		raw := fmt.Sprintf(`{"id":null,"method":"mining.notify","params":[%s]}`, strings.Join(p.job[:], ","))
		m, err := stratum.Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		n, err := stratum.ParseNotify(m)
		if err != nil {
			t.Fatal(err)
		}
		w, err := n.Work("1", stratum.Terms{Extranonces: space, Target: target})
		if err != nil {
			t.Fatal(err)
		}
		_, h, err := p.submitted[1].Header(w)
		if err != nil {
			t.Fatal(err)
		}
		if h.Hash().Meets(target) {
			t.Errorf("difficulty %g: nonce %d is a share", difficulty, h.Nonce)
		}
	}
}

// A search that finds nothing is bounded, and is no mistake of the pool.
func TestSearchWithoutAnAnswer(t *testing.T) {
	searches := 0
	bounded := func(ctx context.Context, job pow.Job) (pow.Result, error) {
		searches++
		if searches == 2 {
			return scan(ctx, job)
		}
		began := time.Now()
		<-ctx.Done()
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("the search may take %v", took)
		}
		return pow.Result{}, ctx.Err()
	}
	report, err := checkPool(t, goodPool(), engineFunc(bounded))
	if err != nil || strings.Contains(report, "a good share") || !strings.Contains(report, "note  a share was found to submit: difficulty 1e-06, none in 20s; should be: ") {
		t.Errorf("%v\n%s", err, report)
	}
	// The second one is for the good share, and the third for a late one.
	report, err = checkPool(t, goodPool(), engineFunc(bounded))
	if err != nil || strings.Contains(report, "three hours") || !strings.Contains(report, "ok    the same share again") || !strings.Contains(report, "ok    an unknown request") {
		t.Errorf("%v\n%s", err, report)
	}
}

// The end of the context ends a check of a pool at once, with its reason.
func TestPoolCheckEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := errors.New("the user has had enough")
		ours, theirs := net.Pipe()
		defer func() { _ = theirs.Close() }()
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		var r Report
		go func() { done <- Pool(ctx, ours, PoolOptions{User: "w"}, &r) }()
		began := time.Now()
		cancel(stopped)
		if err := <-done; !errors.Is(err, stopped) || !strings.Contains(text(&r), "FAIL  the check ends here: "+stopped.Error()) {
			t.Errorf("%v\n%s", err, text(&r))
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("the end took %v", took)
		}
	})
}
