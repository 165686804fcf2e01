package browsertest

import (
	"bufio"
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lodepow/lode/node"
)

// python returns a Python that has Flask and requests, or skips the test.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import flask, requests").Run() == nil {
			return name
		}
	}
	t.Skip("NOT TESTED: there is no Python with Flask and requests (Debian: apt-get install python3-flask python3-requests)")
	return ""
}

// startFrontEnd starts a front-end that differs from that in testdata, or from that in the
// folder LODE_FRONT_END, in its setting of the node's address alone. It returns its URL.
func startFrontEnd(t *testing.T, address string) string {
	t.Helper()
	program := python(t)
	folder := t.TempDir()
	source := filepath.Join(cmp.Or(os.Getenv("LODE_FRONT_END"), filepath.Join("testdata", "frontend")), "app")
	if err := os.CopyFS(filepath.Join(folder, "app"), os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	views := filepath.Join(folder, "app", "views.py")
	text, err := os.ReadFile(views)
	if err != nil {
		t.Fatal(err)
	}
	setting := regexp.MustCompile(`(?m)^CONNECTED_NODE_ADDRESS = ".*"$`)
	if n := len(setting.FindAll(text, -1)); n != 1 {
		t.Fatalf("%s sets the address of the node %d times, want once", filepath.Join(source, "views.py"), n)
	}
	text = setting.ReplaceAllLiteral(text, []byte(`CONNECTED_NODE_ADDRESS = "`+address+`"`))
	if err := os.WriteFile(views, text, 0o600); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program, "-m", "flask", "run", "--port", "0", "--no-reload", "--no-debugger")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "FLASK_APP=app", "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found, ended := make(chan string, 1), make(chan struct{})
	var log strings.Builder // complete when ended is closed
	go func() {
		defer close(ended)
		running := regexp.MustCompile(`Running on (http://127\.0\.0\.1:[0-9]+)`)
		for lines := bufio.NewScanner(said); lines.Scan(); {
			log.WriteString(lines.Text() + "\n")
			if m := running.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case found <- m[1]:
				default: // it says so again
				}
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("the front-end says:\n%s", &log)
		}
	})
	select {
	case url := <-found:
		return url
	case <-ended:
		t.Fatal("the front-end has ended before it served")
	}
	return ""
}

// testFrontEnd uses a node through the page of another server, the front-end of the tutorial
// that this project began with: post, follow the link to /mine, look again. The post is
// then on the page of a second node, too.
func testFrontEnd(t *testing.T, b *browser) {
	one, two := startNode(t, node.Config{}), startNode(t, node.Config{})
	connect(t, one, two)
	url := startFrontEnd(t, one.url)
	p, there := b.open(tabOptions{}), b.open(tabOptions{})
	there.goTo(two.url + "/")
	for i, text := range []string{"written in another front-end", "<b>the second</b> & \u202e𝄞"} {
		p.goTo(url + "/")
		p.fill(`form[action="/submit"] [name=author]`, "ann")
		p.fill(`form[action="/submit"] [name=content]`, text)
		p.click(`form[action="/submit"] [type=submit]`)
		eventually(t, "the post waits", func() bool {
			s, err := one.Status(t.Context())
			return err == nil && s.Mempool.Transactions == 1
		})
		p.until("the page is there again", "location.pathname === '/' && document.readyState === 'complete'")
		if strings.Contains(p.text("body"), text) {
			t.Errorf("the front-end shows the post %q before it is mined", text)
		}
		p.click(`a[href="` + one.url + `/mine"]`) // opens in another tab
		eventually(t, "the post is mined", func() bool {
			s, err := one.Status(t.Context())
			return err == nil && s.Height == int64(i+1)
		})
		p.click(`a[href="/"]`)
		p.waitText("body", text)
		there.until("the post is on the other node's page", "document.querySelectorAll("+quote(minedPost)+").length === "+string(rune('1'+i)))
	}
	if posts := strings.Index(p.text("body"), "the second"); posts < 0 || posts > strings.Index(p.text("body"), "written in another front-end") {
		t.Errorf("the later post is not the first: %s", p.text("body"))
	}
}
