package net

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// An Error is what the errors of this package are: one that can say whether
// it was a timeout.
type Error interface {
	error

	// Timeout reports whether the operation ran out of time.
	Timeout() bool

	// Temporary is not well defined: most temporary errors are timeouts.
	//
	// Deprecated: do not use it.
	Temporary() bool
}

var (
	// ErrWriteToConnected is what WriteTo gives on a connection that has its
	// peer already.
	ErrWriteToConnected = errors.New("use of WriteTo with pre-connected connection")

	// ErrClosed is what a call on a closed connection or listener gives, or
	// one that was blocked when it was closed. It usually comes wrapped: test
	// with errors.Is.
	ErrClosed error = closedError{}
)

// Errors that come inside an OpError or as the text of an AddrError.
var (
	errNoSuitableAddress       = errors.New("no suitable address found")
	errMissingAddress          = errors.New("missing address")
	errCanceled          error = canceledError{}
	errTimeout           error = &timeoutError{}
)

type closedError struct{}

func (closedError) Error() string   { return "use of closed network connection" }
func (closedError) Timeout() bool   { return false }
func (closedError) Temporary() bool { return false }

// canceledError is context.Canceled under the text that net has for it.
type canceledError struct{}

func (canceledError) Error() string        { return "operation was canceled" }
func (canceledError) Is(target error) bool { return identical(target, context.Canceled) }

// timeoutError is context.DeadlineExceeded under the text that net has for
// it. Deadlines of connections are os.ErrDeadlineExceeded instead.
type timeoutError struct{}

func (*timeoutError) Error() string        { return "i/o timeout" }
func (*timeoutError) Timeout() bool        { return true }
func (*timeoutError) Temporary() bool      { return true }
func (*timeoutError) Is(target error) bool { return identical(target, context.DeadlineExceeded) }

// mapErr gives a context's error the text that net has for it; other errors
// it leaves alone.
func mapErr(err error) error {
	switch {
	case err == nil:
	case identical(err, context.Canceled):
		return errCanceled
	case identical(err, context.DeadlineExceeded):
		return errTimeout
	}
	return err
}

// OpError is the error of most functions and methods of this package: what
// was attempted, on which network and between which addresses, and why it
// failed.
type OpError struct {
	// Op is what was attempted, as "dial", "read" or "listen".
	Op string

	// Net is the network, as "tcp" or "udp6".
	Net string

	// Source is the local address if there is a remote one too, as for
	// dial, read and write.
	Source Addr

	// Addr is the remote address, or the local one where there is no
	// remote, as for listen or for setting a deadline.
	Addr Addr

	// Err is the cause. It must not be nil when Error is called.
	Err error
}

// Unwrap returns e.Err.
func (e *OpError) Unwrap() error { return e.Err }

// Error returns the operation, the addresses and the cause in one line.
func (e *OpError) Error() string {
	if e == nil {
		return "<nil>"
	}
	s := e.Op
	if e.Net != "" {
		s += " " + e.Net
	}
	before := " "
	if e.Source != nil {
		s += before + e.Source.String()
		before = "->"
	}
	if e.Addr != nil {
		s += before + e.Addr.String()
	}
	return s + ": " + e.Err.Error()
}

// cause returns e.Err without the name of a system call around it.
func (e *OpError) cause() error {
	if sys, ok := e.Err.(*os.SyscallError); ok {
		return sys.Err
	}
	return e.Err
}

// Timeout reports whether the cause says that it was a timeout.
func (e *OpError) Timeout() bool {
	t, ok := e.cause().(interface{ Timeout() bool })
	return ok && t.Timeout()
}

// Temporary reports whether the cause says that it is temporary. For accept
// a connection that was reset before it was accepted is temporary too.
func (e *OpError) Temporary() bool {
	if n, ok := e.Err.(syscall.Errno); ok && e.Op == "accept" && (n == syscall.ECONNRESET || n == syscall.ECONNABORTED) {
		return true
	}
	t, ok := e.cause().(interface{ Temporary() bool })
	return ok && t.Temporary()
}

func isTemporary(err error) bool {
	e, ok := err.(Error)
	return ok && e.Temporary()
}

// A ParseError says that a text is not the literal address it should be.
type ParseError struct {
	// Type is what was expected, as "IP address" or "CIDR address".
	Type string

	// Text is what was found.
	Text string
}

// Error returns what the text should have been and the text.
func (e *ParseError) Error() string { return "invalid " + e.Type + ": " + e.Text }

// Timeout reports false.
func (e *ParseError) Timeout() bool { return false }

// Temporary reports false.
func (e *ParseError) Temporary() bool { return false }

// An AddrError says what is wrong with an address.
type AddrError struct {
	Err  string // what is wrong
	Addr string // the address, or empty
}

// Error returns the address and what is wrong with it.
func (e *AddrError) Error() string {
	switch {
	case e == nil:
		return "<nil>"
	case e.Addr == "":
		return e.Err
	}
	return "address " + e.Addr + ": " + e.Err
}

// Timeout reports false.
func (e *AddrError) Timeout() bool { return false }

// Temporary reports false.
func (e *AddrError) Temporary() bool { return false }

// UnknownNetworkError is the name of a network that this package does not
// have, or that the function called does not take.
type UnknownNetworkError string

// Error returns a text with the network's name.
func (e UnknownNetworkError) Error() string { return "unknown network " + string(e) }

// Timeout reports false.
func (e UnknownNetworkError) Timeout() bool { return false }

// Temporary reports false.
func (e UnknownNetworkError) Temporary() bool { return false }

// InvalidAddrError says why an address cannot be used.
type InvalidAddrError string

// Error returns the text itself.
func (e InvalidAddrError) Error() string { return string(e) }

// Timeout reports false.
func (e InvalidAddrError) Timeout() bool { return false }

// Temporary reports false.
func (e InvalidAddrError) Temporary() bool { return false }

// DNSConfigError is the error of reading a DNS configuration. Nothing returns
// it; it is here for programs that name it.
type DNSConfigError struct {
	Err error
}

// Unwrap returns e.Err.
func (e *DNSConfigError) Unwrap() error { return e.Err }

// Error returns a text with the cause, which must not be nil.
func (e *DNSConfigError) Error() string { return "error reading DNS config: " + e.Err.Error() }

// Timeout reports false.
func (e *DNSConfigError) Timeout() bool { return false }

// Temporary reports false.
func (e *DNSConfigError) Temporary() bool { return false }

// notFoundError is an error that newDNSError marks as IsNotFound.
type notFoundError string

func (e notFoundError) Error() string { return string(e) }

func isNotFound(err error) bool {
	_, ok := err.(notFoundError)
	return ok
}

const (
	errNoSuchHost  = notFoundError("no such host")
	errUnknownPort = notFoundError("unknown port")
)

// DNSError is the error of a look-up by name.
type DNSError struct {
	UnwrapErr   error  // what Unwrap returns; may be nil
	Err         string // what went wrong
	Name        string // the name that was looked up
	Server      string // the server that was asked, or empty
	IsTimeout   bool   // it was a timeout; false also if that is not known
	IsTemporary bool   // it may work later; false also if that is not known

	// IsNotFound says that the name does not exist, or has no record of the
	// kind that was asked for.
	IsNotFound bool
}

// newDNSError returns the DNSError for err, which must not be nil. Only errors
// that are a context's are kept for Unwrap, as in Go.
func newDNSError(err error, name, server string) *DNSError {
	e := &DNSError{Err: err.Error(), Name: name, Server: server}
	if ne, ok := err.(Error); ok {
		e.IsTimeout, e.IsTemporary = ne.Timeout(), ne.Temporary()
	}
	if is(err, context.Canceled) || is(err, context.DeadlineExceeded) {
		e.UnwrapErr = err
	}
	e.IsNotFound = isNotFound(err)
	return e
}

// Unwrap returns e.UnwrapErr.
func (e *DNSError) Unwrap() error { return e.UnwrapErr }

// Error returns the name, the server and what went wrong in one line.
func (e *DNSError) Error() string {
	if e == nil {
		return "<nil>"
	}
	s := "lookup " + e.Name
	if e.Server != "" {
		s += " on " + e.Server
	}
	return s + ": " + e.Err
}

// Timeout reports whether the look-up is known to have run out of time.
func (e *DNSError) Timeout() bool { return e.IsTimeout }

// Temporary reports whether the error is known to be a timeout or temporary.
func (e *DNSError) Temporary() bool { return e.IsTimeout || e.IsTemporary }
