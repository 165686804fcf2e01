package body

import (
	"net/http"
	"testing"
)

func TestCompressed(t *testing.T) {
	for _, tc := range []struct {
		codings []string
		want    bool
	}{
		{nil, false},
		{[]string{"identity"}, false},
		{[]string{"Identity"}, false},
		{[]string{"gzip"}, true},
		{[]string{""}, true},
		{[]string{"identity", "identity"}, true},
		{[]string{"identity, gzip"}, true},
	} {
		h := http.Header{}
		for _, coding := range tc.codings {
			h.Add("content-encoding", coding)
		}
		if got := Compressed(h); got != tc.want {
			t.Errorf("%q: %v, want %v", tc.codings, got, tc.want)
		}
	}
}
