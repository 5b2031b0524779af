package net

import (
	"context"
	"syscall"
)

// IPConn is a raw IP socket. Devices have none, so nothing makes one: it is
// here for programs that name it. Its methods fail with EINVAL.
type IPConn struct {
	conn
}

// ResolveIPAddr returns the address of a host. network is "ip", "ip4" or "ip6",
// perhaps with a protocol after a colon. Of several addresses it takes the
// first IPv4 one.
func ResolveIPAddr(network, address string) (*IPAddr, error) {
	if network == "" {
		network = "ip"
	}
	proto, family, ok := parseIPNetwork(network)
	if !ok {
		var err error
		if proto, family, err = parseNetwork(network); err != nil || proto != "ip" {
			return nil, UnknownNetworkError(network)
		}
	}
	addrs, _, err := DefaultResolver.resolve(context.Background(), proto, family, address)
	if err != nil {
		return nil, err
	}
	ip := prefer4(addrs).Addr()
	return &IPAddr{IP: ip.AsSlice(), Zone: ip.Zone()}, nil
}

// DialIP fails with errors.ErrUnsupported: devices have no raw IP sockets.
func DialIP(network string, laddr, raddr *IPAddr) (*IPConn, error) {
	return nil, &OpError{Op: "dial", Net: network, Source: laddr.opAddr(), Addr: raddr.opAddr(), Err: errNoRawIP}
}

// ListenIP fails with errors.ErrUnsupported: devices have no raw IP sockets.
func ListenIP(network string, laddr *IPAddr) (*IPConn, error) {
	return nil, &OpError{Op: "listen", Net: network, Addr: laddr.opAddr(), Err: errNoRawIP}
}

// ReadFromIP fails with EINVAL.
func (c *IPConn) ReadFromIP(b []byte) (int, *IPAddr, error) { return 0, nil, syscall.EINVAL }

// ReadFrom fails with EINVAL.
func (c *IPConn) ReadFrom(b []byte) (int, Addr, error) { return 0, nil, syscall.EINVAL }

// ReadMsgIP fails with EINVAL.
func (c *IPConn) ReadMsgIP(b, oob []byte) (n, oobn, flags int, addr *IPAddr, err error) {
	return 0, 0, 0, nil, syscall.EINVAL
}

// WriteToIP fails with EINVAL.
func (c *IPConn) WriteToIP(b []byte, addr *IPAddr) (int, error) { return 0, syscall.EINVAL }

// WriteTo fails with EINVAL.
func (c *IPConn) WriteTo(b []byte, addr Addr) (int, error) { return 0, syscall.EINVAL }

// WriteMsgIP fails with EINVAL.
func (c *IPConn) WriteMsgIP(b, oob []byte, addr *IPAddr) (n, oobn int, err error) {
	return 0, 0, syscall.EINVAL
}
