package pow

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

func TestSelfTests(t *testing.T) {
	for _, k := range runnable(t) {
		if err := k.SelfTest(); err != nil {
			t.Error(err)
		}
		if k.About() == "" || k.Lanes() < 1 || k.Chunk() < 512 {
			t.Errorf("kernel %s: about %q, %d lanes, chunk %d", k.Name(), k.About(), k.Lanes(), k.Chunk())
		}
	}
}

// broken returns a kernel whose candidates are changed by wrong, which is also
// given the number of hashes of the whole range.
func broken(name string, wrong func(sha256d.Candidate, int) sha256d.Candidate) Kernel {
	k := Kernels()[0]
	scan := k.scan
	k.name = name
	k.scan = func(in *sha256d.Input, first uint32, count int) sha256d.Candidate {
		return wrong(scan(in, first, count), count*len(in.Versions))
	}
	return k
}

func TestSelfTestCatches(t *testing.T) {
	for _, k := range []Kernel{
		broken("blind", func(_ sha256d.Candidate, all int) sha256d.Candidate {
			return sha256d.Candidate{Hashes: all}
		}),
		broken("forgetful", func(c sha256d.Candidate, all int) sha256d.Candidate {
			if c.Nonce%8 == 7 {
				return sha256d.Candidate{Hashes: all}
			}
			return c
		}),
		broken("inventive", func(c sha256d.Candidate, _ int) sha256d.Candidate {
			if c.Found {
				c.Nonce++
			}
			return c
		}),
		broken("panicking", func(sha256d.Candidate, int) sha256d.Candidate { panic("no such instruction") }),
		{name: "elsewhere", missing: []string{"vector unit"}},
	} {
		if err := k.SelfTest(); err == nil || !strings.Contains(err.Error(), k.name) {
			t.Errorf("kernel %s: error %v", k.name, err)
		}
	}
}

func TestChoose(t *testing.T) {
	good := Kernels()[0]
	bad := broken("bad", func(_ sha256d.Candidate, all int) sha256d.Candidate {
		return sha256d.Candidate{Hashes: all}
	})
	absent := Kernel{name: "absent", missing: []string{"sha"}}

	for _, tc := range []struct {
		what, name string
		table      []Kernel
		want       string // name of the kernel, unless err is set
		err        string // part of the error
		why        string // part of the explanation
	}{
		{"first that works", "", []Kernel{absent, bad, good}, good.name, "", "passed over: kernel absent needs sha"},
		{"by name", good.name, []Kernel{bad, good}, good.name, "", "by name"},
		{"unknown", "gpu", []Kernel{bad, good}, "", `no kernel is called "gpu": choose one of bad, ` + good.name, ""},
		{"absent by name", "absent", []Kernel{absent, good}, "", "needs sha, which this CPU lacks", ""},
		{"bad by name", "bad", []Kernel{bad, good}, "", "failed its self-test", ""},
		{"nothing works", "", []Kernel{absent, bad}, "", "no kernel works here", ""},
	} {
		t.Run(tc.what, func(t *testing.T) {
			k, why, err := choose(tc.table, tc.name)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil || k.name != tc.want || !strings.Contains(why, tc.why) {
				t.Errorf("chose %q because %q (%v), want %q because %q", k.name, why, err, tc.want, tc.why)
			}
		})
	}
}

func TestNewLogsTheKernel(t *testing.T) {
	var log strings.Builder
	e, err := New(Config{Workers: 3, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if e.Workers() != 3 || !strings.Contains(log.String(), "kernel="+e.Kernel().Name()) {
		t.Errorf("%d workers, log %q", e.Workers(), log.String())
	}
	for _, workers := range []int{-1, MaxWorkers + 1} {
		if _, err := New(Config{Workers: workers}); err == nil {
			t.Errorf("%d workers were accepted", workers)
		}
	}
	if _, err := New(Config{Kernel: "gpu"}); err == nil {
		t.Error("an unknown kernel was accepted")
	}
}
