package cli

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// testCommands are the commands of a program for tests.
type testCommands struct {
	Run struct {
		Mode string   `enum:"slow,fast" default:"slow" placeholder:"MODE" help:"How it's run: ${enum} [one]."`
		Peer []string `placeholder:"URL" help:"Where to: a URL."`
		Loud bool     `help:"Say more."`
		Gone bool     `hidden:""`
		File string   `arg:"" optional:""`
	} `cmd:"" help:"Run it."`
	Key struct {
		New  struct{} `cmd:"" help:"Make a key, a \"good\" one."`
		Show struct{} `cmd:"" help:"Show a key."`
	} `cmd:"" help:"Keys."`
	Old        struct{}      `cmd:"" hidden:""`
	Completion CompletionCmd `cmd:"" help:"Print a script."`
	Help       HelpCmd       `cmd:"" help:"Show help."`
}

func script(t *testing.T, shell string) string {
	t.Helper()
	var out, errs strings.Builder
	if code := (Program{Name: "prog"}).Run(context.Background(), &testCommands{}, []string{"completion", shell}, Std{Out: &out, Err: &errs}); code != 0 {
		t.Fatalf("%d %s", code, errs.String())
	}
	return out.String()
}

// TestCompletionScripts compares the scripts with golden files, and has each shell that
// is installed read its script.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		got := script(t, shell)
		golden := filepath.Join("testdata", "completion."+shell)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || got != string(want) {
			t.Errorf("%s: %v; the script is\n%s", golden, err, got)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("NOT TESTED: %s is not installed, so its script is only compared with the golden file", shell)
			continue
		}
		if out, err := exec.CommandContext(t.Context(), path, "-n", golden).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s -n: %v: %s", shell, err, out)
		}
	}
}

// TestCompletionInBash has bash complete command lines.
func TestCompletionInBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("NOT TESTED: bash is not installed")
	}
	file := filepath.Join(t.TempDir(), "completion")
	if err := os.WriteFile(file, []byte(script(t, "bash")), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"prog ":                   "run key completion help",
		"prog r":                  "run",
		"prog o":                  "", // hidden
		"prog key ":               "new show",
		"prog key s":              "show",
		"prog help k":             "key",
		"prog completion ":        "bash zsh fish",
		"prog run --":             "--mode --peer --loud --help",
		"prog run --mode ":        "slow fast",
		"prog run --mode = f":     "fast", // bash splits --mode=f like this
		"prog run --mode =":       "slow fast",
		"prog run --peer ":        "",
		"prog run ":               "", // a file
		"prog run --loud --p":     "--peer",
		"prog run --mode fast --": "--mode --peer --loud --help",
		"prog key new --":         "--help",
		"prog --":                 "--help",
	} {
		words := strings.Split(line, " ")
		args := append([]string{"--norc", "-c", `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _prog; echo "${COMPREPLY[@]}"`, "bash", file}, words...)
		out, err := exec.CommandContext(t.Context(), bash, args...).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", line, got, err, want)
		}
	}
}

// TestCompletionInFish has fish complete command lines, where it is installed.
func TestCompletionInFish(t *testing.T) {
	fish, err := exec.LookPath("fish")
	if err != nil {
		t.Skip("NOT TESTED: fish is not installed")
	}
	file := filepath.Join(t.TempDir(), "completion")
	if err := os.WriteFile(file, []byte(script(t, "fish")), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"prog ":                "completion help key run",
		"prog key ":            "new show",
		"prog help k":          "key",
		"prog completion b":    "bash",
		"prog run --l":         "--loud",
		"prog run --mode ":     "fast slow",
		"prog run --mode fa":   "fast",
		"prog key new --":      "--help",
		"prog help run --mode": "",
	} {
		cmd := exec.CommandContext(t.Context(), fish, "--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, file, line)
		cmd.Dir = t.TempDir() // without files, whose names it would complete
		out, err := cmd.CombinedOutput()
		var got []string
		for row := range strings.Lines(string(out)) {
			name, _, _ := strings.Cut(strings.TrimSpace(row), "\t")
			got = append(got, name)
		}
		slices.Sort(got)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q %v, want %q", line, got, err, want)
		}
	}
}

// TestUsual checks the forms of arguments that people know from other programs.
func TestUsual(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "--help",
		"help":                    "--help",
		"help key new":            "key new --help",
		"--version":               "version",
		"-v":                      "version",
		"-v run":                  "-v run",
		"run --workers -3":        "run --workers=-3",
		"run --rate -.5 --x":      "run --rate=-.5 --x",
		"run --workers=2 -3":      "run --workers=2 -3",
		"run -- --workers -3":     "run -- --workers -3",
		"run --loud --workers -x": "run --loud --workers -x",
		"run -3":                  "run -3",
	} {
		if got := usual(strings.Fields(in)); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
