package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// process is a node that runs as a separate process, so that a test can kill it.
type process struct {
	cmd    *exec.Cmd
	url    string
	log    *bytes.Buffer // standard error; may be read once done is closed
	done   chan struct{} // closed when the process has ended
	client *http.Client
}

// startNode starts a node on a free port, waits until it listens, and kills it when
// the test ends.
func startNode(t testing.TB, data string, flags ...string) *process {
	t.Helper()
	p, err := tryNode(data, flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// kill kills the process if it still runs.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
	p.client.CloseIdleConnections()
}

// tryNode is startNode for a node that may fail to start. The error then contains the
// log of the node.
func tryNode(data string, flags ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self) //nolint:noctx // the tests end it with signals
	cmd.Args = append([]string{"lode", "node", "--listen", "127.0.0.1:0", "--data", data}, flags...)
	return startProcess(cmd)
}

// startProcess starts a command that runs a node, and waits until the node listens.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{
		cmd: cmd, log: new(bytes.Buffer), done: make(chan struct{}),
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}},
	}
	cmd.Stderr = p.log
	separate(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && p.url == "" {
		if _, rest, ok := strings.Cut(lines.Text(), "listening on "); ok {
			p.url, _, _ = strings.Cut(rest, " ")
			break
		}
	}
	go func() {
		defer close(p.done)
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	}()
	if p.url == "" {
		<-p.done
		return nil, fmt.Errorf("the node ended: %s", p.log)
	}
	return p, nil
}

// call sends a request and returns the status and the body of the answer.
func (p *process) call(ctx context.Context, method, path, body string) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, answer, err
}

// getJSON gets a path and decodes the answer into v.
func (p *process) getJSON(t testing.TB, path string, v any) {
	t.Helper()
	status, answer, err := p.call(t.Context(), http.MethodGet, path, "")
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s %v", path, status, answer, err)
	}
	if err := json.Unmarshal(answer, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// stop sends a signal and returns how long the process took to end.
func (p *process) stop(t testing.TB, s os.Signal) time.Duration {
	t.Helper()
	start := time.Now()
	if err := send(p.cmd.Process, s); err != nil {
		t.Fatal(err)
	}
	<-p.done
	return time.Since(start)
}
