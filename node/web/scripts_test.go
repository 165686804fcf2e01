package web_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
	const oldest = 20
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

// links finds the files that a script loads: imports, and addresses that are relative to
// the script. The first and the third group are set for files that are loaded with the
// script in any case, the second for those that only some pages load.
var links = regexp.MustCompile(`(?m)^(?:import|export)\s[^'"();]*?['"](\./[^'"]+)['"]|import\(['"](\./[^'"]+)['"]\)|new URL\(['"](\./[^'"]+)['"], import\.meta\.url\)`)

// load adds a script and all that it always loads to the files that a page has.
func load(t *testing.T, name string, into map[string]int) {
	t.Helper()
	if _, ok := into[name]; ok {
		return
	}
	text, err := os.ReadFile(filepath.Join("static", name))
	if err != nil {
		t.Errorf("a script loads static/%s: %v", name, err)
		into[name] = 0
		return
	}
	into[name] = len(text)
	if filepath.Ext(name) != ".js" || strings.HasPrefix(name, "vendor/") {
		return
	}
	for _, m := range links.FindAllStringSubmatch(string(text), -1) {
		if at := m[1] + m[3]; at != "" {
			load(t, filepath.ToSlash(filepath.Join(filepath.Dir(name), at)), into)
		}
	}
}

// TestScriptSizes adds up the scripts and style sheets that each page loads. The sizes are
// those before compression.
func TestScriptSizes(t *testing.T) {
	t.Parallel()
	const most = 120_000 // bytes
	for page, modules := range map[string][]string{
		"feed":     {"feed.js", "compose-sign.js"},
		"mining":   {"mining.js", "plots.js"},
		"explorer": nil,
		"tx":       {"explorer.js"},
		"network":  {"network.js"},
	} {
		files := map[string]int{}
		load(t, "app.js", files)
		for _, name := range append([]string{"style.css"}, modules...) {
			load(t, name, files)
		}
		sum := 0
		var names []string
		for name, size := range files {
			sum += size
			names = append(names, name)
		}
		slices.Sort(names)
		t.Logf("%s: %d bytes in %d files", page, sum, len(files))
		if sum > most {
			t.Errorf("page %s loads %d bytes of scripts and styles, at most %d are allowed: %v", page, sum, most, names)
		}
		if _, ok := files["vendor/uplot/uPlot.iife.min.js"]; ok != (page == "mining") {
			t.Errorf("page %s loads uPlot: %v", page, ok)
		}
	}
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
			if found := forbidden.FindString(line); found != "" && !strings.HasPrefix(strings.TrimSpace(line), "//") {
				t.Errorf("%s:%d contains %q", file, i+1, found)
			}
		}
	}
}
