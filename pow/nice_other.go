//go:build !linux

package pow

// nicely calls f. It lowers no priority, because outside Linux a nice value applies
// to the whole process.
func nicely(f func()) { f() }
