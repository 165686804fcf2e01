//go:build !linux && !darwin

package store

func freeBytes(string) int64 { return -1 }
