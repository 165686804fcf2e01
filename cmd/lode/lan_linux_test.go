package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ranInNewNetwork runs the calling test once more in a child process with a new,
// empty network namespace, and returns true when that process has ended. In the
// child process it returns false, and the test goes on. Interfaces and bridges that
// the child creates disappear with its namespace, however the child ends.
func ranInNewNetwork(t *testing.T) bool {
	const inside = "LODE_TEST_NETWORK"
	if os.Getenv(inside) != "" {
		return false
	}
	why := func() string {
		if os.Geteuid() != 0 {
			return "it needs root"
		}
		for _, tool := range []string{"ip", "nsenter", "nice"} {
			if _, err := exec.LookPath(tool); err != nil {
				return "it needs " + tool + " (iproute2, util-linux, coreutils)"
			}
		}
		probe := exec.CommandContext(t.Context(), "ip", "link", "add", "name", "left", "type", "bridge")
		probe.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		if out, err := probe.CombinedOutput(); err != nil {
			return fmt.Sprintf("it needs network namespaces and bridges: %v: %s", err, out)
		}
		return ""
	}()
	if why != "" {
		t.Skip("NOT TESTED: processes in network namespaces: " + why)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// What follows a slash in -run selects among the subtests of the calling test.
	_, parts, _ := strings.Cut(flag.Lookup("test.run").Value.String(), "/")
	limit := 30 * time.Minute
	if end, ok := t.Deadline(); ok { // the child ends first, so that it can say what took so long
		limit = max(time.Second, min(limit, time.Until(end)-5*time.Second))
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$/"+parts, "-test.v", "-test.timeout="+limit.String())
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	t.Logf("in a new network namespace:\n%s", out)
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("in a new network namespace: %v", err)
	}
	return true
}

// lan is a network of two switches, left and right, that a cable connects. Each node
// runs in a network namespace and is plugged into one of the switches. The other
// nodes reach node i at 10.77.0.i. The test reaches it at 10.77.1.i on the left or
// 10.77.2.i on the right, even while the cable is cut.
type lan struct {
	t       *testing.T
	command string // path of the lode command
}

func newLAN(t *testing.T) *lan {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &lan{t, filepath.Join(t.TempDir(), "lode")}
	if err := os.Symlink(self, l.command); err != nil {
		t.Fatal(err)
	}
	l.ip(`link set lo up
link add name left address 02:00:00:00:01:01 type bridge
link add name right address 02:00:00:00:01:02 type bridge
link add name cable-left type veth peer name cable-right
link set cable-left master left
link set cable-right master right
address add 10.77.1.100/24 dev left
address add 10.77.2.100/24 dev right
link set left up
link set right up`)
	l.join()
	return l
}

// ip runs ip(8) with a batch of commands, in the network namespace of the process
// whose id is given, or else of this process.
func (l *lan) ip(commands string, in ...int) {
	l.t.Helper()
	args := []string{"ip", "-batch", "-"}
	for _, pid := range in {
		args = append([]string{"nsenter", "--net", "--target", strconv.Itoa(pid)}, args...)
	}
	cmd := exec.CommandContext(l.t.Context(), args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(commands + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("ip: %v: %s", err, out)
	}
}

func (l *lan) join() { l.ip("link set cable-left up\nlink set cable-right up") }
func (l *lan) cut()  { l.ip("link set cable-left down") }

// address returns where the other nodes reach node i.
func (l *lan) address(i int) string { return fmt.Sprintf("http://10.77.0.%d:8000", i) }

// start starts node i on one of the switches. The node runs at lower priority, so
// that the test itself gets the CPU when it needs it.
func (l *lan) start(i int, right bool, flags ...string) *process {
	l.t.Helper()
	side, name := 1, "left"
	if right {
		side, name = 2, "right"
	}
	args := append([]string{
		"-n", "10", l.command, "node", "--data", l.t.TempDir(), "--listen", "0.0.0.0:8000", "--advertise", l.address(i),
	}, flags...)
	cmd := exec.Command("nice", args...) //nolint:gosec,noctx // the command is this test binary, and the tests end it with signals
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	p, err := startProcess(cmd)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(p.kill)
	p.url = fmt.Sprintf("http://10.77.%d.%d:8000", side, i)
	pid := p.cmd.Process.Pid
	l.ip(fmt.Sprintf("link add name node%d type veth peer name eth0 netns %d\nlink set node%d master %s up", i, pid, i, name))
	l.ip(fmt.Sprintf("link set lo up\nlink set eth0 up\naddress add 10.77.0.%d/24 dev eth0\naddress add 10.77.%d.%d/24 dev eth0", i, side, i), pid)
	return p
}
