package netdev

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

func TestErrorsAreTheSystemsToo(t *testing.T) {
	for _, tt := range []struct{ err, want error }{
		{ErrTimeout, os.ErrDeadlineExceeded},
		{ErrNotSupported, errors.ErrUnsupported},
		{ErrFamilyNotSupported, errors.ErrUnsupported},
		{ErrProtocolNotSupported, errors.ErrUnsupported},
		{ErrNotConnected, syscall.ENOTCONN},
		{ErrAddrInUse, syscall.EADDRINUSE},
		{ErrConnRefused, syscall.ECONNREFUSED},
		{ErrConnReset, syscall.ECONNRESET},
		{ErrLinkDown, syscall.ENETDOWN},
		{ErrMsgSize, syscall.EMSGSIZE},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%q is not %q", tt.err, tt.want)
		}
		if errors.Is(tt.err, syscall.EPIPE) {
			t.Errorf("%q is EPIPE", tt.err)
		}
	}
}

// A server whose Accept fails for want of a socket tries again.
func TestOutOfSocketsIsTemporary(t *testing.T) {
	var temporary interface{ Temporary() bool }
	if !errors.As(ErrNoMoreSockets, &temporary) || !temporary.Temporary() {
		t.Error("ErrNoMoreSockets is not temporary")
	}
}
