//go:build linux || darwin

package hostnet

import "tinynet/netdev"

// A device of the system's sockets offers all that a netdev can.
var (
	_ netdev.Netdever     = (*Device)(nil)
	_ netdev.LocalAddrer  = (*Device)(nil)
	_ netdev.PeerAddrer   = (*Device)(nil)
	_ netdev.Deadliner    = (*Device)(nil)
	_ netdev.Shutdowner   = (*Device)(nil)
	_ netdev.Datagrammer  = (*Device)(nil)
	_ netdev.HostLookuper = (*Device)(nil)
	_ netdev.Multicaster  = (*Device)(nil)
	_ netdev.Loopbacker   = (*Device)(nil)
	_ netdev.UnixSocketer = (*Device)(nil)
	_ netdev.Filer        = (*Device)(nil)
	_ netdev.DNSServerer  = (*Device)(nil)
	_ netdev.DNSSearcher  = (*Device)(nil)
)
