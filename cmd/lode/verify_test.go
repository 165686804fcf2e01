package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/pow/headers"
)

// TestManySideBranches checks that the summary lists ten side branches and counts the
// others.
func TestManySideBranches(t *testing.T) {
	s := headers.Summary{Headers: 100, Retargets: 3, Skipped: 1}
	for i := range 12 {
		s.Side = append(s.Side, headers.Branch{Headers: uint64(i + 1)})
	}
	var out strings.Builder
	if err := (&verifyCmd{Retarget: true}).print(&out, headers.NewReader(strings.NewReader("")), nil, s, time.Second); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"side branches  12",
		fmt.Sprintf("10 to %064d, off %064d\n               and 2 more\n", 0, 0),
		"follows the rule, 3 retargets; 1 could not be checked",
		"rate           100 headers/s",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
