package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/pow"
)

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
		engine, err := pow.New(pow.Config{Workers: 2})
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

		// One line after each quarter of a second, one at the end.
		lines := strings.Split(out.String(), "\r")[1:]
		if len(lines) != 5 {
			t.Fatalf("%d lines: %q", len(lines), out.String())
		}
		want := "16.4 kH/s, 4,096 tries, odds of an answer by now 63.2 %"
		if !strings.HasPrefix(lines[0], want) {
			t.Errorf("first line %q, want %q", lines[0], want)
		}
		if last := lines[4]; !strings.HasPrefix(last, "4.09 kH/s, 4,096 tries") || !strings.HasSuffix(last, "\n") {
			t.Errorf("last line %q", last)
		}
	})
}
