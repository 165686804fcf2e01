package main

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/pow"
)

// TestGrindRealHeaders grinds 200 real headers, all with small nonces, and wants the
// nonces that their miners found.
func TestGrindRealHeaders(t *testing.T) {
	f, err := os.Open("../../pow/testdata/small_nonce_headers.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	headers := rows[1:]
	if len(headers) != 200 {
		t.Fatalf("%d headers, want 200", len(headers))
	}
	if testing.Short() {
		headers = headers[:20]
	}
	for _, row := range headers {
		solved := row[3]
		unsolved := solved[:152] + "00000000"
		var out, errs strings.Builder
		code := run(t.Context(), []string{"grind", unsolved}, cli.Std{Out: &out, Err: &errs})
		if code != 0 || out.String() != solved+"\n" || errs.String() != "" {
			t.Errorf("block %s: exit status %d, standard output %q, standard error %q", row[1], code, out.String(), errs.String())
		}
	}
}

// TestOneProcToSpare checks that the scheduler has one P more than there are busy
// workers. Otherwise a signal would have to wait until a worker is preempted.
func TestOneProcToSpare(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	for _, workers := range []int{0, 1, cores, 1000} {
		engine, err := engineFlags{Workers: workers}.newEngine()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := runtime.GOMAXPROCS(cores), min(engine.Workers(), cores)+1; got != want {
			t.Errorf("%d workers on %d cores: GOMAXPROCS %d, want %d", workers, cores, got, want)
		}
	}
}

func TestGrindError(t *testing.T) {
	header := pow.BitcoinGenesis()
	other := errors.New("something else")
	for _, tc := range []struct {
		err    error
		result pow.Result
		want   string
	}{
		{pow.ErrExhausted, pow.Result{Tries: 1 << 32}, "none of the 4,294,967,296 nonces meets the target of bits 1d00ffff: change"},
		{context.Canceled, pow.Result{Hashes: 1234567}, "stopped after 1,234,567 hashes without an answer"},
		{other, pow.Result{}, other.Error()},
	} {
		if got := grindError(tc.err, tc.result, header).Error(); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine, err := pow.New(pow.Config{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		stop := showProgress(t.Context(), &out, engine, pow.ZerosTarget(12))
		_, err = engine.Search(t.Context(), pow.Job{Target: pow.ZerosTarget(200), Count: 4096})
		if !errors.Is(err, pow.ErrExhausted) {
			t.Fatal(err)
		}
		time.Sleep(time.Second + time.Millisecond)
		stop()

		// One line after each quarter of a second, and one at the end.
		lines := strings.Split(out.String(), "\r")[1:]
		if len(lines) != 5 {
			t.Fatalf("%d lines: %q", len(lines), out.String())
		}
		want := "16.4 kH/s on kernel " + engine.Kernel().Name() + ", 4,096 tries, odds of an answer by now 63.2 %"
		if !strings.HasPrefix(lines[0], want) {
			t.Errorf("first line %q, want %q", lines[0], want)
		}
		if last := lines[4]; !strings.HasPrefix(last, "4.09 kH/s on kernel ") || !strings.HasSuffix(last, "\n") {
			t.Errorf("last line %q", last)
		}
	})
}
