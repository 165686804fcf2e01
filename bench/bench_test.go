package bench

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/lodepow/lode/bench/raw"
)

var (
	seed       = flag.Uint64("seed", 0, "seed of the headers that benchmarks search; 0 draws a new one each time")
	firstRound = flag.Uint64("round", 0, "number of the first round; each round searches different headers")

	zerosFlag   = flag.String("zeros", "", "difficulties of BenchmarkSearch in leading zero bits, such as 4:28:2 or 8,12,20:24")
	workersFlag = flag.String("workers", "", "numbers of workers of BenchmarkSearch, such as 1,2,4; the default is all cores")
	kernelFlag  = flag.String("kernel", "", "kernels of BenchmarkSearch, such as sha-ni,stdlib; the default is all")
	csvFlag     = flag.String("csv", "", "file for a row of CSV for each search; a relative path begins in the package's folder")
	jsonFlag    = flag.String("json", "", "file for the same rows as JSON")
)

// TestMain makes go test -bench measure all benchmarks in interleaved rounds. With
// go test's own -count, the samples of one benchmark would be taken one right after
// the other, and a disturbance would affect them all.
//
// -count sets the number of rounds and -benchtime the time of each sample. The
// defaults are six rounds, the fewest that give a median a 95 % interval, and 0.1 s.
func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(benchmarkRounds(m))
}

// benchmarkRounds runs the tests and the benchmarks, and returns the exit status.
func benchmarkRounds(m *testing.M) (status int) {
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	rounds := uint(1)
	if flag.Lookup("test.bench").Value.String() != "" {
		rounds = 6
		if *seed == 0 {
			*seed = uint64(rand.Uint32())
		}
		fmt.Println("# seed:", *seed)
		var err error
		if sweep, err = ParseSweep(*zerosFlag, *workersFlag, *kernelFlag); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		energy, err = OpenEnergy(powercap)
		fmt.Println(energyNote(energy, err))
		files, err := raw.Create(*csvFlag, *jsonFlag)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		record = files.Write
		defer func() {
			if err := files.Close(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				status = 1
			}
		}()
		if given["test.count"] {
			rounds = flag.Lookup("test.count").Value.(flag.Getter).Get().(uint)
		}
		setFlag("test.count", "1")
		if !given["test.benchtime"] {
			setFlag("test.benchtime", "100ms")
		}
	}
	for i := range rounds {
		if i > 0 {
			*firstRound++
			setFlag("test.run", "^$") // the tests have already run, in the first round
		}
		if code := m.Run(); code != 0 {
			return code
		}
	}
	return 0
}

// What TestMain makes of the flags.
var (
	sweep  Sweep
	energy *Energy
	record func([]raw.Search) error
)

// searchConfig is the configuration of the benchmarks that search.
func searchConfig(b *testing.B) Config {
	return Config{Seed: *seed, Round: *firstRound, Energy: energy, Record: func(s raw.Search) {
		if err := record([]raw.Search{s}); err != nil {
			b.Fatal(err)
		}
	}}
}

func setFlag(name, value string) {
	if err := flag.Set(name, value); err != nil {
		panic(err)
	}
}

func BenchmarkScan(b *testing.B) { runAll(b, Scan()) }
func BenchmarkTries(b *testing.B) {
	runAll(b, Tries(searchConfig(b), sweepZeros()))
}
func BenchmarkSearch(b *testing.B) {
	c := searchConfig(b)
	if sweep.Empty() {
		runAll(b, Search(c, 8, 12, 16, 20, 24))
	} else {
		runAll(b, sweep.Cases(c))
	}
}
func BenchmarkShort(b *testing.B) {
	runAll(b, Short(searchConfig(b), shortZeros(), shortPauses()))
}
func BenchmarkScaling(b *testing.B)  { runAll(b, Scaling(Config{})) }
func BenchmarkOverhead(b *testing.B) { runAll(b, Overhead()) }
func BenchmarkCancel(b *testing.B)   { runAll(b, Cancel(Config{})) }
func BenchmarkAccept(b *testing.B)   { runAll(b, Accept()) }
func BenchmarkMerkle(b *testing.B)   { runAll(b, Merkle()) }
func BenchmarkCommit(b *testing.B)   { runAll(b, Commit()) }
func BenchmarkIngest(b *testing.B)   { runAll(b, Ingest()) }
func BenchmarkSync(b *testing.B)     { runAll(b, Sync()) }

// BenchmarkVerify verifies three streams: generated headers, the 548 headers of
// testnet3 in this repository, and the file that LODE_HEADERS names.
func BenchmarkVerify(b *testing.B) {
	cases := append(Verify(), VerifyFile("testnet3-hex", "../pow/headers/testdata/blockheader_testnet3.hex"))
	main := VerifyFile("main-raw", os.Getenv("LODE_HEADERS"))
	if os.Getenv("LODE_HEADERS") == "" {
		main.Skip = "LODE_HEADERS is not set to a file of headers (see CONTRIBUTING.md)"
	}
	runAll(b, append(cases, main))
}

// runAll runs the cases of one benchmark. It prints the name of each suite before
// its results, so that benchstat puts every suite into a separate table.
func runAll(b *testing.B, cases []Case) {
	b.Helper()
	suite := ""
	for _, c := range cases {
		if s := c.Suite(); s != suite {
			suite = s
			printSuite(suite)
		}
		_, parts, _ := strings.Cut(c.Name, "/")
		b.Run(parts, func(b *testing.B) { runCase(b, c) })
	}
}

func printSuite(name string) { fmt.Printf("suite: %s\n", name) }

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
