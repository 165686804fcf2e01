package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// ParseSetting reads a setting of a command line, such as relay.loss=0.1. The value is
// written as in a file, but texts and times need no quotation marks outside of lists. The
// error says what is wrong with it, and what to do.
func ParseSetting(text string) (Setting, error) {
	if !utf8.ValidString(text) {
		return Setting{}, fmt.Errorf("%s: it has bytes that are no UTF-8: write it in UTF-8", show(text))
	}
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return Setting{}, fmt.Errorf("%s: want a key and its value, such as relay.loss=0.1", show(text))
	}
	k, _ := keyOf(name)
	if k == nil {
		return Setting{}, fmt.Errorf("%s: %w", show(name), unknownKey(name))
	}
	v, err := valueOf(k, value)
	if err != nil {
		return Setting{}, fmt.Errorf("%s: %w", name, err)
	}
	return Setting{Key: name, Value: v}, nil
}

// unknownKey says which keys there are.
func unknownKey(name string) error {
	table, member := parent(name), name[strings.LastIndexByte(name, '.')+1:]
	if k, _ := keyOf(table + "[0]." + member); k != nil {
		return fmt.Errorf("there may be several tables %s: write %s[0].%s for the first one", table, table, member)
	}
	if !isTable(table) {
		table = ""
	}
	return errors.New("unknown key: " + knownKeys(table))
}

// valueOf reads the value of a key on a command line.
func valueOf(k *key, text string) (any, error) {
	text = strings.TrimSpace(text)
	quoted := strings.HasPrefix(text, `"`) || strings.HasPrefix(text, "'")
	if !quoted && !strings.HasPrefix(text, "[") && k.kind() == "text" {
		return text, nil // also one that looks like a number
	}
	var file map[string]any
	err := toml.Unmarshal([]byte("value = "+text), &file)
	switch {
	case err == nil && len(file) == 1:
		return file["value"], nil
	case quoted || strings.HasPrefix(text, "["):
		return nil, fmt.Errorf("%s cannot be read: want a value as in a file; in a list, texts and times need quotation marks", show(text))
	}
	return text, nil // a time, a range, or an error to come
}

// change gives settings other values, and adds those that are not there.
func change(settings, changes []Setting) ([]Setting, error) {
	settings = slices.Clone(settings)
	tables := map[string]int{} // number of those that repeat
	for _, s := range settings {
		if k, i := keyOf(s.Key); k != nil {
			tables[repeating(k)] = max(tables[repeating(k)], i+1)
		}
	}
	seen := map[string]bool{}
	for _, c := range changes {
		k, i := keyOf(c.Key)
		switch {
		case k == nil:
			return nil, &FileError{Key: c.Key, Err: unknownKey(c.Key)}
		case seen[c.Key]:
			return nil, &FileError{Key: c.Key, Err: errors.New("it is set twice: leave it out once, or write a list to have a point for each value")}
		}
		if table := repeating(k); table != "" {
			if i > tables[table] {
				return nil, &FileError{Key: c.Key, Err: fmt.Errorf("there are %d tables %s, so the next one is %s[%d]", tables[table], table, table, tables[table])}
			}
			tables[table] = max(tables[table], i+1)
		}
		seen[c.Key] = true
		at := slices.IndexFunc(settings, func(s Setting) bool { return s.Key == c.Key })
		if at < 0 {
			at = len(settings)
			settings = append(settings, Setting{Key: c.Key})
		}
		settings[at].Value, settings[at].line = c.Value, 0
	}
	return inTables(settings), nil
}

// repeating returns the table of a key, if that repeats.
func repeating(k *key) string {
	table, _, ok := strings.Cut(k.name, "[]")
	if !ok {
		return ""
	}
	return table
}
