//go:build !linux

package pow

func lowerPriority() {} // a nice value is that of the process elsewhere
