package main

import (
	"encoding"
	"strings"
	"testing"
)

// TestAddresses checks that --peer and --node take the same addresses, with a scheme or without,
// and refuse the same ones.
func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{ // "": refused
		"127.0.0.1:8000":          "http://127.0.0.1:8000",
		"http://127.0.0.1:8000":   "http://127.0.0.1:8000",
		"localhost:8000":          "http://localhost:8000",
		"localhost:8000/":         "http://localhost:8000",
		"[::1]:8000":              "http://[::1]:8000",
		"node1:8000":              "http://node1:8000",
		"node.example":            "http://node.example:80",
		"https://node.example:44": "https://node.example:44",
		"":                        "",
		"8000":                    "",
		"junk":                    "",
		"::1":                     "",
		"127.0.0.1:":              "",
		"127.0.0.1:99999":         "",
		"127.0.0.1:http":          "",
		"localhost:8000/status":   "",
		"ftp://127.0.0.1:8000":    "",
		"http://":                 "",
		"a b:1":                   "",
	} {
		var peer peerAddress
		var node nodeURL
		for flag, value := range map[string]encoding.TextUnmarshaler{"--peer": &peer, "--node": &node} {
			if err := value.UnmarshalText([]byte(text)); (err == nil) != (want != "") {
				t.Errorf("%s %q: error %v", flag, text, err)
			} else if err != nil && !strings.Contains(err.Error(), "want http://") {
				t.Errorf("%s %q: %v, want a message that says what is wanted", flag, text, err)
			}
		}
		if string(peer) != want || string(node) != want {
			t.Errorf("%q: --peer takes it as %q, --node as %q, want %q", text, peer, node, want)
		}
	}
	// A node behind a proxy may have a path for its clients, and a name without dots a scheme.
	for _, text := range []string{"https://node.example/lode", "http://node1"} {
		var node nodeURL
		if err := node.UnmarshalText([]byte(text)); err != nil || string(node) != text {
			t.Errorf("--node %q: %q, %v", text, node, err)
		}
	}
}
