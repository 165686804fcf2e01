//go:build !linux

package pow

import "testing"

func checkPriorities(*testing.T) {}

func searchOnMainThread() (done bool, err error) { return false, nil }
