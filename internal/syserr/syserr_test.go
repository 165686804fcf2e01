package syserr_test

import (
	"errors"
	"net"
	"os"
	"testing"

	"github.com/lodepow/lode/internal/syserr"
)

// The network of this system itself returns the errors that are recognised.
func TestNetworkErrors(t *testing.T) {
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_, err = config.Listen(t.Context(), "tcp", address)
	if !syserr.Is(err, syserr.AddressInUse) || syserr.Is(err, syserr.Refused) {
		t.Errorf("a second listener: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	_, err = dialer.DialContext(t.Context(), "tcp", address)
	if !syserr.Is(err, syserr.Refused) || syserr.Is(err, syserr.AddressInUse) {
		t.Errorf("nobody listens: %v", err)
	}
}

// Each kind is recognised through wrapping, and is no other kind.
func TestKinds(t *testing.T) {
	kinds := []syserr.Kind{syserr.DiskFull, syserr.NoDescriptor, syserr.Refused, syserr.Unreachable, syserr.Reset, syserr.AddressInUse, syserr.NoAddress, syserr.NoPermission}
	for _, kind := range kinds {
		if len(syserr.Numbers(kind)) == 0 {
			t.Errorf("kind %d has no errors", kind)
		}
		for _, number := range syserr.Numbers(kind) {
			err := &os.PathError{Op: "write", Path: "x", Err: os.NewSyscallError("write", number)}
			for _, other := range kinds {
				if syserr.Is(err, other) != (other == kind) {
					t.Errorf("error %d (%v) of kind %d: kind %d is %v", number, number, kind, other, other != kind)
				}
			}
		}
	}
	if syserr.Is(nil, syserr.DiskFull) || syserr.Is(errors.New("disk full"), syserr.DiskFull) {
		t.Error("an error that is not from the system was taken for one")
	}
}
