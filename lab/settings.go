package lab

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Setting is a key of an experiment file with its value: a string, int64, float64, bool,
// or a []any of these.
type Setting struct {
	Key   string // with an index for tables that repeat, for example power.steps[0].at
	Value any
	line  int // in the file, from 1; 0: not from a file
}

// FileError says what is wrong in an experiment file, or in settings that were not read from one.
type FileError struct {
	Line int    // from 1; 0: the error is not about a single line
	Key  string // "" if the error is not about a single key
	Err  error
}

// Error returns the line, the key and what to do.
func (e *FileError) Error() string {
	text := e.Err.Error()
	if e.Key != "" {
		text = e.Key + ": " + text
	}
	if e.Line > 0 {
		text = fmt.Sprintf("line %d: %s", e.Line, text)
	}
	return text
}

// Unwrap returns the error without line and key.
func (e *FileError) Unwrap() error { return e.Err }

// maxFile bounds the size of an experiment file. A list of a million edges fits.
const maxFile = 64 << 20

// readSettings reads TOML. The settings have the order of the canonical form: first those
// outside of tables, then table by table, both in the order of the file.
func readSettings(data []byte) ([]Setting, error) {
	if len(data) > maxFile {
		return nil, &FileError{Err: fmt.Errorf("the file has %d bytes: want at most %d", len(data), maxFile)}
	}
	var root map[string]any
	if err := toml.Unmarshal(data, &root); err != nil {
		wrong := &FileError{Err: fmt.Errorf("this is not TOML: %s", strings.TrimPrefix(err.Error(), "toml: "))}
		if at := (*toml.DecodeError)(nil); errors.As(err, &at) {
			wrong.Line, _ = at.Position()
		}
		return nil, wrong
	}
	lines, err := linesOf(data)
	if err != nil {
		return nil, err
	}
	var settings []Setting
	var wrong []*FileError // all, because the members of a map have no order
	fault := func(path, key, text string) { wrong = append(wrong, &FileError{lines[path], key, errors.New(text)}) }
	var flatten func(path string, value any)
	flatten = func(path string, value any) {
		switch v := value.(type) {
		case map[string]any:
			if isTable(path + "[]") {
				fault(path, path, fmt.Sprintf("this is a list of tables: write [[%s]] instead of [%s]", path, path))
				return
			}
			if !isTable(path) {
				fault(path, path, "unknown table: "+knownKeys(parent(path)))
				return
			}
			if len(v) == 0 && strings.HasSuffix(path, "]") {
				fault(path, path, "this table of a list is empty: set one of its keys, or leave the table out")
			}
			for name, member := range v {
				full := strings.TrimPrefix(path+"."+name, ".")
				if !bareKey.MatchString(name) {
					fault(full, fmt.Sprintf("%q", name), "unknown key: "+knownKeys(path))
					continue
				}
				flatten(full, member)
			}
			return
		case []any:
			if isList(v) {
				for i, member := range v {
					flatten(fmt.Sprintf("%s[%d]", path, i), member)
				}
				return
			}
		}
		settings = append(settings, Setting{path, value, lines[path]})
	}
	flatten("", root)
	if len(wrong) > 0 {
		return nil, slices.MinFunc(wrong, func(a, b *FileError) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
		})
	}
	sort.Slice(settings, func(i, j int) bool {
		a, b := settings[i], settings[j]
		return a.line < b.line || a.line == b.line && lines.less(a.Key, b.Key)
	})
	return inTables(settings), nil
}

// bareKey matches the only names that keys have.
var bareKey = regexp.MustCompile(`\A[a-z0-9_]+\z`)

// isList reports whether a list is one of tables.
func isList(list []any) bool {
	for _, member := range list {
		if _, ok := member.(map[string]any); !ok {
			return false
		}
	}
	return len(list) > 0
}

// inTables moves settings of the same table together.
func inTables(settings []Setting) []Setting {
	first := map[string]int{"": -1}
	for i, s := range settings {
		if table := parent(s.Key); table != "" {
			if _, ok := first[table]; !ok {
				first[table] = i
			}
		}
	}
	sort.SliceStable(settings, func(i, j int) bool {
		return first[parent(settings[i].Key)] < first[parent(settings[j].Key)]
	})
	return settings
}

// parent returns the table of a key, and "" for a key outside of tables.
func parent(key string) string {
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		return key[:i]
	}
	return ""
}

// lineMap has the lines of keys and tables.
type lineMap map[string]int

// less orders keys that are on the same line.
func (lineMap) less(a, b string) bool { return a < b }

// linesOf returns the line of each key and table.
func linesOf(data []byte) (lineMap, error) {
	lines := lineMap{}
	at, line := uint32(0), 1 // keys come in the order of the file
	lineAt := func(offset uint32) int {
		if offset > at {
			line += bytes.Count(data[at:offset], []byte("\n"))
			at = offset
		}
		return line
	}
	count := map[string]int{} // of tables that repeat
	// join adds the parts of a dotted key to a path. A table that repeats means its last.
	join := func(path string, parts unstable.Iterator) (string, int) {
		begin := 0
		for parts.Next() {
			if n := count[path]; n > 0 {
				path = fmt.Sprintf("%s[%d]", path, n-1)
			}
			part := parts.Node()
			begin = lineAt(part.Raw.Offset)
			path = strings.TrimPrefix(path+"."+string(part.Data), ".")
			if _, ok := lines[path]; !ok {
				lines[path] = begin
			}
		}
		return path, begin
	}
	var value func(path string, node *unstable.Node)
	value = func(path string, node *unstable.Node) {
		members, i := node.Children(), 0
		for members.Next() {
			member := members.Node()
			switch {
			case member.Kind == unstable.Comment:
			case node.Kind == unstable.InlineTable:
				full, _ := join(path, member.Key())
				value(full, member.Value())
			case node.Kind == unstable.Array && member.Kind == unstable.InlineTable:
				full := fmt.Sprintf("%s[%d]", path, i)
				lines[full] = lines[path]
				value(full, member)
				i++
			}
		}
	}
	var table string
	p := unstable.Parser{}
	p.Reset(data)
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table:
			table, _ = join("", e.Key())
			if n := count[table]; n > 0 {
				table = fmt.Sprintf("%s[%d]", table, n-1)
			}
		case unstable.ArrayTable:
			path, begin := join("", e.Key())
			table = fmt.Sprintf("%s[%d]", path, count[path])
			lines[table] = begin
			count[path]++
		case unstable.KeyValue:
			path, _ := join(table, e.Key())
			value(path, e.Value())
		}
	}
	if err := p.Error(); err != nil {
		return nil, &FileError{Err: err}
	}
	return lines, nil
}

// Format returns the canonical form of an experiment file: no comments, first the
// settings outside of tables, then table by table.
func Format(settings []Setting) ([]byte, error) {
	var out bytes.Buffer
	table := ""
	for _, s := range inTables(append([]Setting(nil), settings...)) {
		if t := parent(s.Key); t != table {
			table = t
			if name, _, repeats := strings.Cut(t, "["); repeats {
				fmt.Fprintf(&out, "\n[[%s]]\n", name)
			} else {
				fmt.Fprintf(&out, "\n[%s]\n", t)
			}
		}
		line, err := toml.Marshal(map[string]any{strings.TrimPrefix(s.Key, table+"."): s.Value})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Key, err)
		}
		out.Write(line)
	}
	return out.Bytes(), nil
}
