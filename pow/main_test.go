package pow

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if done, err := searchOnMainThread(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	} else if done {
		return
	}
	goleak.VerifyTestMain(m)
}

func readJSON[T any](t testing.TB, file string) T {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// smallNonceHeaders returns 200 headers of Bitcoin's main chain, the one with the
// smallest nonce first.
func smallNonceHeaders(t testing.TB) []Header {
	t.Helper()
	f, err := os.Open("testdata/small_nonce_headers.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var headers []Header
	for _, row := range rows[1:] {
		headers = append(headers, mustHeader(t, row[3]))
	}
	if len(headers) != 200 {
		t.Fatalf("read %d headers, want 200", len(headers))
	}
	return headers
}

func mustHeader(t testing.TB, s string) Header {
	t.Helper()
	h, err := ParseHeader(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
