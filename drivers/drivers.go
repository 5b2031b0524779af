// Package drivers has the older names of what is now in packages netdev and
// netlink, for programs that were written with them.
package drivers

import (
	"tinynet/netdev"
	"tinynet/netlink"
)

// Socket constants: see package netdev.
const (
	AF_INET       = netdev.AF_INET
	SOCK_STREAM   = netdev.SOCK_STREAM
	SOCK_DGRAM    = netdev.SOCK_DGRAM
	SOL_SOCKET    = netdev.SOL_SOCKET
	SO_KEEPALIVE  = netdev.SO_KEEPALIVE
	SOL_TCP       = netdev.SOL_TCP
	TCP_KEEPINTVL = netdev.TCP_KEEPINTVL
	IPPROTO_TCP   = netdev.IPPROTO_TCP
	IPPROTO_UDP   = netdev.IPPROTO_UDP
	IPPROTO_TLS   = netdev.IPPROTO_TLS
	F_SETFL       = netdev.F_SETFL
)

// Netdever is netdev.Netdever.
type Netdever = netdev.Netdever

// UseNetdev is netdev.UseNetdev.
func UseNetdev(dev Netdever) { netdev.UseNetdev(dev) }

// Netlinker is netlink.Netlinker.
type Netlinker = netlink.Netlinker

// NetlinkEvent is netlink.Event.
type NetlinkEvent = netlink.Event

// Link events.
const (
	NetlinkEventNetUp   = netlink.EventNetUp
	NetlinkEventNetDown = netlink.EventNetDown
)

// Errors: see packages netdev and netlink.
var (
	ErrFamilyNotSupported   = netdev.ErrFamilyNotSupported
	ErrProtocolNotSupported = netdev.ErrProtocolNotSupported
	ErrNoMoreSockets        = netdev.ErrNoMoreSockets
	ErrClosingSocket        = netdev.ErrClosingSocket
	ErrStartingDHCPClient   = netdev.ErrStartingDHCPClient
	ErrStartingDHCPServer   = netdev.ErrStartingDHCPServer
	ErrNotSupported         = netdev.ErrNotSupported

	ErrConnected         = netlink.ErrConnected
	ErrConnectFailed     = netlink.ErrConnectFailed
	ErrConnectTimeout    = netlink.ErrConnectTimeout
	ErrMissingSSID       = netlink.ErrMissingSSID
	ErrAuthFailure       = netlink.ErrAuthFailure
	ErrAuthTypeNoGood    = netlink.ErrAuthTypeNoGood
	ErrConnectModeNoGood = netlink.ErrConnectModeNoGood
)
