package live

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestClient(t *testing.T) {
	answers := map[string]string{
		"vector": `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1700000000.123,"NaN"]}]}}`,
		"matrix": `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"],[3,"+Inf"]]}]}}`,
		"scalar": `{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`,
		"wrong":  `{"status":"error","errorType":"bad_data","error":"parse error"}`,
		"odd":    `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}}`,
		"cut":    `{"status":"succ`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, answers[r.FormValue("query")])
	}))
	defer server.Close()
	c := NewClient(server.URL + "/")
	defer c.Close()
	now := time.Unix(5, 0)

	vector, err := c.Query(t.Context(), "vector", now)
	if err != nil || len(vector) != 1 || vector[0].Labels["a"] != "b" || len(vector[0].Points) != 1 ||
		!math.IsNaN(vector[0].Points[0].Value) || !vector[0].Points[0].Time.Equal(time.UnixMilli(1700000000123)) {
		t.Errorf("vector %v, %v", vector, err)
	}
	matrix, err := c.QueryRange(t.Context(), "matrix", now, now, time.Second)
	if err != nil || len(matrix) != 1 || len(matrix[0].Points) != 2 || matrix[0].Points[0].Value != 2 || !math.IsInf(matrix[0].Points[1].Value, 1) {
		t.Errorf("matrix %v, %v", matrix, err)
	}
	for query, want := range map[string]string{"scalar": "is a scalar", "wrong": "parse error", "odd": "invalid syntax", "cut": "200 OK"} {
		if got, err := c.Query(t.Context(), query, now); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), query) {
			t.Errorf("%s: %v, %v: want the query and %q in the error", query, got, err, want)
		}
	}
	server.Close()
	if _, err := c.Query(t.Context(), "vector", now); err == nil {
		t.Error("no error, although the server has been closed")
	}
}

func TestTail(t *testing.T) {
	var log tail
	for range 100 {
		if n, err := log.Write([]byte(strings.Repeat("x", 999) + "\n")); n != 1000 || err != nil {
			t.Fatal(n, err)
		}
	}
	_, _ = io.WriteString(&log, "the end")
	if s := log.String(); len(s) != maxLog || !strings.HasSuffix(s, "x\nthe end") {
		t.Errorf("the log has %d bytes and ends in %q, want %d bytes that end in what was written last", len(s), s[len(s)-10:], maxLog)
	}
}
