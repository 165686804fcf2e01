package stratum

import (
	"errors"
	"strings"
	"testing"

	"github.com/lodepow/lode/mine"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		in, out string // out: the message as Lode sends it
		err     string // part of the error
	}{
		{`{"id":1,"method":"mining.ping","params":[]}`, `{"id":1,"method":"mining.ping","params":[]}`, ""},
		{`{"id":1,"method":"mining.ping"}`, `{"id":1,"method":"mining.ping","params":[]}`, ""},
		{`{"id":1,"method":"mining.ping","params":null}`, `{"id":1,"method":"mining.ping","params":[]}`, ""},
		{`{"method":"m","params":[ 1, "a" ]}`, `{"id":null,"method":"m","params":[1,"a"]}`, ""},
		{`{"id":"x","method":"m","result":true}`, `{"id":"x","method":"m","params":[]}`, ""},
		{`{"id":-1,"result":{"a":[1, 2]}}`, `{"id":-1,"result":{"a":[1,2]},"error":null}`, ""},
		{`{"id":1,"method":null,"result":null,"error":null}`, `{"id":1,"result":null,"error":null}`, ""},
		{`{"id":1,"result":"a<b>&c","error":false}`, `{"id":1,"result":"a<b>&c","error":null}`, ""},
		{`{"id":1,"error":[21,"Job not found",null]}`, `{"id":1,"result":null,"error":[21,"Job not found",null]}`, ""},
		{`{"id":1,"error":["21","Stale"]}`, `{"id":1,"result":null,"error":[21,"Stale",null]}`, ""},
		{`{"id":1,"error":["Stale"]}`, `{"id":1,"result":null,"error":[20,"Stale",null]}`, ""},
		{`{"id":1,"error":[22]}`, `{"id":1,"result":null,"error":[22,"refused without a reason",null]}`, ""},
		{`{"id":1,"error":{"code":-3,"message":"no"}}`, `{"id":1,"result":null,"error":[-3,"no",null]}`, ""},
		{`{"id":1,"error":true}`, `{"id":1,"result":null,"error":[20,"true",null]}`, ""},
		{`{"id":1,"error":{"traceback":1}}`, `{"id":1,"result":null,"error":[20,"{\"traceback\":1}",null]}`, ""},
		{`{"id":1,"result":false,"reject-reason":"Stale"}`, `{"id":1,"result":false,"error":[20,"Stale",null]}`, ""},
		{`{"id":1,"result":true,"reject-reason":"Stale"}`, `{"id":1,"result":true,"error":null}`, ""},
		{`{"id":1,"result":true,"reject-reason":7}`, `{"id":1,"result":true,"error":null}`, ""},
		{`{"id":1,"error":"\u001b[31mred\nline"}`, `{"id":1,"result":null,"error":[20,"[31mred line",null]}`, ""},
		{`{"id":1}`, "", "neither a method nor a result nor an error"},
		{`{"id":true,"method":"m"}`, "", "want a number, a string or null"},
		{`{"id":[1],"method":"m"}`, "", "want a number, a string or null"},
		{`{"id":"` + strings.Repeat("1", 64) + `","method":"m"}`, "", "id has 66 bytes, want at most 64"},
		{`{"id":1,"method":7}`, "", "line is not a message"},
		{`{"id":1,"method":"m","params":{"a":1}}`, "", "m: parameters are not a list"},
		{`{"id":1,"method":"m","params":"a"}`, "", "m: parameters are not a list"},
		{`[]`, "", "line is not a message"},
		{``, "", "line is not a message"},
		{`GET / HTTP/1.1`, "", "line is not a message"},
		{`{"id":1,"method":"m"} {}`, "", "line is not a message"},
	} {
		m, err := Parse([]byte(test.in))
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v", test.in, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if got := string(m.Line()); got != test.out+"\n" {
			t.Errorf("%s\n got %swant %s", test.in, got, test.out)
		}
	}
}

// A server can answer a request whose parameters it cannot read.
func TestParseKeepsTheID(t *testing.T) {
	m, err := Parse([]byte(`{"id":7,"method":"mining.submit","params":{}}`))
	if err == nil || m.ID != NumberID(7) || m.Method != MethodSubmit {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestID(t *testing.T) {
	for _, test := range []struct {
		id     ID
		text   string
		number uint64
		ok     bool
	}{
		{ID{}, "null", 0, false},
		{NumberID(0), "0", 0, true},
		{NumberID(1<<64 - 1), "18446744073709551615", 1<<64 - 1, true},
		{StringID("12"), `"12"`, 12, true},
		{StringID("a"), `"a"`, 0, false},
		{StringID(""), `""`, 0, false},
		{ID{"-1"}, "-1", 0, false},
		{ID{"1.5"}, "1.5", 0, false},
	} {
		number, ok := test.id.Number()
		if test.id.String() != test.text || number != test.number || ok != test.ok || test.id.IsNull() != (test.text == "null") {
			t.Errorf("%s: %d, %v", test.id, number, ok)
		}
	}
}

func TestKinds(t *testing.T) {
	for _, test := range []struct {
		m                    Message
		answer, notification bool
	}{
		{NewAnswer(NumberID(1), true), true, false},
		{NewRejection(ID{}, Error{CodeOther, "no"}), true, false},
		{NewRequest(NumberID(1), "m"), false, false},
		{NewNotification("m"), false, true},
	} {
		if test.m.IsAnswer() != test.answer || test.m.IsNotification() != test.notification {
			t.Errorf("%s", test.m.Line())
		}
	}
}

func TestCheck(t *testing.T) {
	if err := NewAnswer(NumberID(1), true).Check(); err != nil {
		t.Error(err)
	}
	for _, line := range []string{
		`{"id":1,"result":false,"error":null}`,
		`{"id":1,"result":null,"error":null}`,
		`{"id":1,"result":true,"error":[22,"Duplicate",null]}`,
	} {
		m, err := Parse([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		var refused *Error
		if err := m.Check(); !errors.As(err, &refused) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestErrorOutcome(t *testing.T) {
	for _, test := range []struct {
		e       Error
		outcome mine.Outcome
	}{
		{Error{CodeStale, "x"}, mine.Stale},
		{Error{CodeDuplicate, "x"}, mine.Duplicate},
		{Error{CodeLow, "x"}, mine.Low},
		{Error{CodeOther, "x"}, mine.Invalid},
		{Error{CodeUnauthorized, "stale"}, mine.Invalid},
		{Error{CodeNotSubscribed, "duplicate"}, mine.Invalid},
		{Error{CodeOther, "Stale"}, mine.Stale},
		{Error{-1, "Job not found"}, mine.Stale},
		{Error{CodeOther, "Invalid JobID"}, mine.Stale},
		{Error{CodeOther, "Duplicate share"}, mine.Duplicate},
		{Error{0, "low difficulty share of 0.1"}, mine.Low},
		{Error{CodeOther, "Above target"}, mine.Low},
		{Error{CodeOther, "Ntime out of range"}, mine.Invalid},
	} {
		if got := test.e.Outcome(); got != test.outcome {
			t.Errorf("%v: %v, want %v", &test.e, got, test.outcome)
		}
	}
}

func TestShareError(t *testing.T) {
	for err, want := range map[error]Error{
		mine.ErrLow:         {CodeLow, "Low difficulty share"},
		mine.ErrTime:        {CodeOther, "Time out of range"},
		mine.ErrVersion:     {CodeOther, "Invalid version"},
		mine.ErrExtranonce:  {CodeOther, "Invalid extranonce2"},
		mine.ErrOther:       {CodeOther, "Invalid share"},
		errors.New("a bug"): {CodeOther, "Invalid share"},
	} {
		if got := ShareError(err); got != want {
			t.Errorf("%v: %+v, want %+v", err, got, want)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"id":1,"method":"mining.notify","params":["a",[1],{}]}`))
	f.Add([]byte(`{"id":"1","result":[[["a","b"]],"00",4],"error":null}`))
	f.Add([]byte(`{"id":1,"result":false,"error":{"code":21,"message":"\u001b"}}`))
	f.Add([]byte(`{"id":1,"result":false,"error":null,"reject-reason":"Stale"}`))
	f.Add([]byte(`{"id":4,"method":"mining.submit","params":["w","1","00","67A1B2C3","2A","0x2000"]}`))
	f.Add([]byte(`{"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := Parse(line)
		if err != nil {
			return
		}
		sent := m.Line()
		m2, err := Parse(sent)
		if err != nil {
			t.Fatalf("%s: %v", sent, err)
		}
		if got := string(m2.Line()); got != string(sent) {
			t.Fatalf("%s became %s", sent, got)
		}
		for _, answers := range []string{MethodConfigure, MethodSubscribe, MethodAuthorize} {
			typed, err := again(m, answers)
			if err != nil {
				continue
			}
			sent := typed.Line()
			parsed, err := Parse(sent)
			if err != nil {
				t.Fatalf("%s: %v", sent, err)
			}
			twice, err := again(parsed, answers)
			if err != nil {
				t.Fatalf("%s: %v", sent, err)
			}
			if got := string(twice.Line()); got != string(sent) {
				t.Fatalf("%s became %s", sent, got)
			}
		}
	})
}
