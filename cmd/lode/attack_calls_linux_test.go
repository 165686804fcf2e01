package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// Ports of the services on the machine of a node, at each of its addresses.
const (
	rawPort    = 6379 // a service that does not speak HTTP
	webPort    = 6380 // a server of web pages
	closedPort = 6381 // nobody listens there
)

// trap notes at which of the machine's addresses its services are called.
type trap struct {
	mu    sync.Mutex
	calls map[string]int
}

// serve answers whatever comes with a text, and closes the connection.
func (tr *trap) serve(l net.Listener, text string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		host, _, _ := net.SplitHostPort(conn.LocalAddr().String())
		tr.mu.Lock()
		tr.calls[host]++
		tr.mu.Unlock()
		go func() {
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(time.Second))
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, text)
		}()
	}
}

func (tr *trap) called() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var list []string
	for host, n := range tr.calls {
		list = append(list, fmt.Sprintf("%s %d times", host, n))
	}
	slices.Sort(list)
	return list
}

// victim is a machine with a node, and with a service at several inner addresses.
func (a arena) victim(cidr string) (*process, *trap) {
	a.t.Helper()
	m := a.machine(cidr, "10.9.9.9/32", "10.9.9.1/32", "10.9.9.2/32", "10.9.9.3/32", "10.9.9.4/32", "10.9.9.5/32", "10.9.9.6/32", "172.16.9.9/32", "192.168.9.9/32", "100.64.9.9/32", "fd00::9/128")
	m.names("127.0.0.1 localhost\n127.0.0.1 inner.example\n192.168.9.9 intranet.example\n")
	tr := &trap{calls: map[string]int{}}
	go tr.serve(m.listen(fmt.Sprintf(":%d", rawPort)), "-ERR wrong number of arguments\r\n")
	go tr.serve(m.listen(fmt.Sprintf(":%d", webPort)), "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\nConnection: close\r\n\r\n<p>Printer</p>")
	return m.start(), tr
}

// forbidden are the hosts at which nobody from outside may make a node call that has a
// public address. A node whose address is private may call the first one.
var forbidden = []string{
	"10.9.9.9", "127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]", "localhost", "inner.example", "intranet.example",
	"172.16.9.9", "192.168.9.9", "100.64.9.9", "[fd00::9]", "0.0.0.0", "[::]", "169.254.169.254",
}

// attackByCalls: anybody makes a node call addresses on its own network, and tells by
// its answers what is there.
func attackByCalls(a arena) {
	for _, variant := range []struct {
		name, cidr, from string
		hosts            []string
	}{
		{"a node with a public address", "45.77.0.1/8", "45.99.%d.1", forbidden},
		{"a node with an address in 10/8", "10.77.0.9/8", "10.99.%d.2", slices.DeleteFunc(slices.Clone(forbidden), func(host string) bool {
			return host == "10.9.9.9" || strings.HasPrefix(host, "172.") || strings.HasPrefix(host, "192.168.") || host == "intranet.example"
		})},
	} {
		n, tr := a.victim(variant.cidr)
		var mu sync.Mutex
		var differ []string
		worst := time.Duration(0)
		ips := a.ips(5, variant.from) // so that none sends too many hellos
		runConcurrently(len(ips), func(i int) {
			client := clientFrom(ips[i], 10*time.Second, true)
			for k := i; k < len(variant.hosts); k += len(ips) {
				said, slowest := a.probe(client, n.url, variant.hosts[k])
				mu.Lock()
				if worst = max(worst, slowest); said != "" {
					differ = append(differ, variant.hosts[k]+": "+said)
				}
				mu.Unlock()
			}
		})
		time.Sleep(time.Second)
		calls := tr.called()
		a.measured(len(calls) == 0 && len(differ) == 0 && worst < time.Second, "hellos that claim inner addresses, "+variant.name, "calls all of them, and its second answer tells", "calls none, equal answers",
			"called: %v; answers differ: %v; slowest %v", calls, differ, worst.Round(time.Millisecond))
	}

	// Addresses of the node's own kind may be called, but the answers tell nothing.
	n, tr := a.victim("10.77.0.10/8")
	kinds := []string{"raw", "web", "nobody", "no machine"}
	places := []string{"http://10.9.9.%d:6379", "http://10.9.9.%d:6380", "http://10.9.9.%d:6381", "http://10.200.200.%d:6379"}
	said := make([]string, len(kinds))
	took := make([]time.Duration, len(kinds))
	ips := a.ips(len(kinds), "10.98.%d.1")
	runConcurrently(len(kinds), func(k int) {
		client := clientFrom(ips[k], 10*time.Second, true)
		for round := range 3 {
			for i := range 6 {
				address := fmt.Sprintf(places[k], 1+i)
				status, answer, d := sayHello(a.t.Context(), client, n.url, a.hello(address))
				took[k] = max(took[k], d)
				said[k] += fmt.Sprintf("%d/%d ", status, len(strings.ReplaceAll(answer, address, "")))
				wait(a.t.Context(), 50*time.Millisecond)
			}
			wait(a.t.Context(), time.Duration(1+round)*time.Second)
		}
	})
	var differ []string
	for k := range kinds {
		if said[k] != said[0] {
			differ = append(differ, fmt.Sprintf("%s %s but %s %s", kinds[0], said[0], kinds[k], said[k]))
		}
	}
	a.measured(len(differ) == 0 && slices.Max(took) < time.Second, "hellos that claim addresses of the node's own kind", "403 or 200", "equal answers, no wait",
		"answers differ: %q; slowest %v; called %v", differ, slices.Max(took).Round(time.Millisecond), tr.called())
}

// probe claims an address three times, with time between for the node to call there,
// once for each of the ports. It returns "" if the answers were equal for all ports,
// or else the answers, and how long the slowest answer took.
func (a arena) probe(client *http.Client, url, host string) (differ string, slowest time.Duration) {
	ports := []int{rawPort, webPort, closedPort}
	said := make([]string, len(ports))
	took := make([]time.Duration, len(ports))
	runConcurrently(len(ports), func(k int) {
		// The node knows addresses in their canonical form alone.
		address, err := gossip.ParseAddress(fmt.Sprintf("http://%s:%d", host, ports[k]))
		if err != nil {
			panic(err)
		}
		for range 3 {
			status, answer, d := sayHello(a.t.Context(), client, url, a.hello(string(address)))
			took[k] = max(took[k], d)
			// The answer may repeat the port.
			said[k] += fmt.Sprintf("%d/%d ", status, len(strings.ReplaceAll(answer, fmt.Sprint(ports[k]), "")))
			wait(a.t.Context(), 100*time.Millisecond)
		}
	})
	slowest = slices.Max(took)
	if said[0] == said[2] && said[1] == said[2] {
		return "", slowest
	}
	return fmt.Sprintf("raw %s, web %s, nobody %s", said[0], said[1], said[2]), slowest
}

// attackByClientsCalls: a client on another machine, without a token, registers
// addresses on the network of the node.
func attackByClientsCalls(a arena) {
	t := a.t
	// One address for each three calls that are compared, because the node checks at most
	// four nodes at a time for one address, and tells the next client that it is busy.
	from := a.ips(2*len(forbidden), "45.99.0.%d")
	n, tr := a.victim("45.77.0.2/8")
	var mu sync.Mutex
	var differ []string
	worst := time.Duration(0)
	runConcurrently(8, func(worker int) {
		for i := worker; i < 2*len(forbidden); i += 8 {
			path, host := [...]string{"/register_with", "/register_node"}[i%2], forbidden[i/2]
			var said [3]string
			runConcurrently(len(said), func(k int) {
				port := rawPort + k
				begin := time.Now()
				status, answer := registerFrom(t.Context(), from[i], n, path, fmt.Sprintf("http://%s:%d", host, port))
				said[k] = fmt.Sprintf("%d %.200s", status, strings.ReplaceAll(answer, fmt.Sprint(port), "PORT"))
				mu.Lock()
				worst = max(worst, time.Since(begin))
				mu.Unlock()
			})
			if path == "/register_with" && (said[0] != said[2] || said[1] != said[2]) {
				mu.Lock()
				differ = append(differ, fmt.Sprintf("%s: %q", host, said))
				mu.Unlock()
			}
		}
	})
	calls := tr.called()
	a.measured(len(calls) == 0 && len(differ) == 0, "/register_with and /register_node from another machine", "calls all of them", "calls none, equal answers",
		"called: %v; answers differ: %v; slowest %v", calls, differ, worst.Round(time.Millisecond))
}

// attackByOtherServers: clients register servers that are no nodes.
func attackByOtherServers(a arena) {
	t := a.t
	ip := a.ips(1, "10.80.0.%d")[0]
	var mu sync.Mutex
	var calls []time.Time
	counted := func(h http.HandlerFunc) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			calls = append(calls, time.Now())
			mu.Unlock()
			h(w, r)
		})
	}
	web := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<!doctype html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n")
	}
	// An original node answers /chain like this, and knows nothing of the routes for nodes.
	original := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/chain" {
			web(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `{"length": 1, "chain": [{"index": 0, "transactions": [], "timestamp": 0, "previous_hash": "0", "nonce": 0, "hash": "ab1cdbd2a1fd06d1a4bca0db3a2f4e5e1b2c8ba3ab0c7f8e6f1d2c3b4a596877"}], "peers": []}`)
	}
	serve(t, listen(t, ip+":5000"), counted(original))
	serve(t, listen(t, ip+":8080"), counted(web))
	// A node that listens on the loopback alone, which a port of its machine leads to.
	deaf := a.machine("10.77.0.11/8")
	deaf.run("--listen", "127.0.0.1:8000")
	forward(deaf.listen("10.77.0.11:8001"), deaf, "127.0.0.1:8000")

	// Only who knows the token is told what was found.
	const token = "sesame"
	n := a.machine("10.78.0.11/8").start("--token", token)
	var said [3]string
	urls := []string{"http://" + ip + ":5000", "http://" + ip + ":8080", "http://10.77.0.11:8001"}
	runConcurrently(3, func(i int) {
		status, answer := registerFrom(t.Context(), clientIP, n, "/register_with", urls[i], "Authorization", "Bearer "+token)
		said[i] = fmt.Sprintf("%d %s", status, answer)
		if i < 2 {
			_, _ = registerFrom(t.Context(), clientIP, n, "/register_node", urls[i], "Authorization", "Bearer "+token)
		}
	})
	a.measured(strings.Contains(said[0], "original") || strings.Contains(said[0], "tutorial"), "/register_with to an original tutorial node", "unreachable: answered 404", "says what it is", "%s", said[0])
	a.measured(strings.Contains(said[1], "no node"), "/register_with to a web server", "unreachable: answered 404", "says in a sentence that it is no node", "%s", said[1])
	a.measured(strings.Contains(said[2], "--advertise"), "/register_with to a node that is called by a wrong name", "the advice is lost", "its own advice reaches the user", "%s", said[2])

	mu.Lock()
	first := len(calls)
	mu.Unlock()
	from := time.Now()
	if a.full {
		time.Sleep(20 * time.Second)
	}
	mu.Lock()
	later := len(calls) - first
	mu.Unlock()
	a.measured(later == 0, "calls of these servers afterwards", "every 15 s for ever", "none", "%d calls at first, %d in the %v after", first, later, since(from).Round(time.Second))
}

// forward passes connections to an address of a machine.
func forward(l net.Listener, m *machine, to string) {
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			m.do(func() error {
				inner, err := (&net.Dialer{}).DialContext(m.hub.t.Context(), "tcp", to)
				if err == nil {
					go func() { _, _ = io.Copy(inner, conn); _ = inner.Close() }()
					go func() { _, _ = io.Copy(conn, inner); _ = conn.Close() }()
				}
				return err
			})
		}
	}()
}

// attackByFlags looks at what a node says when it starts.
func attackByFlags(a arena) {
	t := a.t
	start := func(m *machine, flags ...string) (out string, err error) {
		cmd := exec.Command(m.hub.command, append([]string{"node", "--data", t.TempDir()}, flags...)...) //nolint:gosec,noctx // this test binary
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		var text lockedBuffer
		cmd.Stdout, cmd.Stderr = &text, &text
		m.do(cmd.Start)
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case err = <-done:
		case <-time.After(2 * time.Second):
			_ = cmd.Process.Signal(syscall.SIGTERM)
			err = <-done
		}
		return text.String(), err
	}
	m := a.machine("10.77.0.12/8", "fd77::12/128", "45.9.9.9/32")
	for _, address := range []string{"http://0.0.0.0:8000", "http://[::]:8000"} {
		out, err := start(m, "--listen", "0.0.0.0:8000", "--advertise", address)
		a.measured(err != nil && strings.Contains(out, "--advertise"), "--advertise "+address, "mines alone, without a word", "refused at the start", "error %v: %.150s", err, strings.TrimSpace(out))
	}
	out, err := start(m, "--listen", "0.0.0.0:8000", "--advertise", m.url())
	all := err == nil
	for _, ip := range []string{"10.77.0.12", "45.9.9.9", "fd77::12"} {
		all = all && strings.Contains(strings.ReplaceAll(out, "--advertise", ""), ip)
	}
	a.measured(all, "--listen 0.0.0.0", "does not say that IPv6 is open too", "says all addresses at the start", "said %.400s", strings.ReplaceAll(strings.TrimSpace(out), "\n", " "))
}

// attackByNextAddress: a banned peer comes again, from the next address of its IPv6
// network, or at another port under a name.
func attackByNextAddress(a arena) {
	t := a.t
	a.plug("fd77:1::1/16", "fd77:1::2/16", "fd77:1:0:0:ffff::3/16", "fd77:2::1/16", "10.69.0.1/8", "10.69.0.2/8")
	for _, variant := range []struct {
		what, cidr, ip, host, next, nextHost, other string
	}{
		{"a ban of an IPv6 address", "fd77:7::1/16", "fd77:1::1", "", "fd77:1:0:0:ffff::3", "[fd77:1::ffff:0:0:3]", "fd77:2::1"},
		{"a ban of a peer that advertises a name", "10.77.0.13/8", "10.69.0.1", "evil.example", "10.69.0.1", "10.69.0.1", "10.69.0.2"},
	} {
		m := a.machine(variant.cidr)
		m.names("10.69.0.1 evil.example\n10.69.0.1 other.example\n")
		n := m.run("--listen", "[::]:8000", "--advertise", m.url())
		c := newCast(t)
		guilty := all(oversize)
		guilty.host = variant.host
		a.peer(c, guilty, variant.ip, n.url)
		client := clientFrom(variant.next, 5*time.Second, true)
		address := "http://" + variant.nextHost + ":9001"
		if strings.HasPrefix(variant.next, "fd") {
			address = "http://[" + variant.next + "]:9001"
		}
		parsed, err := gossip.ParseAddress(address)
		if err != nil {
			t.Fatal(err)
		}
		banned := func(client *http.Client, address string) (string, bool) {
			status, answer, _ := sayHello(t.Context(), client, n.url, a.hello(address))
			return fmt.Sprintf("%d %.80s", status, strings.TrimSpace(answer)), status == http.StatusForbidden && strings.Contains(answer, "banned")
		}
		said := ""
		_, ok := until(5*time.Second, func() (ok bool) {
			time.Sleep(100 * time.Millisecond)
			said, ok = banned(client, string(parsed))
			return ok
		})
		innocent, wrong := banned(clientFrom(variant.other, 5*time.Second, true), "http://"+net.JoinHostPort(variant.other, "9001"))
		a.measured(ok && !wrong, variant.what, "evaded by the next address or port", "the next one is banned, others are not", "next: %s; another: %.60s", said, innocent)
		c.end()
	}
}
