//go:build !linux

package pow

// cores would be the processors on which the workers of a search run. Outside Linux a
// thread cannot be moved, or need not be.
type cores struct{}

// settle does nothing.
func (*cores) settle() {}

// yieldCore does nothing.
func yieldCore() {}
