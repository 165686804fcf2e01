//go:build !linux

package main

import "testing"

func TestSplit(t *testing.T) {
	t.Skip("NOT TESTED: processes in network namespaces: only Linux has them")
}

func TestAttack(t *testing.T) {
	t.Skip("NOT TESTED: attacks between processes in network namespaces: only Linux has them")
}

func TestWrongClock(t *testing.T) {
	t.Skip("NOT TESTED: processes in network namespaces: only Linux has them")
}

func TestSiege(t *testing.T) {
	t.Skip("NOT TESTED: attacks between processes in network namespaces: only Linux has them")
}

func TestHostile(t *testing.T) {
	t.Skip("NOT TESTED: hostile peers: they use the addresses 127.x.y.z, which only Linux accepts without configuration")
}

func TestPower(t *testing.T) {
	t.Skip("NOT TESTED: images of a power failure: strace, which records system calls, is for Linux only")
}

func TestSyncFails(t *testing.T) {
	t.Skip("NOT TESTED: a sync that fails: strace, which injects the failure, is for Linux only")
}

func TestDiskFull(t *testing.T) {
	t.Skip("NOT TESTED: a full disk: the test can mount a small one only on Linux")
}

func TestNewFoldersAreSynced(t *testing.T) {
	t.Skip("NOT TESTED: the system calls of a node: strace is for Linux only")
}
