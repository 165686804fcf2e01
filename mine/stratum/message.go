package stratum

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Names of the methods. Those that begin with "client." and the ones of the second
// group are sent by pools; the others by miners.
const (
	MethodConfigure         = "mining.configure"
	MethodSubscribe         = "mining.subscribe"
	MethodAuthorize         = "mining.authorize"
	MethodSuggestDifficulty = "mining.suggest_difficulty"
	MethodSuggestTarget     = "mining.suggest_target"
	MethodExtranonce        = "mining.extranonce.subscribe"
	MethodSubmit            = "mining.submit"
	MethodPing              = "mining.ping"
	MethodGetTransactions   = "mining.get_transactions"

	MethodNotify         = "mining.notify"
	MethodSetDifficulty  = "mining.set_difficulty"
	MethodSetExtranonce  = "mining.set_extranonce"
	MethodSetVersionMask = "mining.set_version_mask"
	MethodGetVersion     = "client.get_version"
	MethodReconnect      = "client.reconnect"
	MethodShowMessage    = "client.show_message"
)

// maxID is the length in bytes of the longest ID, as JSON.
const maxID = 64

// ID names a request, so that its answer can be told from others. It is a number, a
// string or null. The zero value is null, which belongs to notifications. IDs can be
// compared with ==.
type ID struct {
	raw string // JSON without spaces; "" is null
}

// NumberID returns the ID that is the number n.
func NumberID(n uint64) ID { return ID{strconv.FormatUint(n, 10)} }

// StringID returns the ID that is the string s.
func StringID(s string) ID { return ID{string(marshal(s))} }

// IsNull reports whether the ID is null.
func (id ID) IsNull() bool { return id.raw == "" }

// Number returns the number that the ID is. Some pools answer the request 1 with the
// ID "1"; that counts as the same number.
func (id ID) Number() (n uint64, ok bool) {
	digits := id.raw
	if len(digits) >= 2 && digits[0] == '"' {
		digits = digits[1 : len(digits)-1]
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

// String returns the ID as JSON.
func (id ID) String() string {
	if id.raw == "" {
		return "null"
	}
	return id.raw
}

// MarshalJSON implements [json.Marshaler].
func (id ID) MarshalJSON() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalJSON implements [json.Unmarshaler]. It refuses what is neither a number
// nor a string nor null, and what has more than 64 bytes.
func (id *ID) UnmarshalJSON(raw []byte) error {
	switch {
	case len(raw) > maxID:
		return fmt.Errorf("id has %d bytes, want at most %d", len(raw), maxID)
	case string(raw) == "null":
		*id = ID{}
	case raw[0] == '"' || raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		*id = ID{string(raw)}
	default:
		return fmt.Errorf("id %s: want a number, a string or null", raw)
	}
	return nil
}

// Message is one line. A message with a method is a request, or a notification if
// its ID is null. One without is the answer to the request with its ID.
type Message struct {
	ID     ID
	Method string
	Params []json.RawMessage // of a request or a notification

	Result json.RawMessage // of an answer; nil stands for null
	Error  *Error          // of an answer that refuses the request
}

// NewRequest returns a request. It panics if a parameter cannot be written as JSON.
func NewRequest(id ID, method string, params ...any) Message {
	m := Message{ID: id, Method: method, Params: make([]json.RawMessage, len(params))}
	for i, p := range params {
		m.Params[i] = marshal(p)
	}
	return m
}

// NewNotification returns a message that wants no answer. It panics if a parameter
// cannot be written as JSON.
func NewNotification(method string, params ...any) Message {
	return NewRequest(ID{}, method, params...)
}

// NewAnswer returns the answer to the request with that ID. It panics if the result
// cannot be written as JSON.
func NewAnswer(id ID, result any) Message {
	return Message{ID: id, Result: marshal(result)}
}

// NewRejection returns the answer that refuses the request with that ID. Its result is
// null, because some miners take any result for success.
func NewRejection(id ID, e Error) Message { return Message{ID: id, Error: &e} }

// IsAnswer reports whether the message answers a request.
func (m Message) IsAnswer() bool { return m.Method == "" }

// IsNotification reports whether the message wants no answer.
func (m Message) IsNotification() bool { return m.Method != "" && m.ID.IsNull() }

// Line returns the message as JSON with a line feed. The members stand in the order of
// the published examples.
func (m Message) Line() []byte {
	var line []byte
	if m.IsAnswer() {
		line = marshal(struct {
			ID     ID              `json:"id"`
			Result json.RawMessage `json:"result"`
			Error  *Error          `json:"error"`
		}{m.ID, m.Result, m.Error})
	} else {
		params := m.Params
		if params == nil {
			params = []json.RawMessage{}
		}
		line = marshal(struct {
			ID     ID                `json:"id"`
			Method string            `json:"method"`
			Params []json.RawMessage `json:"params"`
		}{m.ID, m.Method, params})
	}
	return append(line, '\n')
}

// Parse reads a line. It does not look into the parameters and the result.
//
// It accepts a message without an ID or without parameters, an error in any form, and
// members that it does not know. If the line has both a method and a result, it is a
// request. Where the error is not that of the JSON itself, the message has the ID, so
// that a server can answer.
func Parse(line []byte) (Message, error) {
	var in struct {
		ID     ID              `json:"id"`
		Method *string         `json:"method"`
		Params json.RawMessage `json:"params"`
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
		Reason json.RawMessage `json:"reject-reason"`
	}
	if err := json.Unmarshal(line, &in); err != nil {
		return Message{}, fmt.Errorf("line is not a message: %w", err)
	}
	m := Message{ID: in.ID}
	if in.Method == nil || *in.Method == "" {
		if in.Result == nil && in.Error == nil {
			return m, errors.New("line is not a message: it has neither a method nor a result nor an error")
		}
		if !isNull(in.Result) {
			m.Result = in.Result
		}
		m.Error = errorOf(in.Error)
		if m.Error == nil && string(m.Result) != "true" {
			m.Error = errorOf(in.Reason)
		}
		return m, nil
	}
	m.Method = *in.Method
	if in.Params == nil || isNull(in.Params) {
		return m, nil
	}
	if err := json.Unmarshal(in.Params, &m.Params); err != nil {
		return m, fmt.Errorf("%s: parameters are not a list", m.Method)
	}
	return m, nil
}

// errorOf returns the error that the JSON describes. Some servers send false, zero or
// something empty where there is none.
func errorOf(raw json.RawMessage) *Error {
	switch string(raw) {
	case "", "null", "false", "0", `""`, "[]", "{}":
		return nil
	}
	var e Error
	_ = e.UnmarshalJSON(raw) // returns no error
	return &e
}

// Check returns nil if the answer says yes, and an error that wraps an [*Error] if it
// refuses. The answers to mining.authorize and mining.submit are of this kind.
func (m Message) Check() error {
	if m.Error != nil {
		return m.Error
	}
	if string(m.Result) == "true" {
		return nil
	}
	return &Error{Code: CodeOther, Text: "refused without a reason"}
}

// isNull reports whether the JSON is null.
func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

// marshal writes a value that can be written as JSON. Unlike json.Marshal it leaves
// <, > and & as they are.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("stratum: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
