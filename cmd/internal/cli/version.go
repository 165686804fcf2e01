package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// VersionCmd prints the version of a program.
type VersionCmd struct{}

// Run prints the name of the program, and the version, the commit and the platform of
// this build.
func (*VersionCmd) Run(s Std, k *kong.Context) error {
	_, err := fmt.Fprintf(s.Out, "%s %s\n", k.Model.Name, Version())
	return err
}

// Version returns the version that the Go toolchain recorded in this binary.
func Version() string {
	info, _ := debug.ReadBuildInfo()
	return version(info)
}

func version(info *debug.BuildInfo) string {
	version, revision := "(devel)", ""
	if info != nil {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if r := settings["vcs.revision"]; r != "" {
			revision = " commit " + r[:min(12, len(r))]
			if settings["vcs.modified"] == "true" {
				revision += " with changes"
			}
		}
	}
	return fmt.Sprintf("%s%s %s %s/%s", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
