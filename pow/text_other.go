//go:build !linux

package pow

// textRemedies returns none: other systems have no call that moves a program's text.
func textRemedies() []remedy { return nil }
