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
