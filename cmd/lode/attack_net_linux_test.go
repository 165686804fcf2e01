package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hub is a network of one switch. Each machine on it has a network namespace of its
// own. The test itself is plugged in as well: it plays the attackers, the honest
// clients and whatever else a story needs, each at an IP address of its own.
type hub struct {
	t        testing.TB
	command  string // path of the lode command
	machines *int   // so far
}

// clientIP is the address of the honest clients, and the one from which the test
// calls if it names no other.
const clientIP = "10.99.0.1"

func newHub(t testing.TB) *hub {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{t: t, command: filepath.Join(t.TempDir(), "lode"), machines: new(int)}
	if err := os.Symlink(self, h.command); err != nil {
		t.Fatal(err)
	}
	// A bridge without a hardware address of its own takes over the lowest one of its
	// ports, whenever a machine comes or goes. The other machines would then send to
	// the former one until they ask again, which takes some ten seconds.
	h.ip("link set lo up\nlink add name hub address 02:00:00:00:00:01 type bridge\nlink set hub up")
	h.plug(clientIP + "/8")
	return h
}

// ip runs ip(8) with a batch of commands.
func (h *hub) ip(commands string) {
	h.t.Helper()
	if err := ip(h.t.Context(), commands); err != nil {
		h.t.Fatal(err)
	}
}

func ip(ctx context.Context, commands string) error {
	cmd := exec.CommandContext(ctx, "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(commands + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip: %w: %s", err, out)
	}
	return nil
}

// plug gives the test further addresses, each with the length of its network, such as
// 10.66.0.1/8.
func (h *hub) plug(cidrs ...string) {
	h.t.Helper()
	h.ip(addressCommands("hub", cidrs))
}

// addressCommands returns commands that give addresses to a device. IPv6 addresses
// can be used at once, without the wait in which the kernel looks for duplicates.
func addressCommands(device string, cidrs []string) string {
	var lines []string
	for _, c := range cidrs {
		line := "address replace " + c + " dev " + device
		if strings.Contains(c, ":") {
			line += " nodad"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// ips returns the addresses format(1) to format(n), after it has plugged them in.
func (h *hub) ips(n int, format string) []string {
	h.t.Helper()
	var ips, cidrs []string
	for i := range n {
		ip := fmt.Sprintf(format, i+1)
		ips, cidrs = append(ips, ip), append(cidrs, ip+"/8")
	}
	h.plug(cidrs...)
	return ips
}

// machine is a machine on the hub. Whatever runs there, runs on one thread of the
// test, which lives in the machine's namespaces until the test ends. The kernel kills
// the processes that the thread has started when the thread ends.
type machine struct {
	hub  *hub
	ip   string
	data string // folder of the node that runs here
	work chan func()
}

// machine adds a machine with the given addresses. Others reach it at the first one.
// Further addresses are given to its loopback device, so that only programs on this
// machine reach them.
func (h *hub) machine(cidr string, inside ...string) *machine {
	h.t.Helper()
	address, _, _ := strings.Cut(cidr, "/")
	m := &machine{hub: h, ip: address, data: h.t.TempDir(), work: make(chan func())}
	began := make(chan error)
	thread := 0
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with the goroutine
		thread = syscall.Gettid()
		err := syscall.Unshare(syscall.CLONE_NEWNET | syscall.CLONE_NEWNS)
		if err == nil {
			err = syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
		}
		began <- err
		for f := range m.work {
			f()
		}
	}()
	if err := <-began; err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { close(m.work) })
	*h.machines++
	name := fmt.Sprintf("machine%d", *h.machines)
	h.ip(fmt.Sprintf("link add name %s type veth peer name eth0 netns %d\nlink set %s master hub up", name, thread, name))
	m.do(func() error {
		return ip(h.t.Context(), "link set lo up\nlink set eth0 up\n"+addressCommands("eth0", []string{cidr})+"\n"+addressCommands("lo", inside))
	})
	return m
}

// do runs f on the machine and fails the test if it returns an error.
func (m *machine) do(f func() error) {
	m.hub.t.Helper()
	done := make(chan error)
	m.work <- func() { done <- f() }
	if err := <-done; err != nil {
		m.hub.t.Fatal(err)
	}
}

// names makes the machine resolve names: lines are those of /etc/hosts.
func (m *machine) names(lines string) {
	m.hub.t.Helper()
	file := filepath.Join(m.hub.t.TempDir(), "hosts")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		m.hub.t.Fatal(err)
	}
	m.do(func() error { return syscall.Mount(file, "/etc/hosts", "", syscall.MS_BIND, "") })
}

// url returns where other nodes reach a node on this machine.
func (m *machine) url() string { return "http://" + net.JoinHostPort(m.ip, "8000") }

// start starts a node that listens on all addresses of the machine and advertises the
// one on the hub. If it is started again, it goes on with the same data.
func (m *machine) start(flags ...string) *process {
	m.hub.t.Helper()
	return m.run(append([]string{"--listen", "0.0.0.0:8000", "--advertise", m.url()}, flags...)...)
}

// run starts a node with these flags alone.
func (m *machine) run(flags ...string) *process {
	m.hub.t.Helper()
	args := append([]string{"node", "--difficulty", "1", "--data", m.data}, flags...)
	return m.startCommand(exec.Command(m.hub.command, args...)) //nolint:gosec,noctx // the command is this test binary, and the tests end it with signals
}

// startCommand starts a command that runs a node.
func (m *machine) startCommand(cmd *exec.Cmd) *process {
	m.hub.t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var p *process
	m.do(func() (err error) {
		p, err = startProcess(cmd)
		return err
	})
	m.hub.t.Cleanup(p.kill)
	p.url = m.url()
	return p
}

// listen listens on the machine itself.
func (m *machine) listen(address string) net.Listener {
	m.hub.t.Helper()
	var l net.Listener
	m.do(func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(m.hub.t.Context(), "tcp", address)
		return err
	})
	m.hub.t.Cleanup(func() { _ = l.Close() })
	return l
}

// serve serves HTTP at an address of the test, or on a listener of a machine, until
// the test ends. What the handler gets to know is the handler's affair.
func serve(t testing.TB, l net.Listener, h http.Handler) {
	t.Helper()
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
}

func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// clientFrom returns a client that calls from an address of the test, on a new
// connection for each request if fresh is set.
func clientFrom(ip string, timeout time.Duration, fresh bool) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{DialContext: dialFrom(ip), DisableKeepAlives: fresh}}
}

// until waits until ok returns true, at most for the given time, and returns how long
// that took.
func until(limit time.Duration, ok func() bool) (took time.Duration, done bool) {
	begin := time.Now()
	for {
		if ok() {
			return time.Since(begin), true
		}
		if time.Since(begin) > limit {
			return time.Since(begin), false
		}
		time.Sleep(20 * time.Millisecond)
	}
}
