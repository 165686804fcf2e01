package pow

import (
	"fmt"
	"strings"
)

// SelfTest returns nil if the kernel can run on this CPU and finds the right
// answers. It takes a few thousand hashes.
func (k Kernel) SelfTest() (err error) {
	if len(k.missing) > 0 {
		return fmt.Errorf("kernel %s needs %s, which this CPU lacks", k.name, strings.Join(k.missing, " and "))
	}
	defer func() { // a kernel that uses a library panics if it does not know the library's saved state
		if p := recover(); p != nil {
			err = fmt.Errorf("kernel %s failed its self-test: %v", k.name, p)
		}
	}()
	if err := k.findGenesis(); err != nil {
		return fmt.Errorf("kernel %s failed its self-test: %w", k.name, err)
	}
	if err := k.findEverything(); err != nil {
		return fmt.Errorf("kernel %s failed its self-test: %w", k.name, err)
	}
	return nil
}

// BitcoinGenesis returns the header of the first block of Bitcoin's main chain.
func BitcoinGenesis() Header {
	root, _ := ParseHash("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b")
	return Header{Version: 1, MerkleRoot: root, Time: 1231006505, Bits: 0x1d00ffff, Nonce: 2083236893}
}

// findGenesis searches a range of nonces around the nonce of Bitcoin's genesis
// block. The target is one that Bitcoin's blocks have really had.
func (k Kernel) findGenesis() error {
	genesis := BitcoinGenesis()
	found, err := k.Scan(Job{Header: genesis, First: genesis.Nonce - 500, Count: 512})
	if err != nil {
		return fmt.Errorf("genesis: %w", err)
	}
	if found.Header != genesis {
		return fmt.Errorf("genesis: found nonce %d, want %d", found.Header.Nonce, genesis.Nonce)
	}
	return nil
}

// findEverything searches the last 401 nonces of the space at an easy target, from
// one answer to the next, and compares every answer with that of plain hashing.
func (k Kernel) findEverything() error {
	job := Job{
		Header:   BitcoinGenesis(),
		First:    1<<32 - 401,
		Versions: []int32{1, 0x20000000, -1},
		Target:   ZerosTarget(5),
	}
	for job.First != 0 { // First wraps around to 0 if the last nonce was an answer
		want, exists, err := scanNaively(job)
		if err != nil {
			return err
		}
		got, err := k.Scan(job)
		if found := err == nil; found != exists || got.Header != want {
			return fmt.Errorf("from nonce %d: found %d (%v), want %d (%v)", job.First, got.Header.Nonce, found, want.Nonce, exists)
		}
		if !exists {
			return nil
		}
		job.First = want.Nonce + 1
	}
	return nil
}

// scanNaively does what [Kernel.Scan] does by hashing every header whole.
func scanNaively(job Job) (solved Header, found bool, err error) {
	s, err := job.prepare()
	if err != nil {
		return Header{}, false, err
	}
	for at := range s.size() {
		if s.confirm(at) {
			return s.result(at).Header, true, nil
		}
	}
	return Header{}, false, nil
}
