package powerfail

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Flags are the flags of strace with which it records what [Parse] reads. They follow
// every thread, show the path of each descriptor, and show all bytes.
func Flags() []string {
	return []string{
		"-f", "-y", "-xx", "-s", "67108864", "--seccomp-bpf", "-e", "signal=none",
		"-e", "trace=openat,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate," +
			"fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,symlinkat," +
			"unlink,unlinkat,rmdir,mkdir,mkdirat,mmap,fadvise64",
	}
}

// Call is a system call.
type Call struct {
	Name   string
	Args   []string // strings are decoded; a descriptor is as in 3</path>
	Result int64    // -1 if it failed or did not return

	Start, End int // lines of the trace; End is 0 if the call did not return
}

// The forms of the lines of a trace.
var (
	lineForm    = func() *regexp.Regexp { return regexp.MustCompile(`^(\d+) +(.*)$`) }
	callForm    = func() *regexp.Regexp { return regexp.MustCompile(`(?s)^(\w+)\((.*)\) += (-?\d+|\?)`) }
	cutForm     = func() *regexp.Regexp { return regexp.MustCompile(`(?s)^(\w+)\((.*?),? ?<unfinished \.\.\.>$`) }
	resumedForm = func() *regexp.Regexp { return regexp.MustCompile(`(?s)^<\.\.\. (\w+) resumed>(.*)$`) }
)

// Parse reads a trace. Lines of a call that did not return, because the process was
// killed, give a call without an end. Lines are numbered from first; next is the
// number after the last one.
func Parse(trace io.Reader, first int) (calls []Call, next int, err error) {
	line, call, cut, resumed := lineForm(), callForm(), cutForm(), resumedForm()
	type started struct {
		text  string
		start int
		at    int // in calls
	}
	open := map[string]started{} // by thread
	r := bufio.NewReaderSize(trace, 1<<20)
	for next = first; ; next++ {
		text, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return calls, next, nil
		}
		if err != nil {
			return nil, 0, err
		}
		m := line.FindStringSubmatch(strings.TrimSuffix(text, "\n"))
		if m == nil {
			return nil, 0, fmt.Errorf("line %d: no thread: %.100q", next, text)
		}
		thread, rest, start := m[1], m[2], next
		at := -1
		if c := cut.FindStringSubmatch(rest); c != nil {
			open[thread] = started{c[1] + "(" + c[2], next, len(calls)}
			calls = append(calls, Call{Name: c[1], Args: splitArgs(c[2]), Result: -1, Start: next})
			continue
		}
		if c := resumed.FindStringSubmatch(rest); c != nil {
			o, ok := open[thread]
			if !ok {
				return nil, 0, fmt.Errorf("line %d: %s was not started", next, c[1])
			}
			delete(open, thread)
			rest, start, at = o.text+c[2], o.start, o.at
		}
		c := call.FindStringSubmatch(rest)
		if c == nil {
			continue // the end of a thread, or a signal
		}
		done := Call{Name: c[1], Args: splitArgs(c[2]), Result: -1, Start: start}
		if c[3] != "?" {
			if done.Result, err = strconv.ParseInt(c[3], 10, 64); err != nil {
				return nil, 0, fmt.Errorf("line %d: %w", next, err)
			}
			done.End = next
		}
		if at >= 0 {
			calls[at] = done
		} else {
			calls = append(calls, done)
		}
	}
}

// splitArgs splits the arguments of a call. All text in them is in hexadecimal, so
// that a comma is always a separator, except in structures.
func splitArgs(text string) []string {
	if text == "" {
		return nil
	}
	args := strings.Split(text, ", ")
	for i, arg := range args {
		args[i] = decode(arg)
	}
	return args
}

// decode removes the quotes from a string and decodes its bytes, which are written
// as \x2f.
func decode(arg string) string {
	arg = strings.TrimSuffix(strings.TrimPrefix(arg, `"`), `"`)
	if !strings.Contains(arg, `\x`) {
		return arg
	}
	var b strings.Builder
	b.Grow(len(arg) / 4)
	for i := 0; i < len(arg); i++ {
		if arg[i] == '\\' && i+4 <= len(arg) && arg[i+1] == 'x' {
			if v, err := strconv.ParseUint(arg[i+2:i+4], 16, 8); err == nil {
				_ = b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		_ = b.WriteByte(arg[i])
	}
	return b.String()
}

// Path returns the path of the descriptor in an argument such as 3</path>.
func (c Call) Path(arg int) string {
	if arg >= len(c.Args) {
		return ""
	}
	_, path, _ := strings.Cut(c.Args[arg], "<")
	return strings.TrimSuffix(path, ">")
}
