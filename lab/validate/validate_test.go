package validate

import (
	"bytes"
	"context"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/lab/blocks"
)

// pick returns the checks with these names.
func pick(t *testing.T, names ...string) []Check {
	t.Helper()
	list := slices.DeleteFunc(Checks(), func(c Check) bool { return !slices.Contains(names, c.Name) })
	if len(list) != len(names) {
		t.Fatalf("there are no such checks: %q", names)
	}
	return list
}

// docs/validation.md is what lodelab validate writes: each check is in it, and the rows of
// those that are cheap are as they are computed now. With LODE_VALIDATE=1 all are.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile("../../docs/validation.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(data)
	form := Quick
	if strings.HasPrefix(document, "<!-- Written by lodelab validate --full ") {
		form = Full
	}
	if os.Getenv("LODE_VALIDATE") != "" {
		groups, err := Run(context.Background(), Checks(), Options{Form: form})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := WriteDocument(&b, groups, form); err != nil {
			t.Fatal(err)
		}
		if b.String() != document {
			t.Error("docs/validation.md is out of date: run lodelab validate with --write")
		}
		return
	}
	var cheap []Check
	for _, c := range Checks() {
		for _, part := range []string{"\n## " + c.Title + "\n", "- Source: " + c.Source + ".\n", "- Criterion: " + c.Criterion + ".\n", c.Note} {
			if !strings.Contains(document, part) {
				t.Errorf("check %s: docs/validation.md lacks %q", c.Name, part)
			}
		}
		if c.Cheap {
			cheap = append(cheap, c)
		}
	}
	groups, err := Run(context.Background(), cheap, Options{Form: form})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		for _, r := range g.Rows {
			if !strings.Contains(document, r.line()) {
				t.Errorf("check %s: docs/validation.md lacks %q", g.Name, r.line())
			}
			if r.Verdict != Agrees {
				t.Errorf("check %s: %s", g.Name, r.line())
			}
		}
	}
	if strings.Contains(document, "| differs |") {
		t.Error("docs/validation.md has a row that differs")
	}
}

// A deliberately wrong model is found: the row that is right without the fault differs
// with it.
func TestWrongModels(t *testing.T) {
	for _, tt := range []struct {
		fault, check string
		change       func(*blocks.Experiment)
	}{
		{"a relay that forgets every hundredth message", "loss", func(x *blocks.Experiment) { x.Relay.Loss = 0.01 }},
		{"a miner with a hundredth too much power", "power", func(x *blocks.Experiment) {
			x.Power.Shares = []float64{0.3 * 1.01, 1 - 0.3*1.01}
		}},
		{"ties that go to the miner with the number 0", "fairness", func(x *blocks.Experiment) {
			x.Tie = blocks.Tie{Rule: blocks.Share, Gamma: 1}
			x.Strategists = []blocks.Strategist{{Node: 0, Strategy: blocks.Honest{}}}
		}},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			if tt.check == "power" && testing.Short() {
				t.Skip("a million blocks")
			}
			for _, change := range []func(*blocks.Experiment){nil, tt.change} {
				groups, err := Run(context.Background(), pick(t, tt.check), Options{Change: change})
				if err != nil {
					t.Fatal(err)
				}
				row := groups[0].Rows[0]
				t.Log(row.line())
				if wrong := change != nil; (row.Verdict == Differs) != wrong || Failed(groups) > 0 != wrong {
					t.Errorf("fault %v: %s", wrong, row.line())
				}
			}
		})
	}
}

// The rows do not depend on the number of threads.
func TestThreads(t *testing.T) {
	var lines [2]string
	for i, threads := range []int{1, 4} {
		groups, err := Run(context.Background(), pick(t, "loss", "timewarp"), Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			for _, r := range g.Rows {
				lines[i] += r.line()
			}
		}
	}
	if lines[0] != lines[1] {
		t.Errorf("one thread:\n%sfour threads:\n%s", lines[0], lines[1])
	}
}

// The criteria judge at their bounds.
func TestCriteria(t *testing.T) {
	row := func(ours, theirs float64) Row { return Row{Ours: ours, Theirs: theirs, Digits: 3} }
	for _, tt := range []struct {
		what string
		got  Row
		want Verdict
		off  string
	}{
		{"3 standard errors", byErrors(row(1.03, 1), 0.01, 3.5), Agrees, "+3.0 se"},
		{"4 standard errors", byErrors(row(0.96, 1), 0.01, 3.5), Differs, "-4.0 se"},
		{"3 standard errors of replicas", byReplicas(row(1.03, 1), 0.01), Agrees, "+3.0 se"},
		{"within the tolerance", byTolerance(row(0.996, 1), 0.005), Agrees, "-0.004"},
		{"outside of the tolerance", byTolerance(row(1.006, 1), 0.005), Differs, "+0.006"},
		{"a known difference", explained(byTolerance(row(2, 1), 0.005)), Explained, "+1.000"},
		{"nothing to explain", explained(byTolerance(row(1, 1), 0.005)), Agrees, "+0.000"},
		{"half as much", byFactor(row(0.51, 1), 2), Agrees, "× 0.51"},
		{"less than half", byFactor(row(0.49, 1), 2), Differs, "× 0.49"},
		{"more than twice", byFactor(row(2.1, 1), 2), Differs, "× 2.10"},
		{"no figure", byErrors(row(math.NaN(), 1), 0.01, 3.5), Differs, "+NaN se"},
	} {
		if tt.got.Verdict != tt.want || tt.got.Off != tt.off {
			t.Errorf("%s: %s, off by %s, want %s, off by %s", tt.what, tt.got.Verdict, tt.got.Off, tt.want, tt.off)
		}
	}
}

// The standard error that is estimated from 32 replicas makes the interval of Student's t with
// 31 degrees of freedom, and not that of the normal law.
func TestIntervals(t *testing.T) {
	values := make([]float64, replicas)
	for i := range values {
		values[i] = float64(i % 2)
	}
	mean, se := meanAndError(values)
	if want := math.Sqrt(8.0 / 31 / 32); mean != 0.5 || math.Abs(se-want) > 1e-5 { // the sum of squares is 32/4
		t.Errorf("mean %v, standard error %v, want 0.5 and %v", mean, se, want)
	}
	if half := byReplicas(Row{Ours: mean}, se).Half; math.Abs(half/se-2.0395) > 1e-4 {
		t.Errorf("half of the interval is %v standard errors, want 2.0395 as in tables of Student's t", half/se)
	}
	if half := byErrors(Row{}, 0.01, 3.5).Half; math.Abs(half-0.0196) > 1e-9 {
		t.Errorf("half of the interval is %v, want 0.0196", half)
	}
}

// Names are unique and can be typed, and each check says where its figures are from.
func TestChecks(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Checks() {
		if names[c.Name] || !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(c.Name) || c.Title == "" || c.Source == "" || c.Criterion == "" {
			t.Errorf("%+v", c)
		}
		names[c.Name] = true
	}
	if _, err := Run(context.Background(), nil, Options{Form: "huge"}); err == nil || !strings.Contains(err.Error(), `want "quick" or "full"`) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, pick(t, "loss"), Options{}); err == nil {
		t.Error("a cancelled run has no error")
	}
}

// The text for a terminal has the rows and the counts.
func TestWriteText(t *testing.T) {
	var b strings.Builder
	g := []Group{{Check{Name: "n", Title: "Title", Source: "A paper"}, []Row{
		{What: "a", Ours: 0.5, Half: 0.01, Theirs: 0.51, Percent: true, Digits: 1, Off: "-0.5 se", Verdict: Agrees},
		{What: "b", Ours: 2, Half: math.NaN(), Theirs: 3, Digits: 2, Off: "-1.00", Verdict: Differs},
	}}}
	if err := WriteText(&b, g); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"Title (n)\nA paper\n", "a  50.0  49.0 to 51.0   51.0    -0.5 se  agrees", "b  2.00  –", "1 rows agree, 0 differ as explained, 1 differ."} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("the text lacks %q:\n%s", part, b.String())
		}
	}
}
