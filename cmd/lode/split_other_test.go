//go:build !linux

package main

import "testing"

func TestSplit(t *testing.T) {
	t.Skip("NOT TESTED: processes in network namespaces: they are Linux's")
}
