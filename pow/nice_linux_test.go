package pow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// niceThreads returns the ids of the threads of this process that have the lowest
// priority.
func niceThreads() []int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		panic(err)
	}
	var nice []int
	for _, task := range tasks {
		stat, err := os.ReadFile("/proc/self/task/" + task.Name() + "/stat")
		if err != nil {
			continue // the thread has ended
		}
		_, fields, _ := strings.Cut(string(stat), ") ")
		if strings.Fields(fields)[16] == "19" { // nice; see proc(5)
			id, err := strconv.Atoi(task.Name())
			if err != nil {
				panic(err)
			}
			nice = append(nice, id)
		}
	}
	return nice
}

// checkPriorities fails if a thread keeps its low priority. The threads of workers
// may end a little later than the workers, so it waits for them. The main thread
// never ends.
func checkPriorities(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		nice := niceThreads()
		if len(nice) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("threads %v of process %d still have a low priority", nice, os.Getpid())
		}
		time.Sleep(time.Millisecond)
	}
}

// heldEngine returns an engine of one worker. In a chunk after it has become a long
// search, its search calls reached once and then waits until release is closed.
func heldEngine(t testing.TB, nice bool, reached func(), release <-chan struct{}) *Engine {
	t.Helper()
	k := longKernel(func(chunk int64) {
		if chunk == longSearch+1 {
			reached()
			<-release
		}
	})
	e, err := newEngine(k, Config{Workers: 1, Nice: nice})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// While nice engines search, their searching threads and no others have a low
// priority. An engine that is not nice, as it is by default, changes no priority.
func TestOnlySearchingThreadsAreNice(t *testing.T) {
	checkPriorities(t)
	for _, nice := range []bool{false, true} {
		const searches = 3
		release := make(chan struct{})
		var all, reached sync.WaitGroup
		reached.Add(searches)
		var mu sync.Mutex
		searching := map[int]bool{}
		for range searches {
			e := heldEngine(t, nice, func() {
				mu.Lock()
				searching[syscall.Gettid()] = true
				mu.Unlock()
				reached.Done()
			}, release)
			all.Go(func() {
				if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Count: 64 * (longSearch + 5)}); !errors.Is(err, ErrExhausted) {
					t.Error(err)
				}
			})
		}
		reached.Wait()
		got := niceThreads()
		want := 0
		if nice {
			want = searches
		}
		if len(got) != want {
			t.Errorf("nice %v: threads %v have a low priority, want %d of them", nice, got, want)
		}
		for _, id := range got {
			if !searching[id] || id == os.Getpid() {
				t.Errorf("thread %d of process %d has a low priority; %v are searching", id, os.Getpid(), searching)
			}
		}
		close(release)
		all.Wait()
		checkPriorities(t)
	}
}

// The caller of a search goes on after it, and so does its thread, which must keep its
// priority. So the caller does not work in a search of a nice engine.
func TestCallerIsNotNice(t *testing.T) {
	runtime.LockOSThread() // no other goroutine runs on this thread
	defer runtime.UnlockOSThread()
	caller := syscall.Gettid()
	for _, nice := range []bool{false, true} {
		var chunks, own atomic.Int64
		e := testEngine(t, longKernel(func(int64) {
			chunks.Add(1)
			if syscall.Gettid() == caller {
				own.Add(1)
			}
		}), 1)
		e.nice = nice
		if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Count: 64 * 3}); !errors.Is(err, ErrExhausted) {
			t.Error(err)
		}
		if worked := own.Load() > 0; chunks.Load() != 3 || worked == nice {
			t.Errorf("nice %v: the caller has searched %d of %d chunks", nice, own.Load(), chunks.Load())
		}
	}
}

// mainThreadVariable is set in the environment of a child process in which
// [searchOnMainThread] replaces the tests.
const mainThreadVariable = "LODE_TEST_MAIN_THREAD"

// Locking the main goroutine here is the only way to keep it on the main thread.
func init() {
	if os.Getenv(mainThreadVariable) != "" {
		runtime.LockOSThread()
	}
}

// searchOnMainThread runs a worker of a nice engine on the main thread, if this
// process has been started for that, and reports what it has seen. The caller must be
// on the main goroutine.
func searchOnMainThread() (done bool, err error) {
	if os.Getenv(mainThreadVariable) == "" {
		return false, nil
	}
	var began, wentOn int
	var nice []int
	k := longKernel(func(chunk int64) {
		switch chunk {
		case 1:
			began = syscall.Gettid()
		case longSearch + 1:
			wentOn, nice = syscall.Gettid(), niceThreads()
		}
	})
	e, err := newEngine(k, Config{Workers: 1, Nice: true})
	if err != nil {
		return true, err
	}
	s, err := Job{Target: ZerosTarget(200), Count: 64 * (longSearch + 5)}.prepare()
	if err != nil {
		return true, err
	}
	c := newClaims(context.Background(), e, s, division{step: 64, long: longSearch})
	worker{claims: c, number: 0}.work()
	process := os.Getpid()
	switch {
	case c.next.Load() < s.count:
		return true, fmt.Errorf("%d of %d nonces were claimed", c.next.Load(), s.count)
	case began != process || wentOn == process || !slices.Equal(nice, []int{wentOn}):
		return true, fmt.Errorf("the search began on thread %d of process %d and went on on thread %d, and threads %v had a low priority; want it to begin on the main thread, and only the thread on which it goes on to have a low priority", began, process, wentOn, nice)
	case slices.Contains(niceThreads(), process):
		return true, errors.New("the main thread has a low priority after the search")
	}
	return true, nil
}

// A worker may happen to run on the main thread, which never ends. It goes on
// elsewhere, and the main thread keeps its priority.
func TestMainThreadIsNeverNice(t *testing.T) {
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), mainThreadVariable+"=1")
	out, err := child.CombinedOutput()
	if errors.Is(err, syscall.ENOEXEC) {
		t.Skip("NOT TESTED: this test runs in an emulator, and cannot start itself outside of it")
	}
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
