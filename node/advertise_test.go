package node

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
)

// TestAdvertiseRefused checks that an address at which nobody can reach the node is
// refused before anything is opened.
func TestAdvertiseRefused(t *testing.T) {
	for _, a := range []gossip.Address{
		"http://0.0.0.0:8000", "http://[::]:8000", "http://255.255.255.255:8000", "http://224.0.0.1:8000", "http://[ff02::1]:8000",
		"http://0.1.2.3:8000", "http://240.0.0.1:8000", "http://169.254.1.1:8000", "http://[fe80::1]:8000", "http://a:0", "a", "http://A:1", "http://[100::1]:80",
	} {
		data := filepath.Join(t.TempDir(), "data")
		params, err := rules.Tutorial(1)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Open(t.Context(), Config{Params: params, Data: data, Listen: "127.0.0.1:0", Advertise: a})
		if n != nil || err == nil || !strings.Contains(err.Error(), "--advertise") {
			t.Errorf("--advertise %s: %v", a, err)
		}
		if _, err := os.Stat(data); !os.IsNotExist(err) {
			t.Errorf("--advertise %s: the store was opened: %v", a, err)
		}
	}
	for _, a := range []gossip.Address{"", "http://127.0.0.1:1", "http://localhost:1", "http://10.0.0.1:1", "https://node.example:443", "http://[2a00::1]:80"} {
		if err := CheckAdvertise(a); err != nil {
			t.Errorf("--advertise %s: %v", a, err)
		}
	}
}

// TestListening checks what is said of where a node can be reached.
func TestListening(t *testing.T) {
	var home, server []net.Addr
	for text, list := range map[string]*[]net.Addr{"127.0.0.1/8": &home, "::1/128": &home, "10.0.0.5/24": &home} {
		prefix := netip.MustParsePrefix(text)
		*list = append(*list, &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())})
	}
	slices.SortFunc(home, func(x, y net.Addr) int { return strings.Compare(x.String(), y.String()) })
	server = append(slices.Clone(home), &net.IPNet{IP: net.ParseIP("2a00::5"), Mask: net.CIDRMask(64, 128)})
	for _, test := range []struct {
		at         string
		interfaces []net.Addr
		on, reach  string
	}{
		{"127.0.0.1:80", server, "127.0.0.1:80", "this machine only"},
		{"[::1]:80", server, "[::1]:80", "this machine only"},
		{"10.0.0.5:80", server, "10.0.0.5:80", "this machine and its private networks"},
		{"8.8.8.8:80", home, "8.8.8.8:80", "everywhere"},
		{"0.0.0.0:80", home, "10.0.0.5:80 127.0.0.1:80", "this machine and its private networks"},
		{"[::]:80", home, "10.0.0.5:80 127.0.0.1:80 [::1]:80", "this machine and its private networks"},
		{"[::]:80", server, "10.0.0.5:80 127.0.0.1:80 [::1]:80 [2a00::5]:80", "everywhere"},
		{"0.0.0.0:80", server, "10.0.0.5:80 127.0.0.1:80", "this machine and its private networks"},
		{"[::]:80", nil, "[::]:80", "everywhere"}, // to be on the safe side
	} {
		l := location{listen: listening(netip.MustParseAddrPort(test.at), test.interfaces), address: "http://a:1"}
		var log bytes.Buffer
		l.say(slog.New(slog.NewTextHandler(&log, nil)))
		if !strings.Contains(log.String(), "reachable_from=\""+test.reach+"\"") && !strings.Contains(log.String(), "reachable_from="+test.reach) ||
			!strings.Contains(log.String(), test.on) || l.reach() != test.reach || !strings.Contains(log.String(), "tells_others=http://a:1") {
			t.Errorf("listening on %s: %s, want %q from %q", test.at, log.String(), test.on, test.reach)
		}
	}
}

// TestListeningIsSaid starts nodes that listen on all addresses and on one.
func TestListeningIsSaid(t *testing.T) {
	for listen, want := range map[string][]string{
		"0.0.0.0:0":   {"on=\"", "127.0.0.1:", "does not know its address", "tells_others=http://127.0.0.1:"},
		"127.0.0.1:0": {"on=127.0.0.1:", "reachable_from=\"this machine only\"", "tells_others=http://127.0.0.1:"},
	} {
		var log bytes.Buffer
		startLive(t, Config{Listen: listen, Logger: slog.New(slog.NewTextHandler(&log, nil))}).stop()
		for _, part := range want {
			if !strings.Contains(log.String(), part) {
				t.Errorf("--listen %s: the log has no %s:\n%s", listen, part, log.String())
			}
		}
	}
}
