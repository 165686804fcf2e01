package nodestest

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
)

// addWebServer adds a script that answers every request with the page of a web server, of
// which a node sees what page says.
func addWebServer(net *Net, page gossip.NotNode) *nodes.Script {
	s := net.AddScript()
	s.Answer = func(gossip.Request) (gossip.Answer, error) { return nil, page }
	return s
}

// For eight seconds, a proxy in front of an honest node answers every request with a page
// of its own, while both sides find blocks. The node is not banned. It is a peer again
// within ten seconds, has the same chain, and hears of the next block at once.
func TestProxyAnswersForANode(t *testing.T) {
	const back, atOnce = 10 * time.Second, 2 * time.Second
	for _, chosen := range []bool{true, false} {
		t.Run(map[bool]string{true: "chosen", false: "guest"}[chosen], func(t *testing.T) {
			stories(t, many(t, 3), func(t *testing.T, seed uint64) {
				net := begin(t, seed, nodes.Config{Nodes: -1})
				var behind, node *nodes.Node // behind the proxy, and the one that sees its pages
				if chosen {
					behind = net.AddKnowing()
					node = net.AddKnowing(behind.Address())
				} else {
					node = net.AddKnowing()
					behind = net.AddKnowing(node.Address())
				}
				net.Grow(20)
				proxy := addWebServer(net, gossip.NotNode{What: "answered 200 OK with a web page"})
				net.RunFor(30 * time.Second)
				if !arePeers(behind, node) {
					t.Fatal("the nodes are no peers")
				}
				found := func(by *nodes.Node) { by.Put(net.MakeBlock(by, "found")) }

				proxy.ListenAt(behind.Address())
				for range 8 {
					found(behind)
					found(node)
					net.RunFor(time.Second)
				}
				net.Alias(behind, behind.Address())
				found(behind)
				begin := net.Now()
				if !net.RunUntil(back, func() bool { return arePeers(behind, node) && behind.Chain().Tip() == node.Chain().Tip() }) {
					t.Errorf("no peers again %v after the last page, or not at the same tip: %s and %s", back, behind.TipText(), node.TipText())
				}
				t.Logf("the proxy has answered %v; back after %v", proxy.Requests, net.Now()-begin)
				if len(proxy.Requests) == 0 {
					t.Error("the proxy has answered no request")
				}
				if reason := node.Banned(behind.Address()); reason != "" {
					t.Errorf("the node behind the proxy is banned: %s", reason)
				}
				for _, by := range []*nodes.Node{behind, node} {
					found(by)
					net.RunFor(atOnce)
					if behind.Chain().Tip() != node.Chain().Tip() {
						t.Errorf("a block of %s has not come in %v", by, atOnce)
					}
				}
				net.MustBehave(t)
			})
		})
	}
}

// The user connects a node with a server that is no node. The user is told what it is, and
// the server is not called again.
func TestConnectWithNoNode(t *testing.T) {
	stories(t, 2, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 3})
		net.RunFor(10 * time.Second)
		want := gossip.NotNode{What: "answered 404 Not Found with a web page"}
		server := addWebServer(net, want)
		var told []error
		for _, node := range net.Nodes {
			node.ConnectThen(server.Address(), func(err error) { told = append(told, err) })
		}
		net.RunFor(5 * time.Second)
		if len(told) != len(net.Nodes) {
			t.Fatalf("%d of %d clients were told an outcome", len(told), len(net.Nodes))
		}
		for _, err := range told {
			var got gossip.NotNode
			if !errors.As(err, &got) || got != want {
				t.Errorf("the client is told %q, want %q", err, want)
			}
		}
		first := maps.Clone(server.Requests)
		if first["hello"] != len(net.Nodes) {
			t.Errorf("the server was called for %v, want a hello of each node", first)
		}
		net.RunFor(time.Minute)
		if !maps.Equal(server.Requests, first) {
			t.Errorf("the server is called again: %v after %v", server.Requests, first)
		}
		net.MustBehave(t)
	})
}
