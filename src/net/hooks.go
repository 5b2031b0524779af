package net

import (
	"context"
	"net/netip"
	"os"
)

// What is in this file is for Go's own net/http/httptrace, race detector, GODEBUG
// and os. They are reached by what is internal to the standard library, so that
// _overlay/hooks.go stands in for this file in an overlay.

// traceLookup is called before the look-up of a name. ctx may be nil. instead, if not nil, is
// to be used in place of the device. done is called after it.
func traceLookup(ctx context.Context, host string) (instead func(ctx context.Context, network, host string) ([]netip.Addr, error), done func([]netip.Addr, error)) {
	return nil, func([]netip.Addr, error) {}
}

// traceConnect is called before connecting to an address, and done after it. ctx
// may be nil.
func traceConnect(ctx context.Context, network string, address Addr) (done func(error)) {
	return func(error) {}
}

// untraceConnects returns ctx for looking up the name that is dialled: the
// connections to DNS servers are not the program's.
func untraceConnects(ctx context.Context) context.Context { return ctx }

// raceRelease is called before a program sends what another goroutine of it may
// receive, and raceAcquire after it has received.
func raceRelease() {}
func raceAcquire() {}

// didWritev and didSendFile are called when the system has written n bytes of
// several slices, or of a file.
func didWritev(n int)                {}
func didSendFile(n int64, err error) {}

// didSplice is called when the system has moved n bytes from src to dst, or should
// have.
func didSplice(dst, src *devSocket, n int64, handled bool, err error) {}

// edns0 reports whether DNS servers are told how long a datagram may be.
func edns0() bool { return true }

// newSocketFile returns the file of a socket's descriptor. In an overlay its
// method Fd makes the descriptor block, as that of Go's net does.
func newSocketFile(fd uintptr, name string) *os.File { return os.NewFile(fd, name) }
