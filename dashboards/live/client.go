package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	queryTimeout = 30 * time.Second
	maxAnswer    = 64 << 20 // greatest length of an answer that is read, in bytes
)

// Client is a client of Prometheus's HTTP API
// (https://prometheus.io/docs/prometheus/latest/querying/api/).
type Client struct {
	URL  string
	http *http.Client
}

// NewClient returns a client of the Prometheus at the given base URL.
func NewClient(url string) *Client {
	return &Client{URL: strings.TrimSuffix(url, "/"), http: &http.Client{Timeout: queryTimeout}}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Point is the value of a series at a point in time.
type Point struct {
	Time  time.Time
	Value float64
}

// Series is the part of a query's result that has one set of labels.
type Series struct {
	Labels map[string]string
	Points []Point // in ascending order of time
}

// Query evaluates an expression at the given time. For a range selector, it returns
// the samples as they were scraped.
func (c *Client) Query(ctx context.Context, expr string, at time.Time) ([]Series, error) {
	return c.query(ctx, "/api/v1/query", url.Values{"query": {expr}, "time": {unix(at)}})
}

// QueryRange evaluates an expression at every step between two times.
func (c *Client) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	return c.query(ctx, "/api/v1/query_range", url.Values{
		"query": {expr}, "start": {unix(from)}, "end": {unix(to)},
		"step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

// unix formats a time as Unix time in seconds, with milliseconds.
func unix(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

func (c *Client) query(ctx context.Context, path string, values url.Values) ([]Series, error) {
	expr := values.Get("query")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+path, strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", expr, err)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("query %s: %w", expr, err)
	}
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			Type   string          `json:"resultType"`
			Result json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("query %s: status %s: %w", expr, resp.Status, err)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("query %s: %s", expr, answer.Error)
	}
	if t := answer.Data.Type; t != "vector" && t != "matrix" {
		return nil, fmt.Errorf("query %s: the result is a %s, want a vector or a matrix", expr, t)
	}
	var results []struct {
		Metric map[string]string
		Value  *sample
		Values []sample
	}
	if err := json.Unmarshal(answer.Data.Result, &results); err != nil {
		return nil, fmt.Errorf("query %s: %w", expr, err)
	}
	all := make([]Series, len(results))
	for i, r := range results {
		all[i].Labels = r.Metric
		if r.Value != nil {
			r.Values = append(r.Values, *r.Value)
		}
		for _, s := range r.Values {
			all[i].Points = append(all[i].Points, Point(s))
		}
	}
	return all, nil
}

// sample is a Point in the API's JSON form, [seconds, "value"].
type sample Point

// UnmarshalJSON implements [json.Unmarshaler].
func (s *sample) UnmarshalJSON(text []byte) error {
	var seconds float64
	var value string
	if err := json.Unmarshal(text, &[]any{&seconds, &value}); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(value, 64) // accepts NaN and Inf, which Prometheus sends too
	if err != nil {
		return err
	}
	*s = sample{Time: time.UnixMilli(int64(seconds*1000 + .5)), Value: v}
	return nil
}

// ready returns the HTTP status of Prometheus's readiness check.
func (c *Client) ready(ctx context.Context) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/-/ready", nil)
	if err != nil {
		return 0, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, resp.Body.Close()
}
