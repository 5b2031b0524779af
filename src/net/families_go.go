//go:build !tinygo

package net

import (
	"context"
	"net/netip"
	"time"
)

// tryFamilies tries the addresses, with "tcp" those of one family first and the
// other ones beside them if that takes long.
func (d *Dialer) tryFamilies(ctx context.Context, network string, addrs []netip.AddrPort, try func(context.Context, []netip.AddrPort) (Conn, error)) (Conn, error) {
	if network == "tcp" && d.FallbackDelay >= 0 {
		if first, second := partition(addrs); second != nil {
			return d.race(ctx, try, first, second)
		}
	}
	return try(ctx, addrs)
}

// partition splits addrs into those of the first one's family and the others.
func partition(addrs []netip.AddrPort) (first, second []netip.AddrPort) {
	for _, a := range addrs {
		if a.Addr().Is4() == addrs[0].Addr().Is4() {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	return first, second
}

// race tries the first addresses, and the second ones beside them when
// FallbackDelay has passed or the first ones have failed (RFC 8305). The first
// connection wins, and if there is none the error is that of the first ones.
func (d *Dialer) race(ctx context.Context, try func(context.Context, []netip.AddrPort) (Conn, error), first, second []netip.AddrPort) (Conn, error) {
	type result struct {
		c     Conn
		err   error
		first bool
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result, 2)
	running := 0
	start := func(addrs []netip.AddrPort, isFirst bool) {
		running++
		go func() {
			c, err := try(ctx, addrs)
			results <- result{c, err, isFirst}
		}()
	}
	delay := d.FallbackDelay
	if delay == 0 {
		delay = 300 * time.Millisecond
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	start(first, true)
	fallback := timer.C
	var firstErr error
	for {
		select {
		case <-fallback:
			fallback = nil
			start(second, false)
		case r := <-results:
			running--
			if r.err == nil {
				if running > 0 {
					go func() {
						if late := <-results; late.err == nil {
							late.c.Close()
						}
					}()
				}
				return r.c, nil
			}
			if r.first {
				firstErr = r.err
				if fallback != nil {
					fallback = nil
					start(second, false)
				}
			}
			if running == 0 {
				return nil, firstErr
			}
		}
	}
}

// tryPlain is tryFamilies for the function Dial.
func tryPlain(network, host string, addrs []netip.AddrPort) (Conn, error) {
	var d Dialer
	return d.tryFamilies(context.Background(), network, addrs, func(ctx context.Context, addrs []netip.AddrPort) (Conn, error) {
		return dialSerial(ctx, nil, addrs, func(ctx context.Context, remote netip.AddrPort) (Conn, error) {
			return (*Dialer)(nil).dialOneTCP(ctx, network, host, nil, remote)
		})
	})
}

func (d *Dialer) dialOneIP(ctx context.Context, network, host string, local *netip.AddrPort, remote netip.AddrPort) (Conn, error) {
	raddr := newIPAddr(remote)
	done := traceConnect(ctx, network, raddr)
	c, err := d.dialRaw(ctx, network, *local, remote)
	if err != nil {
		err = d.oneError(network, raddr, err)
	}
	done(err)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// listenIPAddr is ListenIP for ListenPacket.
func (lc *ListenConfig) listenIPAddr(network string, laddr *IPAddr) (PacketConn, error) {
	c, err := lc.listenRaw(network, laddr)
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Addr: laddr, Err: err}
	}
	return c, nil
}
