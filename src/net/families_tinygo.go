//go:build tinygo

package net

import (
	"context"
	"net/netip"
)

// tryFamilies tries the addresses one after the other: devices have few sockets.
func (d *Dialer) tryFamilies(ctx context.Context, network string, addrs []netip.AddrPort, try func(context.Context, []netip.AddrPort) (Conn, error)) (Conn, error) {
	return try(ctx, addrs)
}

// tryPlain is tryFamilies for the function Dial. It returns the first error if no
// address works.
func tryPlain(network, host string, addrs []netip.AddrPort) (Conn, error) {
	var first error
	for _, remote := range addrs {
		c, err := (*Dialer)(nil).dialOneTCP(nil, network, host, nil, remote)
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// No device of TinyGo's programs has raw IP sockets.
func (d *Dialer) dialOneIP(ctx context.Context, network, host string, local *netip.AddrPort, remote netip.AddrPort) (Conn, error) {
	return nil, dialError(network, errNoRawIP)
}

func (lc *ListenConfig) listenIPAddr(network string, laddr *IPAddr) (PacketConn, error) {
	return nil, listenError(network, errNoRawIP)
}
