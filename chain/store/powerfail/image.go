package powerfail

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

const sector = 512

// How is a way in which a power failure treats what has not been synced.
type How int

// The ways. Writes are torn at the borders of sectors of 512 bytes, except in TornByte.
const (
	Dropped  How = iota // nothing of it is there
	Kept                // all of it is there
	Some                // each change is there or not
	TornOne             // each change is there, not there, or there up to a sector or from it on
	TornAll             // each sector of each write is there or not
	Noise               // as TornAll, and sectors that the file gained without their data hold noise
	TornByte            // as Some, but one write is torn at a byte, as on disks that tear sectors
	howMany             // the number of ways
)

// Ways is the number of ways.
const Ways = int(howMany)

// Image writes the disk as it may be after a power failure at the present moment to
// the folder to, which must exist and be empty. The order in which the disk has done
// what was not synced does not matter, as any part of it may be missing.
func (d *Disk) Image(to string, how How, r *rand.Rand) error {
	return imager{how, r, map[*inode][]byte{}}.folder(d.top, to)
}

type imager struct {
	how   How
	r     *rand.Rand
	files map[*inode][]byte // a file may have two names
}

func (im imager) folder(n *inode, to string) error {
	entries := maps.Clone(n.durableEntries)
	for _, p := range n.pending {
		if im.keeps() {
			p.applyEntries(entries)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		at, node := filepath.Join(to, name), entries[name]
		if node.folder {
			if err := os.Mkdir(at, 0o755); err != nil {
				return err
			}
			if err := im.folder(node, at); err != nil {
				return err
			}
			continue
		}
		if _, ok := im.files[node]; !ok {
			im.files[node] = im.file(node)
		}
		if err := os.WriteFile(at, im.files[node], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// keeps draws whether a change as a whole is there.
func (im imager) keeps() bool {
	return im.how != Dropped && (im.how == Kept || im.r.IntN(2) == 0)
}

// file draws what is in a file.
func (im imager) file(n *inode) []byte {
	data := slices.Clone(n.durableData)
	written := map[int64]bool{} // sectors of the file that have got their data
	torn := -1
	if im.how == TornByte && len(n.pending) > 0 {
		torn = im.r.IntN(len(n.pending))
	}
	for i, p := range n.pending {
		if p.resize {
			if im.keeps() {
				data = resized(data, p.size)
			}
			continue
		}
		if i == torn {
			data = im.tear(data, p)
			continue
		}
		keep := im.pieces(p)
		for at := int64(0); at < int64(len(p.data)); {
			next := min((p.size+at)/sector*sector+sector-p.size, int64(len(p.data)))
			if keep(at) {
				data = writeAt(data, p.data[at:next], p.size+at)
				written[(p.size+at)/sector] = true
			}
			at = next
		}
	}
	if im.how == Noise {
		for at := (int64(len(n.durableData)) + sector - 1) / sector * sector; at < int64(len(data)); at += sector {
			if !written[at/sector] {
				for i := at; i < min(at+sector, int64(len(data))); i++ {
					data[i] = byte(im.r.Uint32())
				}
			}
		}
	}
	return data
}

// pieces draws which parts of a write are there. The function that it returns says it
// of the part that begins at an offset in the write.
func (im imager) pieces(p change) func(at int64) bool {
	switch im.how {
	case TornAll, Noise:
		return func(int64) bool { return im.r.IntN(2) == 0 }
	case TornOne:
		cut := im.r.Int64N(int64(len(p.data))/sector + 1)
		switch im.r.IntN(4) {
		case 0:
			return func(at int64) bool { return at < cut*sector }
		case 1:
			return func(at int64) bool { return at >= cut*sector }
		}
	}
	keep := im.keeps()
	return func(int64) bool { return keep }
}

// tear applies the beginning or the end of a write, or all of it but some bytes within
// its first hundred, where the headers are.
func (im imager) tear(data []byte, p change) []byte {
	if len(p.data) == 0 {
		return data
	}
	cut := im.r.IntN(len(p.data))
	if im.r.IntN(2) == 0 {
		cut = im.r.IntN(min(100, len(p.data)))
	}
	if im.r.IntN(2) == 0 {
		return writeAt(data, p.data[:cut], p.size)
	}
	return writeAt(data, p.data[cut:], p.size+int64(cut))
}
