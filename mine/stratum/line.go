package stratum

import (
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/lodepow/lode/pow"
)

// AppendLine appends the line of the notification to b, the same as that of
// [Notify.Message]. It does without the values in between, because a new tip makes a
// server write a job for each of its sessions at once.
func (n Notify) AppendLine(b []byte) []byte {
	const rest = 200 // at least as long as everything else
	b = slices.Grow(b, rest+len(n.Job)+2*(len(n.Coinbase1)+len(n.Coinbase2))+(2*pow.HashSize+3)*len(n.Branch))
	b = append(b, `{"id":null,"method":"`+MethodNotify+`","params":[`...)
	b = appendText(b, n.Job)
	prev := reverseWords(n.Prev)
	b = appendHex(append(b, ','), prev[:])
	b = appendHex(append(b, ','), n.Coinbase1)
	b = appendHex(append(b, ','), n.Coinbase2)
	b = append(b, ',', '[')
	for i, h := range n.Branch {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendHex(b, h[:])
	}
	b = appendWord(append(b, ']', ','), uint32(n.Version))
	b = appendWord(append(b, ','), uint32(n.Bits))
	b = appendWord(append(b, ','), n.Time)
	b = strconv.AppendBool(append(b, ','), n.Clean)
	return append(b, ']', '}', '\n')
}

// appendText appends a string as JSON.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(b, marshal(s)...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendHex appends bytes as a string of hex digits.
func appendHex(b, data []byte) []byte {
	b = hex.AppendEncode(append(b, '"'), data)
	return append(b, '"')
}

// appendWord appends a number as a string of eight hex digits.
func appendWord(b []byte, n uint32) []byte {
	return appendHex(b, []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}
