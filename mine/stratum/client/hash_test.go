package client

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/pow"
)

// shareHash returns the hash of a share from first principles: with nothing but SHA-256
// and the layout of a header.
func shareHash(job stratum.Notify, extranonce1 []byte, s stratum.Submit) pow.Hash {
	double := func(b []byte) []byte {
		first := sha256.Sum256(b)
		second := sha256.Sum256(first[:])
		return second[:]
	}
	root := double(slices.Concat(job.Coinbase1, extranonce1, s.Extranonce2, job.Coinbase2))
	for _, h := range job.Branch {
		root = double(append(root, h[:]...))
	}
	version := uint32(job.Version)
	if s.VersionBits != nil {
		version = version&^0x1fffe000 | *s.VersionBits
	}
	header := binary.LittleEndian.AppendUint32(nil, version)
	header = append(header, job.Prev[:]...)
	header = append(header, root...)
	header = binary.LittleEndian.AppendUint32(header, s.Time)
	header = binary.LittleEndian.AppendUint32(header, uint32(job.Bits))
	header = binary.LittleEndian.AppendUint32(header, s.Nonce)
	return pow.Hash(double(header))
}
