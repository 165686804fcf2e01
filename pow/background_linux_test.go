package pow

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// checkPriorities fails if a thread keeps its low priority. The threads of workers
// may end a little later than the workers, so it waits for them.
func checkPriorities(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	main := strconv.Itoa(os.Getpid())
	for {
		left := 0
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range tasks {
			if task.Name() == main {
				continue // the main thread cannot end; the runtime parks it instead
			}
			stat, err := os.ReadFile("/proc/self/task/" + task.Name() + "/stat")
			if err != nil {
				continue // the thread has ended
			}
			_, fields, _ := strings.Cut(string(stat), ") ")
			if strings.Fields(fields)[16] == "19" { // nice; see proc(5)
				left++
			}
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d threads still have a low priority", left)
		}
		time.Sleep(time.Millisecond)
	}
}
