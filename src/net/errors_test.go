package net

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"os"
	"syscall"
	"testing"
	"time"
)

// netError is what the error types of both packages have.
type netError interface {
	error
	Timeout() bool
	Temporary() bool
}

func describeError(err netError) string {
	return panics(func() string {
		return show(err.Error(), err.Timeout(), err.Temporary(), errors.Unwrap(err))
	})
}

// flagError is an error with the given answers.
type flagError struct{ timeout, temporary bool }

func (e flagError) Error() string   { return "flags" }
func (e flagError) Timeout() bool   { return e.timeout }
func (e flagError) Temporary() bool { return e.temporary }

var causes = []error{
	nil, io.EOF, os.ErrDeadlineExceeded, context.DeadlineExceeded, context.Canceled,
	flagError{true, false}, flagError{false, true}, flagError{true, true},
	os.NewSyscallError("read", flagError{true, false}), os.NewSyscallError("read", flagError{false, true}), os.NewSyscallError("read", io.EOF),
	syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EINTR, syscall.ETIMEDOUT, syscall.EMFILE,
	os.NewSyscallError("accept", syscall.ECONNRESET), os.NewSyscallError("accept", syscall.EMFILE), os.NewSyscallError("connect", syscall.ETIMEDOUT),
	fmt.Errorf("wrapped: %w", os.ErrDeadlineExceeded),
}

func TestOpErrorLikeGo(t *testing.T) {
	addr := func(s string) *textAddr {
		if s == "" {
			return nil
		}
		return (*textAddr)(&s)
	}
	for _, op := range []string{"", "read", "accept", "dial"} {
		for _, network := range []string{"", "tcp"} {
			for _, source := range []string{"", "10.0.0.2:1"} {
				for _, dest := range []string{"", "10.0.0.1:80"} {
					for _, cause := range causes {
						ours := &OpError{Op: op, Net: network, Err: cause}
						gos := &stdnet.OpError{Op: op, Net: network, Err: cause}
						if a := addr(source); a != nil {
							ours.Source, gos.Source = a, a
						}
						if a := addr(dest); a != nil {
							ours.Addr, gos.Addr = a, a
						}
						what := fmt.Sprintf("OpError %q %q %q %q %v", op, network, source, dest, cause)
						same(t, what, describeError(ours), describeError(gos))
					}
				}
			}
		}
	}
	same(t, "nil OpError", (*OpError)(nil).Error(), (*stdnet.OpError)(nil).Error())
}

// textAddr is an address of both packages.
type textAddr string

func (a *textAddr) Network() string { return "text" }
func (a *textAddr) String() string  { return string(*a) }

func FuzzOpError(f *testing.F) {
	f.Add("read", "tcp", "a:1", "b:2", uint8(2))
	f.Fuzz(func(t *testing.T, op, network, source, dest string, cause uint8) {
		err := causes[int(cause)%len(causes)]
		src, dst := (*textAddr)(&source), (*textAddr)(&dest)
		same(t, "OpError", describeError(&OpError{op, network, src, dst, err}),
			describeError(&stdnet.OpError{Op: op, Net: network, Source: src, Addr: dst, Err: err}))
	})
}

func checkDNSError(t *testing.T, text, name, server string, timeout, temporary, notFound bool) {
	t.Helper()
	for _, cause := range causes {
		same(t, "DNSError", describeError(&DNSError{cause, text, name, server, timeout, temporary, notFound}),
			describeError(&stdnet.DNSError{UnwrapErr: cause, Err: text, Name: name, Server: server,
				IsTimeout: timeout, IsTemporary: temporary, IsNotFound: notFound}))
	}
}

func FuzzDNSError(f *testing.F) {
	f.Add("no such host", "example.com", "10.0.0.1:53", false, false, true)
	f.Add("", "", "", true, false, false)
	f.Add("x", "y", "", false, true, false)
	f.Fuzz(checkDNSError)
}

func TestSmallErrorsLikeGo(t *testing.T) {
	for _, s := range []string{"", "a", "10.0.0.2:80"} {
		for _, s2 := range []string{"", "b c"} {
			same(t, "AddrError", describeError(&AddrError{s, s2}), describeError(&stdnet.AddrError{Err: s, Addr: s2}))
			same(t, "ParseError", describeError(&ParseError{s, s2}), describeError(&stdnet.ParseError{Type: s, Text: s2}))
		}
		same(t, "UnknownNetworkError", describeError(UnknownNetworkError(s)), describeError(stdnet.UnknownNetworkError(s)))
		same(t, "InvalidAddrError", describeError(InvalidAddrError(s)), describeError(stdnet.InvalidAddrError(s)))
	}
	for _, err := range causes {
		same(t, "DNSConfigError", describeError(&DNSConfigError{err}), describeError(&stdnet.DNSConfigError{Err: err}))
	}
	same(t, "nil DNSError", (*DNSError)(nil).Error(), (*stdnet.DNSError)(nil).Error())
	same(t, "nil AddrError", (*AddrError)(nil).Error(), (*stdnet.AddrError)(nil).Error())
	same(t, "ErrWriteToConnected", ErrWriteToConnected.Error(), stdnet.ErrWriteToConnected.Error())
	same(t, "ErrClosed", describeError(ErrClosed.(netError)), describeError(stdnet.ErrClosed.(netError)))
	if errors.Is(ErrClosed, os.ErrClosed) != errors.Is(stdnet.ErrClosed, os.ErrClosed) {
		t.Error("ErrClosed is os.ErrClosed, or is not, unlike Go's")
	}
}

// Go's mapErr cannot be called, but a dial with a context that has ended
// returns what it makes.
func TestContextErrorsLikeGo(t *testing.T) {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	for _, ctx := range []context.Context{canceled, late} {
		_, err := new(stdnet.Dialer).DialContext(ctx, "tcp", "127.0.0.1:1")
		gos := err.(*stdnet.OpError).Err
		ours := mapErr(ctx.Err())
		is := func(err error) string {
			flags, ok := err.(netError)
			return show(err.Error(), ok, ok && flags.Timeout(), ok && flags.Temporary(), errors.Is(err, context.Canceled),
				errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded))
		}
		same(t, "mapErr", is(ours), is(gos))
	}
	if mapErr(io.EOF) != io.EOF {
		t.Error("mapErr changes other errors")
	}
}

func TestNewDNSError(t *testing.T) {
	for _, c := range []struct {
		err  error
		want DNSError
	}{
		{errNoSuchHost, DNSError{Err: "no such host", IsNotFound: true}},
		{errUnknownPort, DNSError{Err: "unknown port", IsNotFound: true}},
		{errCanceled, DNSError{Err: "operation was canceled", UnwrapErr: errCanceled}},
		{errTimeout, DNSError{Err: "i/o timeout", UnwrapErr: errTimeout, IsTimeout: true, IsTemporary: true}},
		{io.EOF, DNSError{Err: "EOF"}},
		{flagError{false, true}, DNSError{Err: "flags", IsTemporary: true}},
	} {
		c.want.Name, c.want.Server = "host", "10.0.0.1:53"
		if got := newDNSError(c.err, "host", "10.0.0.1:53"); *got != c.want {
			t.Errorf("newDNSError(%v) = %#v, want %#v", c.err, *got, c.want)
		}
	}
}
