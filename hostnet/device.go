//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"net/netip"
	"os"
	"syscall"

	"tinynet/netdev"
)

// Device is the operating system's network. It implements netdev.Netdever and
// all of netdev's optional interfaces. Its methods may be called by several
// goroutines at once.
//
// A socket has a number of the device's own, not its file descriptor's: a call
// that comes after Close gets netdev.ErrInvalidSocketFd, even if other sockets
// have been opened meanwhile.
//
// Errors of the system are *os.SyscallError around a syscall.Errno, as those
// of Go's net are inside an OpError.
type Device struct {
	table table
	zones zones
}

var (
	_ netdev.Netdever     = (*Device)(nil)
	_ netdev.LocalAddrer  = (*Device)(nil)
	_ netdev.Deadliner    = (*Device)(nil)
	_ netdev.Shutdowner   = (*Device)(nil)
	_ netdev.Datagrammer  = (*Device)(nil)
	_ netdev.HostLookuper = (*Device)(nil)
)

// New returns a device and makes it the one that package net works on.
func New() *Device {
	d := &Device{}
	netdev.UseNetdev(d)
	return d
}

// HasLoopback reports true: 127.0.0.0/8 and ::1 are the system's, shared with
// its other programs.
func (d *Device) HasLoopback() bool { return true }

// Addr returns the address that the system would use to reach the Internet,
// IPv4 before IPv6, or 127.0.0.1 if it has no route there. Nothing is sent.
func (d *Device) Addr() (netip.Addr, error) {
	// Addresses for documentation (RFC 5737, RFC 3849): connecting a datagram
	// socket picks the source address and sends nothing.
	for _, far := range [...]netip.AddrPort{
		netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 9),
		netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}), 9),
	} {
		if ip, err := d.sourceFor(far); err == nil && !ip.IsUnspecified() {
			return ip, nil
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
}

// sourceFor returns the local address that the system uses to reach far.
func (d *Device) sourceFor(far netip.AddrPort) (netip.Addr, error) {
	domain := syscall.AF_INET
	if far.Addr().Is6() {
		domain = syscall.AF_INET6
	}
	fd, err := sysSocket(domain, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return netip.Addr{}, os.NewSyscallError("socket", err)
	}
	defer syscall.Close(fd)
	sa, err := d.sockaddr(domain, far)
	if err != nil {
		return netip.Addr{}, err
	}
	if err := syscall.Connect(fd, sa); err != nil {
		return netip.Addr{}, os.NewSyscallError("connect", err)
	}
	if sa, err = syscall.Getsockname(fd); err != nil {
		return netip.Addr{}, os.NewSyscallError("getsockname", err)
	}
	return d.addrPort(sa).Addr(), nil
}
