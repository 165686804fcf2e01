package gossip

import (
	"net/url"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"http://127.0.0.1:8000", "http://127.0.0.1:8000"},
		{"http://127.0.0.1:8000/", "http://127.0.0.1:8000"},
		{"http://127.0.0.1:8000//", "http://127.0.0.1:8000"},
		{"127.0.0.1:8000", "http://127.0.0.1:8000"},
		{" localhost:8000 ", "http://localhost:8000"},
		{"HTTP://Node.Example:80", "http://node.example:80"},
		{"http://node.example", "http://node.example:80"},
		{"https://node.example", "https://node.example:443"},
		{"[::1]:8000", "http://[::1]:8000"},
		{"http://[0:0:0:0:0:0:0:1]:08000", "http://[::1]:8000"},
		{"http://[::ffff:10.0.0.1]:8000", "http://10.0.0.1:8000"},
		{"http://a_b-c.example:1", "http://a_b-c.example:1"},
	} {
		got, err := ParseAddress(test.in)
		if err != nil || string(got) != test.want {
			t.Errorf("%q is parsed as %q (%v), want %q", test.in, got, err, test.want)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", "host is missing"},
		{"ftp://h:1", "scheme ftp"},
		{"http://me@h:1", "user name"},
		{"http://me:secret@h:1", "user name"},
		{"http://h:1/path", "follow the port"},
		{"http://h:1?x=1", "follow the port"},
		{"http://h:1?", "follow the port"},
		{"http://h:1#x", "follow the port"},
		{"http://h:", "port is missing"},
		{"http://h:0", "want 1 to 65535"},
		{"http://h:65536", "want 1 to 65535"},
		{"http://:8000", "host is missing"},
		{"http://127.1:80", "neither a name nor an IP address"},
		{"http://2130706433:80", "neither a name nor an IP address"},
		{"http://[fe80::1%25eth0]:80", "zone"},
		{"http://exa mple:80", "want http://host:port"},
		{"http://ex%61mple:80", "want http://host:port"},
		{"http://" + strings.Repeat("a", 300), "at most 280"},
	} {
		got, err := ParseAddress(test.in)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q is parsed as %q (%v), want an error that contains %q", test.in, got, err, test.want)
		}
	}
}

// FuzzParseAddress checks that an address that ParseAddress returns is a URL of
// nothing but scheme, host and port, and ParseAddress returns it unchanged.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"http://127.0.0.1:8000/", "localhost", "[::1]:80", "https://a.b:1", "http://u@h:1", "http://h:1/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		again, err := ParseAddress(string(a))
		if err != nil || again != a {
			t.Fatalf("%q is parsed as %q, and that as %q (%v)", s, a, again, err)
		}
		u, err := url.Parse(string(a))
		if err != nil || u.Host == "" || u.Port() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("%q is parsed as %q, which is the URL %+v (%v)", s, a, u, err)
		}
		if u.Scheme != "http" && u.Scheme != "https" {
			t.Fatalf("%q has the scheme %q", s, u.Scheme)
		}
		if u.Hostname() != a.Host() {
			t.Fatalf("%q has the host %q, want %q", s, a.Host(), u.Hostname())
		}
	})
}
