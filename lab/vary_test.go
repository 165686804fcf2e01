package lab

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// The value of a setting is that of a file, and texts and times need no quotation marks.
func TestParseSetting(t *testing.T) {
	for text, want := range map[string]any{
		"nodes=50":                                 int64(50),
		"nodes=1e6":                                1e6,
		"nodes= 50 ":                               int64(50),
		"nodes=[10, 20]":                           []any{int64(10), int64(20)},
		"relay.loss=0.1":                           0.1,
		"relay.queue_uploads=true":                 true,
		"interval=10s":                             "10s",
		"interval='10s'":                           "10s",
		`interval="10s"`:                           "10s",
		"interval=1s..9s step 2s":                  "1s..9s step 2s",
		`latency.mean=["10ms", "20ms"]`:            []any{"10ms", "20ms"},
		"title=5":                                  "5",
		"title=a = b # c":                          "a = b # c",
		"title='a'":                                "a",
		"title=":                                   "",
		"difficulty.bits=20000000":                 "20000000",
		"difficulty.bits=1e000001":                 "1e000001",
		"tie.rule=['random', 'first-seen']":        []any{"random", "first-seen"},
		"power.shares=[1, 2.5]":                    []any{int64(1), 2.5},
		"topology.edges=[[0, 1], [1, 2]]":          []any{[]any{int64(0), int64(1)}, []any{int64(1), int64(2)}},
		"strategists[1].node=3":                    int64(3),
		"clocks.liars[0].offset=-5m":               "-5m",
		"nodes=5\nseed = 3":                        "5\nseed = 3", // one value, and not two keys
		"relay.hit_rate=0.1 # a comment of a file": 0.1,
	} {
		s, err := ParseSetting(text)
		if err != nil || !reflect.DeepEqual(s.Value, want) || s.Key != text[:strings.IndexByte(text, '=')] {
			t.Errorf("%q is %#v, error %v", text, s, err)
		}
	}
	for text, want := range map[string]string{
		"nodes":               `"nodes": want a key and its value, such as relay.loss=0.1`,
		"=5":                  `"=5": want a key and its value`,
		"node=5":              `"node": unknown key: outside of tables there are the keys blocks, `,
		"relay.los=5":         `"relay.los": unknown key: the table relay has the keys bandwidth, `,
		"rely.loss=5":         `"rely.loss": unknown key: outside of tables there are the keys blocks, `,
		"strategists.node=1":  `there may be several tables strategists: write strategists[0].node for the first one`,
		"clocks.liars.warp=1": `write clocks.liars[0].warp`,
		"strategists[x].node": `want a key and its value`,
		"nodes=[10":           `nodes: "[10" cannot be read: want a value as in a file`,
		"title='a":            `title: "'a" cannot be read`,
		"latency.mean=[1ms]":  `in a list, texts and times need quotation marks`,
	} {
		if _, err := ParseSetting(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

// Settings replace those of a file in their places, and others are added at the end of their
// table. The plan is that of the file which has them.
func TestChange(t *testing.T) {
	const file = "nodes = 20\ninterval = '2s'\n[relay]\nloss = 0.1\nmode = 'full'\n[[strategists]]\nnode = 1\nstrategy = 'sm1'\n[power]\nminers = 5\n"
	for _, tt := range []struct {
		changes []string
		want    string
	}{
		{nil, "nodes = 20\ninterval = '2s'\n\n[relay]\nloss = 0.1\nmode = 'full'\n\n[[strategists]]\nnode = 1\nstrategy = 'sm1'\n\n[power]\nminers = 5\n"},
		{
			[]string{"nodes=[30, 40]", "relay.loss=0.2", "blocks=7", "relay.validation=1ms", "tie.rule=random", "strategists[1].node=2", "strategists[1].strategy=honest", "strategists[0].strategy=honest"},
			"nodes = [30, 40]\ninterval = '2s'\nblocks = 7\n\n[relay]\nloss = 0.2\nmode = 'full'\nvalidation = '1ms'\n\n[[strategists]]\nnode = 1\nstrategy = 'honest'\n\n[power]\nminers = 5\n\n[tie]\nrule = 'random'\n\n[[strategists]]\nnode = 2\nstrategy = 'honest'\n",
		},
	} {
		p, err := Parse([]byte(file), settingsOf(t, tt.changes...)...)
		if err != nil {
			t.Fatal(err)
		}
		if string(p.File) != tt.want {
			t.Errorf("with %q the file is\n%s\nwant\n%s", tt.changes, p.File, tt.want)
		}
		if again := parse(t, tt.want); !reflect.DeepEqual(p, again) {
			t.Errorf("with %q the plan is not that of its file", tt.changes)
		}
	}
	for want, changes := range map[string][]Setting{
		"nodes: it is set twice: leave it out once, or write a list":                                        {{Key: "nodes", Value: int64(1)}, {Key: "nodes", Value: int64(2)}},
		"strategists[2].node: there are 1 tables strategists, so the next one is strategists[1]":            {{Key: "strategists[2].node", Value: int64(1)}},
		"splits[1].at: there are 0 tables splits, so the next one is splits[0]":                             {{Key: "splits[1].at", Value: "1h"}},
		"node: unknown key: outside of tables there are the keys ":                                          {{Key: "node", Value: int64(1)}},
		"relay.loss: loss 2: want at least 0 and less than 1":                                               {{Key: "relay.loss", Value: 2.0}},
		`power.miners: "a" is not what the key needs: want a whole number, such as 100; or a list of these`: {{Key: "power.miners", Value: "a"}},
	} {
		_, err := Parse([]byte(file), changes...)
		if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.As(err, new(*FileError)) {
			t.Errorf("%v: error %v, want %q", changes, err, want)
		}
	}
	// A plan that was made without a file has no lines.
	_, err := New(Setting{Key: "nodes", Value: int64(10)}, Setting{Key: "topology.degree", Value: int64(20)})
	if wrong := (*FileError)(nil); !errors.As(err, &wrong) || wrong.Line != 0 || wrong.Key != "topology.degree" || !strings.HasPrefix(err.Error(), "topology.degree: degree 20: want 1 to 9") {
		t.Errorf("error %v of a plan without a file", err)
	}
	// A mistake of the file still has its line.
	if _, err := Parse([]byte("seed = 2\nnodes = 20\n[topology]\ndegree = 15\n"), settingsOf(t, "nodes=10")...); err == nil || err.Error() != `line 4: topology.degree: degree 15: want 1 to 9 for the shape "random" with 10 nodes` {
		t.Errorf("error %v", err)
	}
	// The settings that were given stay as they are.
	given := settingsOf(t, "nodes=5", "blocks=2")
	if _, err := change(given, settingsOf(t, "nodes=6")); err != nil || given[0].Value != int64(5) {
		t.Errorf("error %v, and the settings are now %v", err, given)
	}
}
