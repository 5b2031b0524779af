//go:build go1.26

package net

import (
	"context"
	"net/netip"
)

// What is in this file came with Go 1.26, and an older Go's net is without it.

// DialTCP is DialContext for a TCP network and an address that is known. laddr
// may be the zero AddrPort.
func (d *Dialer) DialTCP(ctx context.Context, network string, laddr netip.AddrPort, raddr netip.AddrPort) (*TCPConn, error) {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	var la *TCPAddr
	if laddr.IsValid() {
		la = TCPAddrFromAddrPort(laddr)
	}
	ra := TCPAddrFromAddrPort(raddr)
	c, err := d.dialTCPAddr(ctx, network, la, ra)
	if err != nil {
		return nil, &OpError{Op: "dial", Net: network, Source: la.opAddr(), Addr: ra, Err: err}
	}
	return c, nil
}

// DialUDP is DialContext for a UDP network and an address that is known. laddr
// may be the zero AddrPort.
func (d *Dialer) DialUDP(ctx context.Context, network string, laddr netip.AddrPort, raddr netip.AddrPort) (*UDPConn, error) {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	var la *UDPAddr
	if laddr.IsValid() {
		la = UDPAddrFromAddrPort(laddr)
	}
	ra := UDPAddrFromAddrPort(raddr)
	c, err := d.dialUDPAddr(ctx, network, la, ra)
	if err != nil {
		return nil, &OpError{Op: "dial", Net: network, Source: la.opAddr(), Addr: ra, Err: err}
	}
	return c, nil
}

// DialIP is DialContext for an IP network and an address that is known. laddr
// may be the zero Addr.
func (d *Dialer) DialIP(ctx context.Context, network string, laddr netip.Addr, raddr netip.Addr) (*IPConn, error) {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	var la *IPAddr
	if laddr.IsValid() {
		la = newIPAddr(netip.AddrPortFrom(laddr, 0))
	}
	return d.dialIPAddr(ctx, network, la, newIPAddr(netip.AddrPortFrom(raddr, 0)))
}

// DialUnix is DialContext for a Unix domain socket. laddr may be nil.
func (d *Dialer) DialUnix(ctx context.Context, network string, laddr *UnixAddr, raddr *UnixAddr) (*UnixConn, error) {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	return d.dialUnixAddr(ctx, network, laddr, raddr)
}
