package web_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestScripts runs the tests of the scripts with Node.js.
func TestScripts(t *testing.T) {
	t.Parallel()
	version, err := exec.CommandContext(t.Context(), "node", "--version").Output()
	if err != nil {
		t.Skipf("NOT TESTED: the scripts of the pages: node --version: %v", err)
	}
	const oldest = 18 // that of Debian 12, and the first with the test runner
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(version)), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldest {
		t.Skipf("NOT TESTED: the scripts of the pages: Node.js is %s, and the tests need %d or newer", strings.TrimSpace(string(version)), oldest)
	}
	files, err := filepath.Glob("testdata/js/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in testdata/js (error %v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".test.mjs"), func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", file).CombinedOutput()
			if err != nil {
				t.Errorf("node --test %s: %v\n%s", file, err, out)
			}
		})
	}
}

// TestInBrowser says that the tests in a browser are not among those of this module: they
// need packages that its users should not have to load, so they are a module of their own.
func TestInBrowser(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("browsertest/go.mod"); err != nil {
		t.Fatalf("the module with the tests in a browser is missing: %v", err)
	}
	t.Skip("NOT TESTED: the pages in a browser: run LODE_BROWSER=1 go test -C node/web/browsertest .")
}

// TestScriptsAreStrict looks for what the content security policy forbids, and for HTML
// that is made of text.
func TestScriptsAreStrict(t *testing.T) {
	t.Parallel()
	forbidden := regexp.MustCompile(`\beval\(|new Function\(|\.innerHTML\s*=|\.outerHTML\s*=|insertAdjacentHTML|document\.write|setAttribute\('(style|on)|https?://`)
	files, err := filepath.Glob("static/*.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts (error %v)", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if strings.Count(line, "`")%2 != 0 && !strings.HasPrefix(strings.TrimSpace(line), "//") {
				t.Errorf("%s:%d: a text goes over several lines, and a line of it could be taken for a comment", file, i+1)
			}
			if found := forbidden.FindString(line); found != "" && !strings.HasPrefix(strings.TrimSpace(line), "//") {
				t.Errorf("%s:%d contains %q", file, i+1, found)
			}
		}
	}
}
