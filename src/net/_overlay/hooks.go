package net

import (
	"context"
	"internal/nettrace"
	"internal/race"
	"net/netip"
	"os"
	"unsafe"
)

// traceLookup is called before the look-up of a name. instead, if not nil, is
// to be used in place of the device. done is called after it.
func traceLookup(ctx context.Context, host string) (instead func(ctx context.Context, network, host string) ([]netip.Addr, error), done func([]netip.Addr, error)) {
	// net/http's tests have a resolver of their own.
	alt, _ := ctx.Value(nettrace.LookupIPAltResolverKey{}).(func(context.Context, string, string) ([]IPAddr, error))
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

// traceConnect is called before connecting to an address, and done after it.
func traceConnect(ctx context.Context, network, address string) (done func(error)) {
	trace, _ := ctx.Value(nettrace.TraceKey{}).(*nettrace.Trace)
	if trace != nil && trace.ConnectStart != nil {
		trace.ConnectStart(network, address)
	}
	if trace != nil && trace.ConnectDone != nil {
		return func(err error) { trace.ConnectDone(network, address, err) }
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

// newSocketFile returns the file of a socket's descriptor. Its method Fd makes
// the descriptor block, as that of Go's net does.
func newSocketFile(fd uintptr, name string) *os.File { return newUnixFile(int(fd), name) }

// newUnixFile is package os's.
//
//go:linkname newUnixFile net.newUnixFile
func newUnixFile(fd int, name string) *os.File
