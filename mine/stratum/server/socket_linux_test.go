//go:build linux && (amd64 || arm64)

package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// outsideVariable has what TestMinersOutside shall do: the network, the address, the file
// of a certificate and the number of connections, separated by spaces.
const outsideVariable = "LODE_TEST_MINERS_OUTSIDE"

// outsideLogin is what each of these miners says, with as many workers as a session may
// have, all with the longest names.
func outsideLogin(i int) string {
	login := `{"id":1,"method":"mining.subscribe","params":[]}` + "\n"
	for n := range (Limits{}).withDefaults().Names {
		worker := fmt.Sprintf("%d.%d.", i, n)
		worker += strings.Repeat("x", maxName-len(worker))
		login += fmt.Sprintf(`{"id":3,"method":"mining.authorize","params":[%q]}`+"\n", worker)
	}
	return login
}

// TestMinersOutside is a process with the miners' ends of connections, so that these are
// not counted as memory of the server. It does nothing in other runs. It does what the
// words on its standard input say, and ends when there are no more.
func TestMinersOutside(t *testing.T) {
	var network, address, file string
	var n int
	if _, err := fmt.Sscan(os.Getenv(outsideVariable), &network, &address, &file, &n); err != nil {
		return
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if network == "tls" {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		config.RootCAs.AppendCertsFromPEM(text)
	}
	conns := make([]net.Conn, n)
	for i := range conns {
		var err error
		if network == "tls" {
			conns[i], err = (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
		} else {
			conns[i], err = (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		}
		if err != nil {
			t.Fatal(err)
		}
		send(t, conns[i], outsideLogin(i))
		go drain(conns[i])
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		for _, conn := range conns {
			switch in.Text() {
			case "record": // TLS has records of up to 16 KiB
				send(t, conn, strings.Repeat(`{"id":4,"method":"mining.ping","params":[]}`+"\n", 16<<10/44))
			case "half": // a line that has not ended
				send(t, conn, `{"id":"`+strings.Repeat("x", (Limits{}).withDefaults().Line-7))
			case "deaf": // drain ends
				if err := conn.SetReadDeadline(time.Now()); err != nil {
					t.Fatal(err)
				}
			}
		}
		fmt.Println(in.Text())
	}
}

// A session that is full in every way costs at most its bound over TCP. Over TLS its miner
// sends a record of the greatest length before, and 16 KiB more are allowed for the buffer
// of that record. Only the server's ends are in this process. What the system keeps for a
// connection is bounded by the buffers that the server asks for: it is least while the miner
// takes what is sent, and never more than the bound of the buffers, however long the miner
// takes nothing.
func TestMemoryOfConnections(t *testing.T) {
	cert, file := ownCertificate(t)
	for _, network := range []string{"tcp", "tls"} {
		t.Run(network, func(t *testing.T) { connections(t, network, cert, file) })
	}
}

// mostEncrypted is the memory that a session may cost whose miner has sent the longest
// records of TLS. A connection of crypto/tls keeps the buffer of the longest record.
const mostEncrypted = mostSession + 16<<10

func connections(t *testing.T, network string, cert tls.Certificate, file string) {
	const sessions = 60
	source := newTestSource(testWork("a"))
	limits := Limits{LineTime: 5 * time.Minute, Write: 5 * time.Minute, Handshake: 5 * time.Minute}
	s, err := New(Config{Source: ownCoinbases{source}, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if network == "tls" {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	var writers sync.WaitGroup
	t.Cleanup(writers.Wait) // after the server has ended
	run(t, s, l)
	before := memory()
	tell := minersOutside(t, fmt.Sprint(network, " ", address, " ", file, " ", sessions))
	until(t, "all sessions have a job", func() bool { return len(s.all()) == sessions && allHave(s, "a") })
	until(t, "all workers are authorized", func() bool { return s.Stats().Workers == sessions*s.limits.Names })
	fresh := (memory() - before) / sessions
	idle := worst(t, s, systemMemory)

	for i := range keptJobs {
		name := fmt.Sprint("newer ", i)
		source.post(testWork(name), true)
		until(t, "all sessions have the newest job", func() bool { return allHave(s, name) })
	}
	for _, session := range s.all() {
		session.fill(t, false)
	}
	tell("record")
	tell("half") // of a line
	until(t, "the server has read everything", func() bool { return worst(t, s, inQueue) == 0 })
	full := (memory() - before) / sessions
	most := int64(mostSession)
	if network == "tls" {
		most = mostEncrypted
	}

	tell("deaf")
	var written atomic.Int64
	for _, session := range s.all() {
		writers.Go(func() {
			for session.write(make([]byte, 1024)) == nil { // as if it were a job
				written.Add(1)
			}
		})
	}
	for last := int64(-1); written.Load() != last; time.Sleep(500 * time.Millisecond) {
		last = written.Load()
	}
	stalled := worst(t, s, systemMemory)
	// The documents quote this line.
	t.Logf("%s: a fresh session costs %d bytes, a full one %d; the system keeps at most %d bytes of an idle one, and %d of one whose miner takes nothing",
		network, fresh, full, idle, stalled)
	if full > most {
		t.Errorf("a full session costs %d bytes, want at most %d", full, most)
	}
	if most := 2 * (systemRead + systemWrite); stalled > most {
		t.Errorf("the system keeps %d bytes of a session, want at most %d", stalled, most)
	}
}

// allHave reports whether the latest job of every session is of the work.
func allHave(s *Server, work string) bool {
	for _, session := range s.all() {
		session.mu.Lock()
		j := session.lastJob()
		has := j != nil && strings.HasPrefix(j.work.ID, work+"/") // ownCoinbases adds the name of the miner
		session.mu.Unlock()
		if !has {
			return false
		}
	}
	return true
}

// minersOutside starts the process of TestMinersOutside. The function that it returns says
// a word to it and waits until it has answered.
func minersOutside(t *testing.T, what string) (tell func(word string)) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestMinersOutside$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), outsideVariable+"="+what)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // the process ends
		_ = cmd.Wait()
	})
	answers := bufio.NewReader(out)
	return func(word string) {
		t.Helper()
		if _, err := io.WriteString(in, word+"\n"); err != nil {
			t.Fatal(err)
		}
		if answer, err := answers.ReadString('\n'); err != nil || answer != word+"\n" {
			t.Fatalf("the miners outside say %q, %v", answer, err)
		}
	}
}

// until polls until the condition holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after five minutes: %s", what)
		}
	}
}

// memInfo is what SO_MEMINFO tells about a socket, in bytes (linux/sock_diag.h).
type memInfo struct{ Read, ReadMost, Sent, WriteMost, Reserved, Written, Options, Backlog, Drops uint32 }

func inQueue(m memInfo) int      { return int(m.Read) }
func systemMemory(m memInfo) int { return int(m.Read + m.Written + m.Reserved + m.Options) }

// worst returns the greatest value among the connections of all sessions.
func worst(t *testing.T, s *Server, value func(memInfo) int) int {
	t.Helper()
	greatest := 0
	for _, session := range s.all() {
		conn := session.conn
		if secure, ok := conn.(*tls.Conn); ok {
			conn = secure.NetConn()
		}
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var m memInfo
		size := uint32(unsafe.Sizeof(m))
		var errno syscall.Errno
		if err := raw.Control(func(fd uintptr) {
			const soMemInfo = 55
			_, _, errno = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, soMemInfo,
				uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&size)), 0)
		}); err != nil {
			t.Fatal(err)
		}
		if errno != 0 {
			t.Fatal(errno)
		}
		greatest = max(greatest, value(m))
	}
	return greatest
}

// ownCertificate returns a certificate for 127.0.0.1, and a file with it.
func ownCertificate(t *testing.T) (cert tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
