package node

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Each fact about the program has a label of its own, so that a query can count nodes
// by it.
func TestBuildInfo(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	settings := func(all ...debug.BuildSetting) *debug.BuildInfo { return &debug.BuildInfo{Settings: all} }
	for _, tc := range []struct {
		version    string
		info       *debug.BuildInfo
		label, rev string
	}{
		{"", nil, "unknown", "unknown"},
		{"v1.2.3", settings(), "v1.2.3", "unknown"},
		{"(devel) commit 0123456789ab with changes go1.25.0 linux/amd64",
			settings(debug.BuildSetting{Key: "vcs.modified", Value: "true"}, debug.BuildSetting{Key: "vcs.revision", Value: commit}),
			"(devel)", "0123456789ab-modified"},
		{"v1.2.3 commit 0123456789ab go1.25.0 linux/amd64",
			settings(debug.BuildSetting{Key: "vcs.revision", Value: commit}, debug.BuildSetting{Key: "vcs.modified", Value: "false"}),
			"v1.2.3", "0123456789ab"},
		{"v1", settings(debug.BuildSetting{Key: "vcs.modified", Value: "true"}, debug.BuildSetting{Key: "vcs.revision", Value: "77"}),
			"v1", "77-modified"},
	} {
		want := strings.NewReplacer("VERSION", tc.label, "REVISION", tc.rev,
			"OS", runtime.GOOS, "ARCH", runtime.GOARCH, "GO", runtime.Version()).Replace(`
# HELP lode_build_info What runs; the value is always 1.
# TYPE lode_build_info gauge
lode_build_info{goarch="ARCH",goos="OS",goversion="GO",revision="REVISION",version="VERSION"} 1
`)
		if err := testutil.CollectAndCompare(newBuildInfo(tc.version, tc.info), strings.NewReader(want)); err != nil {
			t.Errorf("version %q: %v", tc.version, err)
		}
	}
}
