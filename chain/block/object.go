package block

import (
	"encoding"
	"errors"
	"fmt"
	"strconv"
)

// ParseObject reads a JSON object as strictly as transactions are read: it refuses
// duplicate keys, invalid UTF-8 and anything after the object. It returns the values,
// unparsed, by their keys. [encoding/json.Unmarshal] would accept a key twice, and one
// whose letters differ in case.
func ParseObject(data []byte) (map[string]string, error) {
	text := string(data)
	members, err := checkJSON(text)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string, len(members))
	for _, m := range members {
		values[m.key] = text[m.value:m.end]
	}
	return values, nil
}

// ParseString reads a JSON string that [ParseObject] has returned as a value. It
// returns false if the value is something else.
func ParseString(value string) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	return unescape(value[1 : len(value)-1]), true
}

// integer reads a whole number from least to most. The scanner has accepted the value.
func integer[T int32 | int64 | uint32](value string, least, most int64, to *T) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > most {
		return fmt.Errorf("must be a whole number from %d to %d", least, most)
	}
	*to = T(n)
	return nil
}

// unmarshalText reads a value that must be a string.
func unmarshalText(value string, to encoding.TextUnmarshaler) error {
	text, ok := ParseString(value)
	if !ok {
		return errors.New("must be a string")
	}
	return to.UnmarshalText([]byte(text))
}

// elements returns the elements of an array, unparsed. The scanner has accepted the
// value.
func elements(value string) ([]string, error) {
	if value[0] != '[' {
		return nil, errors.New("must be an array")
	}
	// The value has been scanned as a part of its object, so no depth and no other
	// rule can be exceeded here.
	s := scanner{text: value, depth: -2}
	if err := s.open(); err != nil {
		return nil, err
	}
	list := []string{}
	for more := s.peek() != ']'; more; {
		start := s.at
		if err := s.value(); err != nil {
			return nil, err
		}
		list = append(list, value[start:s.at])
		var err error
		if more, err = s.next(']'); err != nil {
			return nil, err
		}
	}
	return list, nil
}
