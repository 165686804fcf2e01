package pow

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// checkPriorities waits for the threads of ended workers to end as well.
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
				continue // cannot end; the runtime parks it for good
			}
			stat, err := os.ReadFile("/proc/self/task/" + task.Name() + "/stat")
			if err != nil {
				continue // it has ended
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
