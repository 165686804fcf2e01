//go:build !linux

package pow

// lowerPriority does nothing, because outside Linux a nice value applies to the
// whole process.
func lowerPriority() {}
