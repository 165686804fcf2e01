package check

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/pow"
)

// Parts of the coinbase of a fakePool.
var (
	coinbaseBegin = "0100000001" + strings.Repeat("00", pow.HashSize) + "ffffffff"
	coinbaseEnd   = "ffffffff0100f902950000000001510000000000"
)

// fakePool answers the requests of a check with lines of JSON, in which the word ID is replaced by the ID
// of the request. A line may consist of several. An empty one means no answer.
type fakePool struct {
	configure, subscribe, authorize, unknown string
	shares                                   []string // answers to shares, in their order
	job                                      [9]string
	more                                     string // a tenth parameter of the job, with its comma
	before                                   string // lines before the job
	after                                    string // lines after the job
	half                                     string // of a line, in place of the answer to mining.configure
	asked                                    string // the request mining.configure
	submitted                                []stratum.Submit
}

const (
	// parent is 00000001 and other words, as it should be in a job.
	parent   = "0a0b0c0d1122334455667788a1b2c3d4c0ffee0112340000baadf00d00000001"
	accepted = `{"id":ID,"result":true,"error":null}`
	minute   = 1_700_000_000 / 60 * 60 // the time of the check
)

func refusal(code int) string {
	return fmt.Sprintf(`{"id":ID,"result":null,"error":[%d,"no",null]}`, code)
}

// goodPool makes no mistake.
func goodPool() *fakePool {
	return &fakePool{
		configure: `{"id":ID,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}`,
		subscribe: `{"id":ID,"result":[[["mining.notify","1"]],"0a0b0c0d",4],"error":null}`,
		authorize: accepted,
		unknown:   refusal(20),
		shares:    []string{refusal(21), refusal(23), refusal(20), refusal(20), accepted, refusal(22), refusal(20)},
		job: [9]string{
			`"7"`, `"` + parent + `"`,
			`"` + coinbaseBegin + "0c03a08601" + `"`, `"` + coinbaseEnd + `"`, "[]", `"20000000"`, `"1d00ffff"`, fmt.Sprintf(`"%08x"`, minute), "true",
		},
		before: `{"id":null,"method":"mining.set_difficulty","params":[0.000001]}`,
	}
}

// serve answers until the connection ends. Its lines wait until they are read.
func (p *fakePool) serve(conn net.Conn) {
	said := make(chan string, 100)
	var writing sync.WaitGroup
	defer writing.Wait()
	defer close(said)
	writing.Go(func() {
		for line := range said {
			_, _ = fmt.Fprintln(conn, line) // the check sees what is missing
		}
	})
	for in := bufio.NewScanner(conn); in.Scan(); {
		m, err := stratum.Parse(in.Bytes())
		if err != nil {
			return
		}
		var lines string
		switch m.Method {
		case stratum.MethodConfigure:
			lines, p.asked = p.configure, in.Text()
			_, _ = fmt.Fprint(conn, p.half)
		case stratum.MethodSubscribe:
			lines = p.subscribe
		case stratum.MethodAuthorize:
			job := fmt.Sprintf(`{"id":null,"method":"mining.notify","params":[%s%s]}`, strings.Join(p.job[:], ","), p.more)
			lines = strings.Join([]string{p.authorize, p.before, job, p.after}, "\n")
		case stratum.MethodSubmit:
			if s, err := stratum.ParseSubmit(m); err == nil {
				p.submitted = append(p.submitted, s)
			}
			lines, p.shares = p.shares[0], p.shares[1:]
		default:
			lines = p.unknown
		}
		for line := range strings.SplitSeq(strings.ReplaceAll(lines, "ID", m.ID.String()), "\n") {
			if line != "" {
				said <- line
			}
		}
	}
}

// engineFunc is an engine that a test makes up.
type engineFunc func(ctx context.Context, job pow.Job) (pow.Result, error)

// Search implements [mine.Engine].
func (f engineFunc) Search(ctx context.Context, job pow.Job) (pow.Result, error) { return f(ctx, job) }

// ReportBlock implements [mine.Engine].
func (engineFunc) ReportBlock(time.Time) {}

// scan searches some thousand nonces, as an engine does.
func scan(_ context.Context, job pow.Job) (pow.Result, error) {
	job.Count = 1 << 16
	return pow.Kernels()[0].Scan(job)
}

// checkPool checks the fake pool in virtual time, and returns the report and the error.
func checkPool(t *testing.T, p *fakePool, engine mine.Engine) (report string, err error) {
	t.Helper()
	report, _, err = timePool(t, p, engine)
	return report, err
}

// timePool is checkPool that also returns how long the check has taken.
func timePool(t *testing.T, p *fakePool, engine mine.Engine) (report string, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.serve(theirs)
			_ = theirs.Close()
		}()
		var r Report
		now := func() time.Time { return time.Unix(minute, 0) }
		err = Pool(t.Context(), ours, PoolOptions{User: "w", Password: "secret", Agent: "check/1", Engine: engine, Now: now}, &r)
		took = time.Since(began)
		_ = ours.Close()
		<-done
		report = text(&r)
	})
	return report, took, err
}

// shareAt returns the parameters of a share that a test may compare.
func (p *fakePool) shareAt(i int) string {
	s := p.submitted[i]
	bits := "none"
	if s.VersionBits != nil {
		bits = fmt.Sprintf("%08x", *s.VersionBits)
	}
	return fmt.Sprintf("%s of job %s, extranonce2 %s, time %+d s, bits %s", s.User, s.Job, hex.EncodeToString(s.Extranonce2), int64(s.Time)-minute, bits)
}
