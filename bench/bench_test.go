package bench

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
)

var (
	seed       = flag.Uint64("seed", 0, "seed of the headers that benchmarks search; 0: another one each time")
	firstRound = flag.Uint64("round", 0, "first round, each of which has headers of its own")
)

// TestMain makes go test -bench measure in rounds, for one sample has no
// interval, and samples taken one after the other share their weather. Without
// -count and -benchtime there are six rounds, the least for an interval of 95 %,
// of 0.1 s; -count 10 makes it ten.
func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	rounds := uint(1)
	if flag.Lookup("test.bench").Value.String() != "" {
		rounds = 6
		if *seed == 0 {
			*seed = uint64(rand.Uint32())
		}
		fmt.Println("# seed:", *seed)
		if given["test.count"] {
			rounds = flag.Lookup("test.count").Value.(flag.Getter).Get().(uint)
		}
		set("test.count", "1")
		if !given["test.benchtime"] {
			set("test.benchtime", "100ms")
		}
	}
	for i := range rounds {
		if i > 0 {
			*firstRound++
			set("test.run", "^$") // the tests have run
		}
		if code := m.Run(); code != 0 {
			os.Exit(code)
		}
	}
}

func set(name, value string) {
	if err := flag.Set(name, value); err != nil {
		panic(err)
	}
}

func BenchmarkScan(b *testing.B) { runAll(b, Scan()) }
func BenchmarkTries(b *testing.B) {
	runAll(b, Tries(Config{Seed: *seed, Round: *firstRound}, sweepZeros(), nil))
}
func BenchmarkSearch(b *testing.B) {
	runAll(b, Search(Config{Seed: *seed, Round: *firstRound}, 8, 12, 16, 20, 24))
}
func BenchmarkScaling(b *testing.B)  { runAll(b, Scaling(Config{})) }
func BenchmarkOverhead(b *testing.B) { runAll(b, Overhead()) }
func BenchmarkCancel(b *testing.B)   { runAll(b, Cancel(Config{})) }
func BenchmarkAccept(b *testing.B)   { runAll(b, Accept()) }
func BenchmarkMerkle(b *testing.B)   { runAll(b, Merkle()) }
func BenchmarkCommit(b *testing.B)   { runAll(b, Commit()) }
func BenchmarkIngest(b *testing.B)   { runAll(b, Ingest()) }
func BenchmarkSync(b *testing.B)     { runAll(b, Sync()) }

// BenchmarkVerify reads made headers, the 548 of testnet3 that come with the
// repository, and the longer stream that LODE_HEADERS names.
func BenchmarkVerify(b *testing.B) {
	cases := append(Verify(), VerifyFile("testnet3-hex", "../pow/headers/testdata/blockheader_testnet3.hex"))
	main := VerifyFile("main-raw", os.Getenv("LODE_HEADERS"))
	if os.Getenv("LODE_HEADERS") == "" {
		main.Skip = "LODE_HEADERS names no file of headers (see CONTRIBUTING.md)"
	}
	runAll(b, append(cases, main))
}

// runAll runs the cases of one benchmark. Before each suite it says so in the
// output, which makes benchstat keep the suites in tables of their own.
func runAll(b *testing.B, cases []Case) {
	b.Helper()
	suite := ""
	for _, c := range cases {
		if s := c.Suite(); s != suite {
			suite = s
			saySuite(suite)
		}
		_, parts, _ := strings.Cut(c.Name, "/")
		b.Run(parts, func(b *testing.B) { runCase(b, c) })
	}
}

func saySuite(name string) { fmt.Printf("suite: %s\n", name) }

func runCase(b *testing.B, c Case) {
	if c.Skip != "" {
		b.Skip(c.Skip)
	}
	if c.Procs > 0 {
		before := runtime.GOMAXPROCS(c.Procs)
		defer runtime.GOMAXPROCS(before)
	}
	run, err := c.Start()
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		if err := run.Op(b.Context()); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if run.Report != nil {
		for _, m := range run.Report(n, b.Elapsed()) {
			b.ReportMetric(m.Value, m.Unit)
		}
	}
	if run.Close != nil {
		if err := run.Close(); err != nil {
			b.Error(err)
		}
	}
}
