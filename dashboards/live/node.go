package live

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// startTimeout is the time within which a node, or Prometheus, must have started.
const startTimeout = 30 * time.Second

// Node is a node that runs as a child process.
type Node struct {
	*Process
	URL string // base URL of its API
}

// Addr returns the address on which the node listens, as host:port.
func (n *Node) Addr() string { return strings.TrimPrefix(n.URL, "http://") }

// StartNode runs a command, which must be lode node with its flags, and waits until
// the node reports that it is listening.
func StartNode(ctx context.Context, command ...string) (*Node, error) {
	out, in := io.Pipe()
	cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // Stop ends it
	p, err := start("the node", cmd, in)
	if err != nil {
		return nil, err
	}
	listening := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, rest, ok := strings.Cut(lines.Text(), "listening on "); ok {
				url, _, _ := strings.Cut(rest, " ")
				select {
				case listening <- url:
				default:
				}
			}
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	go func() {
		<-p.done
		_ = in.Close() // ends the goroutine that reads the output
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case url := <-listening:
		return &Node{Process: p, URL: url}, nil
	case <-p.done:
		return nil, fmt.Errorf("the node ended before it listened; it wrote:\n%s", p.Log())
	case <-ctx.Done():
		p.Kill()
		return nil, fmt.Errorf("the node did not start to listen: %w; it wrote:\n%s", context.Cause(ctx), p.Log())
	}
}
