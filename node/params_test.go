package node

import (
	"os"
	"strings"
	"testing"
)

// A node without network parameters is refused before it writes anything.
func TestOpenWithoutParams(t *testing.T) {
	data := t.TempDir()
	_, err := Open(t.Context(), Config{Data: data, Listen: "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), "make them with rules.New") {
		t.Errorf("error %v", err)
	}
	if entries, err := os.ReadDir(data); err != nil || len(entries) > 0 {
		t.Errorf("the data folder holds %v (%v)", entries, err)
	}
}
