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

// startTimeout bounds the start of a node and of Prometheus.
const startTimeout = 30 * time.Second

// Node is a node in a process of its own.
type Node struct {
	*Process
	URL string // of its API
}

// Addr returns the host and port that the node listens on.
func (n *Node) Addr() string { return strings.TrimPrefix(n.URL, "http://") }

// StartNode runs a command, lode node with its flags, and waits until the node
// listens.
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
		_ = in.Close() // ends the reader
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case url := <-listening:
		return &Node{Process: p, URL: url}, nil
	case <-p.done:
		return nil, fmt.Errorf("the node has ended: %s", p.Log())
	case <-ctx.Done():
		p.Kill()
		return nil, fmt.Errorf("the node does not listen: %w; it wrote:\n%s", context.Cause(ctx), p.Log())
	}
}
