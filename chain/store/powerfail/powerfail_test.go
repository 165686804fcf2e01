package powerfail

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// traceLines makes a trace, in which text in quotes or angle brackets is written in
// hexadecimal as strace does with -xx.
func traceLines(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		closing := byte(0)
		for i := range len(line) {
			c := line[i]
			switch {
			case closing != 0 && c != closing:
				fmt.Fprintf(&b, `\x%02x`, c)
				continue
			case closing != 0:
				closing = 0
			case c == '"':
				closing = '"'
			case c == '<' && i+1 < len(line) && line[i+1] == '/':
				closing = '>'
			}
			b.WriteByte(c)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func mustParse(t *testing.T, lines ...string) []Call {
	t.Helper()
	calls, next, err := Parse(strings.NewReader(traceLines(lines...)), 1)
	if err != nil || next != len(lines)+1 {
		t.Fatalf("the next line is %d, error %v", next, err)
	}
	return calls
}

func TestParse(t *testing.T) {
	calls := mustParse(t,
		`10  openat(AT_FDCWD</home>, "/d/a, (b)", O_RDWR|O_CREAT, 0644) = 3</d/a, (b)>`,
		`10  pwrite64(3</d/a>, "x, y) = 7\n", 9, 4096 <unfinished ...>`,
		`11  fsync(3</d/a>) = -1 EIO (Input/output error)`,
		`10  <... pwrite64 resumed>) = 9`,
		`11  fdatasync(3</d/a> <unfinished ...>`,
		`10  --- SIGURG {si_signo=SIGURG} ---`,
		`10  fdatasync(3</d/a>) = ?`,
		`10  +++ killed by SIGKILL +++`,
	)
	want := []Call{
		{Name: "openat", Args: []string{"AT_FDCWD</home>", "/d/a, (b)", "O_RDWR|O_CREAT", "0644"}, Result: 3, Start: 1, End: 1},
		{Name: "pwrite64", Args: []string{"3</d/a>", `x, y) = 7\n`, "9", "4096"}, Result: 9, Start: 2, End: 4},
		{Name: "fsync", Args: []string{"3</d/a>"}, Result: -1, Start: 3, End: 3},
		{Name: "fdatasync", Args: []string{"3</d/a>"}, Result: -1, Start: 5},
		{Name: "fdatasync", Args: []string{"3</d/a>"}, Result: -1, Start: 7},
	}
	if fmt.Sprintf("%+v", calls) != fmt.Sprintf("%+v", want) {
		t.Errorf("calls\n%+v\nwant\n%+v", calls, want)
	}
	if got := calls[1].Path(0); got != "/d/a" {
		t.Errorf("path %q", got)
	}
	for _, text := range []string{"no thread\n", "10  <... fsync resumed>) = 0\n"} {
		if _, _, err := Parse(strings.NewReader(text), 1); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// images returns the different images, by what they hold, that a power failure after a
// line may leave according to many draws.
func images(t *testing.T, calls []Call, line int, how How) []string {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	disk, err := NewDisk("/d", calls)
	if err != nil {
		t.Fatal(err)
	}
	if err := disk.Advance(line); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	dir := filepath.Join(t.TempDir(), "image")
	for range 60 {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := disk.Image(dir, how, r); err != nil {
			t.Fatal(err)
		}
		found[describe(t, dir)] = true
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// describe lists the files of a folder with what is in them. Runs of a byte are short.
func describe(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if e.IsDir() {
			all = append(all, name+"/")
			return nil
		}
		data, err := os.ReadFile(path)
		var b strings.Builder
		for i := 0; i < len(data); {
			n := 1
			for i+n < len(data) && data[i+n] == data[i] {
				n++
			}
			if data[i] == 0 {
				fmt.Fprintf(&b, "0*%d", n)
			} else {
				fmt.Fprintf(&b, "%c*%d", data[i], n)
			}
			i += n
		}
		all = append(all, name+"="+b.String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestWhatIsSyncedIsThere(t *testing.T) {
	a := strings.Repeat("a", 1024)
	b := strings.Repeat("b", 1024)
	calls := mustParse(t,
		`1  mkdirat(AT_FDCWD</d>, "/d/sub", 0755) = 0`,
		`1  fsync(3</d>) = 0`,
		`1  openat(AT_FDCWD</d>, "/d/sub/f", O_RDWR|O_CREAT, 0644) = 3</d/sub/f>`,
		`1  pwrite64(3</d/sub/f>, "`+a+`", 1024, 0) = 1024`,
		`1  fdatasync(3</d/sub/f>) = 0`, // 5
		`1  fsync(4</d/sub>) = 0`,
		`1  pwrite64(3</d/sub/f>, "`+b+`", 1024, 0 <unfinished ...>`,
		`2  fdatasync(3</d/sub/f>) = 0`, // began before the write ended
		`1  <... pwrite64 resumed>) = 1024`,
		`1  fdatasync(3</d/sub/f>) = 0`, // 10
		`1  ftruncate(3</d/sub/f>, 2048) = 0`,
		`1  unlinkat(AT_FDCWD</d>, "/d/sub/f", 0) = 0`,
	)
	one := func(how How, line int, want ...string) {
		t.Helper()
		if got := images(t, calls, line, how); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("way %d after line %d: %q, want %q", how, line, got, want)
		}
	}
	one(Dropped, 1, "")
	one(Kept, 1, "sub/")
	one(Some, 1, "", "sub/")
	one(Dropped, 2, "sub/")
	one(Some, 3, "sub/", "sub/ sub/f=")
	one(Some, 4, "sub/", "sub/ sub/f=", "sub/ sub/f=a*1024")
	one(Some, 5, "sub/", "sub/ sub/f=a*1024") // the name is not durable, the data is
	one(Some, 6, "sub/ sub/f=a*1024")
	one(Dropped, 9, "sub/ sub/f=a*1024")
	one(Kept, 7, "sub/ sub/f=b*1024")
	one(Some, 9, "sub/ sub/f=a*1024", "sub/ sub/f=b*1024")
	one(TornAll, 9, "sub/ sub/f=a*1024", "sub/ sub/f=a*512b*512", "sub/ sub/f=b*1024", "sub/ sub/f=b*512a*512")
	one(TornOne, 9, "sub/ sub/f=a*1024", "sub/ sub/f=a*512b*512", "sub/ sub/f=b*1024", "sub/ sub/f=b*512a*512")
	one(TornAll, 10, "sub/ sub/f=b*1024")
	one(Some, 11, "sub/ sub/f=b*1024", "sub/ sub/f=b*10240*1024")
	one(Dropped, 12, "sub/ sub/f=b*1024")
	one(Kept, 12, "sub/")
	if got := images(t, calls, 9, TornByte); len(got) < 20 {
		t.Errorf("%d ways to tear at a byte", len(got))
	}
	if got := images(t, calls, 11, Noise); len(got) < 20 {
		t.Errorf("%d kinds of noise in what the file gained", len(got))
	}
}

// A file that gets another name, or a second one, is the same file.
func TestNames(t *testing.T) {
	calls := mustParse(t,
		`1  openat(AT_FDCWD</d>, "new", O_RDWR|O_CREAT, 0644) = 3</d/new>`,
		`1  write(3</d/new>, "xx", 2) = 2`,
		`1  write(3</d/new>, "yy", 2) = 2`,
		`1  fsync(3</d/new>) = 0`,
		`1  linkat(AT_FDCWD</d>, "/d/new", AT_FDCWD</d>, "/d/db", 0) = 0`, // 5
		`1  unlinkat(AT_FDCWD</d>, "/d/new", 0) = 0`,
		`1  fsync(4</d>) = 0`,
		`1  pwrite64(3</d/db>, "zz", 2, 0) = 2`,
		`1  fsync(3</d/db>) = 0`,
		`1  renameat(AT_FDCWD</d>, "/d/db", AT_FDCWD</d>, "/d/last") = 0`, // 10
	)
	if got := images(t, calls, 6, Some); fmt.Sprint(got) != fmt.Sprint([]string{"", "db=x*2y*2", "db=x*2y*2 new=x*2y*2", "new=x*2y*2"}) {
		t.Errorf("before the folder is synced: %q", got)
	}
	if got := images(t, calls, 9, TornAll); fmt.Sprint(got) != "[db=z*2y*2]" {
		t.Errorf("afterwards: %q", got)
	}
	if got := images(t, calls, 10, Some); fmt.Sprint(got) != "[db=z*2y*2 last=z*2y*2]" {
		t.Errorf("a new name: %q", got)
	}
}

// A Disk refuses calls that it cannot replay, and takes no notice of files elsewhere.
func TestUnknownCalls(t *testing.T) {
	for _, line := range []string{
		`1  mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</d/f>, 0) = 0x7f0000000000`,
		`1  fallocate(3</d/f>, 0, 0, 4096) = 0`,
		`1  truncate("/d/f", 4096) = 0`,
		`1  symlinkat("/x", AT_FDCWD</d>, "/d/f") = 0`,
	} {
		if _, err := NewDisk("/d", mustParse(t, line)); err == nil {
			t.Errorf("%s was taken", line)
		}
		if _, err := NewDisk("/e", mustParse(t, line)); err != nil {
			t.Errorf("%s is about another disk: %v", line, err)
		}
	}
}
