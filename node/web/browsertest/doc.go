// Package browsertest tests the pages of a node in a real browser: Chromium, which the
// tests start without a window and control over its DevTools protocol. It is a module of
// its own, because the library for that protocol is large.
//
// Run the tests with
//
//	LODE_BROWSER=1 go test -C node/web/browsertest .
//
// They need the program chromium (Debian: apt-get install chromium) and, for the checks of
// accessibility, npm, which fetches axe-core. Without them they report NOT TESTED.
//
// With LODE_SPEED=1, too, TestSpeed measures the pages and prints the figures. LODE_QUIET may
// name a command that runs another command while the rest of the machine is quiet; TestSpeed
// then measures in pieces of a few seconds, each inside of that.
//
// A test never sleeps. It waits until the page says what it should say, and fails if
// that does not happen within a time that only a page that hangs can reach.
package browsertest
