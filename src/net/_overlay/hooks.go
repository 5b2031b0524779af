package net

import (
	"context"
	"internal/godebug"
	"internal/nettrace"
	"internal/poll"
	"internal/race"
	"net/netip"
	"os"
	"unsafe"
)

// traceLookup is called before the look-up of a name. ctx may be nil. instead, if not nil, is
// to be used in place of the device. done is called after it.
func traceLookup(ctx context.Context, host string) (instead func(ctx context.Context, network, host string) ([]netip.Addr, error), done func([]netip.Addr, error)) {
	if ctx == nil {
		ctx = context.Background()
	}
	// net/http's tests have a resolver of their own.
	alt, _ := ctx.Value(nettrace.LookupIPAltResolverKey{}).(func(context.Context, string, string) ([]IPAddr, error))
	if hook := testHookLookupIP; hook != nil && alt == nil {
		alt = func(ctx context.Context, network, host string) ([]IPAddr, error) {
			return hook(ctx, lookupUnhooked, network, host)
		}
	}
	if alt != nil {
		instead = func(ctx context.Context, network, host string) ([]netip.Addr, error) {
			found, err := alt(ctx, network, host)
			var ips []netip.Addr
			for _, a := range found {
				if ip, ok := netip.AddrFromSlice(a.IP); ok {
					ips = append(ips, ip.Unmap().WithZone(a.Zone))
				}
			}
			return ips, err
		}
	}
	done = func([]netip.Addr, error) {}
	trace, _ := ctx.Value(nettrace.TraceKey{}).(*nettrace.Trace)
	if trace == nil {
		return instead, done
	}
	if trace.DNSStart != nil {
		trace.DNSStart(host)
	}
	if trace.DNSDone != nil {
		done = func(ips []netip.Addr, err error) {
			var addrs []any
			for _, ip := range ips {
				b := ip.As16()
				addrs = append(addrs, IPAddr{IP: b[:], Zone: ip.Zone()})
			}
			trace.DNSDone(addrs, false, err)
		}
	}
	return instead, done
}

// testHookLookupIP, if not nil, looks up in place of this package, whose own
// look-up is fn. Go's own tests of net set it.
var testHookLookupIP func(ctx context.Context, fn func(context.Context, string, string) ([]IPAddr, error), network, host string) ([]IPAddr, error)

func lookupUnhooked(ctx context.Context, network, host string) (found []IPAddr, err error) {
	_, family, _ := parseIPNetwork(network)
	ips := []netip.Addr{loopback4, loopback6}
	if !isLocalhost(host) {
		ips, err = DefaultResolver.findAddresses(ctx, family, host)
	}
	for _, ip := range ips {
		b := ip.As16()
		found = append(found, IPAddr{IP: b[:], Zone: ip.Zone()})
	}
	return found, err
}

// traceConnect is called before connecting to an address, and done after it. ctx
// may be nil.
func traceConnect(ctx context.Context, network string, address Addr) (done func(error)) {
	if ctx == nil {
		return func(error) {}
	}
	trace, _ := ctx.Value(nettrace.TraceKey{}).(*nettrace.Trace)
	if trace != nil && trace.ConnectStart != nil {
		trace.ConnectStart(network, address.String())
	}
	if trace != nil && trace.ConnectDone != nil {
		return func(err error) { trace.ConnectDone(network, address.String(), err) }
	}
	return func(error) {}
}

// untraceConnects returns ctx for looking up the name that is dialled: the
// connections to DNS servers are not the program's.
func untraceConnects(ctx context.Context) context.Context {
	trace, _ := ctx.Value(nettrace.TraceKey{}).(*nettrace.Trace)
	if trace == nil {
		return ctx
	}
	lookups := *trace
	lookups.ConnectStart, lookups.ConnectDone = nil, nil
	return context.WithValue(ctx, nettrace.TraceKey{}, &lookups)
}

// The race detector does not see that what comes out of a device was put into
// one before. As for files and the system's sockets, every sending is taken to
// come before every receiving that ends later.
var raceSync byte

func raceRelease() {
	if race.Enabled {
		race.ReleaseMerge(unsafe.Pointer(&raceSync))
	}
}

func raceAcquire() {
	if race.Enabled {
		race.Acquire(unsafe.Pointer(&raceSync))
	}
}

// didWritev and didSendFile are called when the system has written n bytes of
// several slices, or of a file.
func didWritev(n int)                { poll.TestHookDidWritev(n) }
func didSendFile(n int64, err error) { poll.TestHookDidSendFile(nil, 0, n, err, true) }

// testHookSplice, if not nil, is didSplice. Go's own tests of net set it.
var testHookSplice func(dst, src *devSocket, n int64, handled bool, err error)

// didSplice is called when the system has moved n bytes from src to dst, or should
// have.
func didSplice(dst, src *devSocket, n int64, handled bool, err error) {
	if testHookSplice != nil {
		testHookSplice(dst, src, n, handled, err)
	}
}

var netedns0 = godebug.New("netedns0")

// edns0 reports whether DNS servers are told how long a datagram may be.
func edns0() bool { return netedns0.Value() != "0" }

// newSocketFile returns the file of a socket's descriptor. Its method Fd makes
// the descriptor block, as that of Go's net does.
func newSocketFile(fd uintptr, name string) *os.File { return newUnixFile(int(fd), name) }

// newUnixFile is package os's.
//
//go:linkname newUnixFile net.newUnixFile
func newUnixFile(fd int, name string) *os.File
