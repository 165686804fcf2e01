package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCmd struct{}

// Run prints the version, the commit and the platform of this build.
func (*versionCmd) Run(s std) error {
	info, _ := debug.ReadBuildInfo()
	_, err := fmt.Fprintf(s.out, "lode %s\n", buildVersion(info))
	return err
}

// buildVersion formats the version that the Go toolchain recorded in the binary.
func buildVersion(info *debug.BuildInfo) string {
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
