package powerfail

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Disk replays system calls on the files below one folder.
type Disk struct {
	root  string
	top   *inode
	calls []Call // those that may change something, in order of their start
	next  int    // in calls; those before have started
	ends  []Call // syncs that have started and not ended

	// Ignore says of a sync that it has no effect, for tests of tests. nil: none.
	Ignore func(c Call) bool
}

// inode is a file or a folder.
type inode struct {
	folder  bool
	entries map[string]*inode // of a folder, as programs see them
	data    []byte            // of a file, as programs see it

	durableEntries map[string]*inode
	durableData    []byte
	pending        []change // since the last sync, in order
}

// change is a change of an inode that is not durable yet.
type change struct {
	end int // line at which the call ended; 0: it did not return

	// of a file
	resize bool // to size bytes, otherwise a write of data at offset size
	size   int64
	data   []byte

	// of a folder: these entries get these inodes, nil removes them
	entries map[string]*inode
}

// NewDisk returns a disk on which the folder root, which must be an absolute path
// without symbolic links, is empty and durable. The error says that a call that
// changes a file is of a kind that a Disk does not know.
func NewDisk(root string, calls []Call) (*Disk, error) {
	d := &Disk{root: path.Clean(root), top: newFolder()}
	for _, c := range calls {
		relevant, err := d.relevant(c)
		if err != nil {
			return nil, err
		}
		if relevant {
			d.calls = append(d.calls, c)
		}
	}
	return d, nil
}

func newFolder() *inode {
	return &inode{folder: true, entries: map[string]*inode{}, durableEntries: map[string]*inode{}}
}

// relevant reports whether the call may change a file of the disk, or sync one.
func (d *Disk) relevant(c Call) (bool, error) {
	paths := d.paths(c)
	inside := slices.ContainsFunc(paths, func(p string) bool { _, ok := d.inside(p); return ok })
	if !inside || c.Result < 0 && c.End != 0 {
		return false, nil
	}
	switch c.Name {
	case "openat":
		return strings.Contains(c.Args[2], "O_CREAT") || strings.Contains(c.Args[2], "O_TRUNC"), nil
	case "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "rename", "renameat", "renameat2", "link", "linkat",
		"unlink", "unlinkat", "mkdir", "mkdirat":
		return true, nil
	case "fadvise64":
		return false, nil
	case "mmap":
		if strings.Contains(c.Args[2], "PROT_WRITE") && strings.Contains(c.Args[3], "MAP_SHARED") {
			return false, fmt.Errorf("%s of %v: writes to a mapping cannot be seen", c.Name, paths)
		}
		return false, nil
	default:
		return false, fmt.Errorf("%s of %v: it is not known what this does", c.Name, paths)
	}
}

// paths returns the absolute paths that a call is about.
func (d *Disk) paths(c Call) []string {
	at := func(dir, name int) string {
		if name >= len(c.Args) || path.IsAbs(c.Args[name]) {
			return c.Args[min(name, len(c.Args)-1)]
		}
		return path.Join(c.Path(dir), c.Args[name])
	}
	switch c.Name {
	case "openat", "mkdirat", "unlinkat":
		return []string{at(0, 1)}
	case "renameat", "renameat2", "linkat":
		return []string{at(0, 1), at(2, 3)}
	case "symlinkat":
		return []string{at(1, 2)}
	case "rename", "link":
		return []string{c.Args[0], c.Args[1]}
	case "mkdir", "unlink", "rmdir", "creat", "truncate":
		return []string{c.Args[0]}
	case "mmap":
		if len(c.Args) < 5 {
			return nil
		}
		return []string{c.Path(4)}
	default:
		return []string{c.Path(0)}
	}
}

// inside returns a path relative to the root of the disk, if it is on the disk.
func (d *Disk) inside(p string) (string, bool) {
	p = path.Clean(p)
	if p == d.root {
		return "", true
	}
	return strings.CutPrefix(p, d.root+"/")
}

// find returns the inode at a path as programs see it, its folder and its name. The
// inode is nil if there is none, the folder too if there is no such folder.
func (d *Disk) find(p string) (node, folder *inode, name string) {
	rel, ok := d.inside(p)
	if !ok {
		return nil, nil, ""
	}
	node = d.top
	for part := range strings.SplitSeq(rel, "/") {
		if rel == "" {
			break
		}
		if node == nil || !node.folder {
			return nil, nil, ""
		}
		folder, name = node, part
		node = node.entries[part]
	}
	return node, folder, name
}

// Moments returns the lines after which a power failure leaves something else than
// before, in ascending order: those at which a change or a sync starts or ends.
func (d *Disk) Moments() []int {
	var at []int
	for _, c := range d.calls {
		at = append(at, c.Start)
		if c.End > 0 {
			at = append(at, c.End)
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// Advance replays the calls up to and including a line, which must not be before the
// present one.
func (d *Disk) Advance(line int) error {
	for {
		// What happens first: a call starts, or a sync ends?
		ends := slices.IndexFunc(d.ends, func(c Call) bool {
			return c.End <= line && (d.next == len(d.calls) || c.End < d.calls[d.next].Start)
		})
		switch {
		case ends >= 0:
			first := ends
			for i, c := range d.ends {
				if c.End < d.ends[first].End {
					first = i
				}
			}
			d.sync(d.ends[first])
			d.ends = slices.Delete(d.ends, first, first+1)
		case d.next < len(d.calls) && d.calls[d.next].Start <= line:
			c := d.calls[d.next]
			d.next++
			if c.Name != "fsync" && c.Name != "fdatasync" {
				if err := d.start(c); err != nil {
					return fmt.Errorf("line %d: %s: %w", c.Start, c.Name, err)
				}
			} else if c.End > 0 && c.Result == 0 && (d.Ignore == nil || !d.Ignore(c)) {
				d.ends = append(d.ends, c)
			}
		default:
			return nil
		}
	}
}

// start applies a call that changes something. From its start on, it may have
// happened in part.
func (d *Disk) start(c Call) error {
	paths := d.paths(c)
	node, folder, name := d.find(paths[0])
	switch c.Name {
	case "openat":
		if folder == nil {
			return fmt.Errorf("no folder for %s", paths[0])
		}
		if node == nil {
			folder.set(c, map[string]*inode{name: {}})
		} else if strings.Contains(c.Args[2], "O_TRUNC") && !node.folder {
			node.resize(c, 0)
		}
	case "mkdir", "mkdirat":
		folder.set(c, map[string]*inode{name: newFolder()})
	case "unlink", "unlinkat":
		folder.set(c, map[string]*inode{name: nil})
	case "link", "linkat":
		_, to, as := d.find(paths[1])
		to.set(c, map[string]*inode{as: node})
	case "rename", "renameat", "renameat2":
		_, to, as := d.find(paths[1])
		if to != folder {
			return fmt.Errorf("from one folder to another")
		}
		folder.set(c, map[string]*inode{name: nil, as: node})
	case "ftruncate":
		size, err := strconv.ParseInt(c.Args[1], 10, 64)
		if err != nil || node == nil {
			return fmt.Errorf("%s: size %q", paths[0], c.Args[1])
		}
		node.resize(c, size)
	case "write", "pwrite64":
		if node == nil {
			return nil // of a file that has no name any more
		}
		at := int64(len(node.data)) // the programs that are traced write only to the end
		if c.Name == "pwrite64" {
			var err error
			if at, err = strconv.ParseInt(c.Args[3], 10, 64); err != nil {
				return err
			}
		}
		data := []byte(c.Args[1])
		if c.End > 0 {
			data = data[:min(len(data), int(c.Result))]
		}
		node.data = writeAt(node.data, data, at)
		node.pending = append(node.pending, change{end: c.End, data: data, size: at})
	}
	return nil
}

func (n *inode) set(c Call, entries map[string]*inode) {
	for name, node := range entries {
		if node == nil {
			delete(n.entries, name)
		}
	}
	for name, node := range entries {
		if node != nil {
			n.entries[name] = node
		}
	}
	n.pending = append(n.pending, change{end: c.End, entries: entries})
}

func (n *inode) resize(c Call, size int64) {
	n.data = resized(n.data, size)
	n.pending = append(n.pending, change{end: c.End, resize: true, size: size})
}

// sync makes durable what had ended before the sync started.
func (d *Disk) sync(c Call) {
	node, _, _ := d.find(d.paths(c)[0])
	if node == nil {
		return
	}
	kept := node.pending[:0:0]
	for _, p := range node.pending {
		if p.end == 0 || p.end > c.Start {
			kept = append(kept, p)
			continue
		}
		if node.folder {
			p.applyEntries(node.durableEntries)
		} else {
			node.durableData = p.applyData(node.durableData)
		}
	}
	node.pending = kept
}

func (p change) applyEntries(entries map[string]*inode) {
	for name, node := range p.entries {
		if node == nil {
			delete(entries, name)
		} else {
			entries[name] = node
		}
	}
}

func (p change) applyData(data []byte) []byte {
	if p.resize {
		return resized(data, p.size)
	}
	return writeAt(data, p.data, p.size)
}

func resized(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

func writeAt(data, piece []byte, at int64) []byte {
	if end := at + int64(len(piece)); end > int64(len(data)) {
		data = resized(data, end)
	}
	copy(data[at:], piece)
	return data
}

// Pending returns the number of changes that are not durable at the present moment.
func (d *Disk) Pending() int {
	seen := map[*inode]bool{}
	var count func(n *inode) int
	count = func(n *inode) int {
		if seen[n] {
			return 0
		}
		seen[n] = true
		sum := len(n.pending)
		for _, name := range slices.Sorted(maps.Keys(n.entries)) {
			sum += count(n.entries[name])
		}
		return sum
	}
	return count(d.top)
}

// Data returns a file as programs see it at the present moment.
func (d *Disk) Data(p string) ([]byte, bool) {
	node, _, _ := d.find(p)
	if node == nil || node.folder {
		return nil, false
	}
	return node.data, true
}
