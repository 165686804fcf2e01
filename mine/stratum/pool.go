package stratum

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// SetDifficulty is a pool's mining.set_difficulty. It applies to the jobs that follow.
type SetDifficulty struct {
	Difficulty float64
}

// Message returns the notification.
func (s SetDifficulty) Message() Message {
	return NewNotification(MethodSetDifficulty, digits(s.Difficulty))
}

// ParseSetDifficulty reads a notification. The difficulty is greater than zero.
func ParseSetDifficulty(m Message) (SetDifficulty, error) {
	p := paramsOf(m, MethodSetDifficulty)
	s := SetDifficulty{read(p, "difficulty", parseDifficulty)}
	return s, p.err
}

// SetExtranonce is a pool's mining.set_extranonce. It applies to the jobs that follow.
type SetExtranonce struct {
	Extranonce1     []byte
	Extranonce2Size int
}

// Message returns the notification.
func (s SetExtranonce) Message() Message {
	return NewNotification(MethodSetExtranonce, hex.EncodeToString(s.Extranonce1), s.Extranonce2Size)
}

// ParseSetExtranonce reads a notification.
func ParseSetExtranonce(m Message) (SetExtranonce, error) {
	p := paramsOf(m, MethodSetExtranonce)
	s := SetExtranonce{Extranonce1: read(p, "extranonce1", parseBytes), Extranonce2Size: read(p, "size of extranonce2", parseCount)}
	return s, p.err
}

// SetVersionMask is a pool's mining.set_version_mask (BIP 310). It applies to the jobs
// that follow.
type SetVersionMask struct {
	Mask uint32
}

// Message returns the notification.
func (s SetVersionMask) Message() Message {
	return NewNotification(MethodSetVersionMask, word(s.Mask))
}

// ParseSetVersionMask reads a notification.
func ParseSetVersionMask(m Message) (SetVersionMask, error) {
	p := paramsOf(m, MethodSetVersionMask)
	s := SetVersionMask{read(p, "mask", parseWord)}
	return s, p.err
}

// maxHost is the number of bytes of the longest host in a client.reconnect, that of a name
// in the DNS (RFC 1035).
const maxHost = 255

// Reconnect is a pool's client.reconnect. Empty members mean the present host and port.
type Reconnect struct {
	Host string
	Port int
	Wait time.Duration
}

// Message returns the notification.
func (r Reconnect) Message() Message {
	return NewNotification(MethodReconnect, r.Host, r.Port, int(r.Wait/time.Second))
}

// ParseReconnect reads a notification. All parameters may be missing. Control characters
// in the host are replaced, because it may be shown to the user.
func ParseReconnect(m Message) (Reconnect, error) {
	p := paramsOf(m, MethodReconnect)
	r := Reconnect{Host: readOr(p, "host", parseHost), Port: readOr(p, "port", parseCount)}
	r.Wait = time.Duration(readOr(p, "wait", parseCount)) * time.Second
	return r, p.err
}

func parseHost(raw json.RawMessage) (string, error) {
	host, err := parseText(raw)
	if err != nil {
		return "", err
	}
	if len(host) > maxHost {
		return "", fmt.Errorf("%d bytes, want at most %d", len(host), maxHost)
	}
	return printable(host), nil
}

// ShowMessage is a pool's client.show_message.
type ShowMessage struct {
	Text string
}

// Message returns the notification.
func (s ShowMessage) Message() Message { return NewNotification(MethodShowMessage, s.Text) }

// ParseShowMessage reads a notification. Control characters are replaced and a long
// text is cut, because the text is shown to the user.
func ParseShowMessage(m Message) (ShowMessage, error) {
	p := paramsOf(m, MethodShowMessage)
	s := ShowMessage{clean(read(p, "text", parseText))}
	return s, p.err
}

// GetVersion is a pool's client.get_version, which the miner answers with the name
// and version of its program.
type GetVersion struct{}

// Message returns the request.
func (GetVersion) Message(id ID) Message { return NewRequest(id, MethodGetVersion) }

// Ping is mining.ping, which either side may send. The answer is "pong".
type Ping struct{}

// Message returns the request.
func (Ping) Message(id ID) Message { return NewRequest(id, MethodPing) }

// Pong returns the answer to the ping with that ID.
func Pong(id ID) Message { return NewAnswer(id, "pong") }
