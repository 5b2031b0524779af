// Package netdev is the device model below package net: a network device
// offers BSD-like sockets through Netdever, and UseNetdev hands it to net.
//
// A driver implements Netdever and as many of the optional interfaces as its
// device can serve. Package net finds those by type assertion and does without
// the ones that are missing.
package netdev

import (
	"net/netip"
	"time"
)

// Netdever is a network device at the transport layer. Its method set is that
// of tinygo.org/x/drivers/netdev, so that drivers written for either package
// serve the other.
//
// All methods may be called by several goroutines at once. A socket is named
// by a small non-negative integer, as in BSD. Addresses are never IPv4 in
// IPv6 form: an IPv4 address is a 4-byte netip.Addr.
type Netdever interface {
	// GetHostByName returns an address of a host given by its name or by an
	// address in text. An unknown name gives ErrHostUnknown.
	GetHostByName(name string) (netip.Addr, error)

	// Addr returns the device's own address, whether from DHCP or set.
	Addr() (netip.Addr, error)

	// Socket makes a socket. domain is AF_INET or AF_INET6, stype SOCK_STREAM
	// or SOCK_DGRAM, protocol IPPROTO_TCP, IPPROTO_UDP or IPPROTO_TLS (a
	// stream that the device encrypts). Without a free socket it gives
	// ErrNoMoreSockets.
	Socket(domain int, stype int, protocol int) (int, error)

	// Bind gives the socket its local address. Port 0 asks for any free port;
	// which one it became is told by LocalAddrer.
	Bind(sockfd int, ip netip.AddrPort) error

	// Connect connects a stream socket, or sets the peer of a datagram
	// socket. host is the name that ip was looked up from, or empty; TLS
	// sockets check the peer's certificate against it, and a device may
	// resolve it itself when ip has no address.
	Connect(sockfd int, host string, ip netip.AddrPort) error

	// Listen makes a bound stream socket accept connections.
	Listen(sockfd int, backlog int) error

	// Accept waits for a connection and returns its new socket and the
	// peer's address.
	Accept(sockfd int) (int, netip.AddrPort, error)

	// Send writes buf: to a stream all of it unless there is an error, in
	// which case the count says how much the device took; to a datagram socket
	// one datagram. After deadline, if it is not zero, the error is ErrTimeout.
	// flags are 0.
	Send(sockfd int, buf []byte, flags int, deadline time.Time) (int, error)

	// Recv waits until there is data and returns at most len(buf) bytes of it;
	// from a datagram socket one datagram, of which the rest is lost. The end
	// of a stream is io.EOF. After deadline, if it is not zero, the error is
	// ErrTimeout. flags are 0.
	Recv(sockfd int, buf []byte, flags int, deadline time.Time) (int, error)

	// Close frees the socket. Calls blocked on it return an error.
	Close(sockfd int) error

	// SetSockOpt sets an option. One that the device does not know gives
	// ErrNotSupported.
	SetSockOpt(sockfd int, level int, opt int, value interface{}) error
}

// LocalAddrer is implemented by devices that know the local address of a
// socket: the port that port 0 became, the address that a connection uses.
type LocalAddrer interface {
	// LocalAddr returns the socket's local address. The address part is the
	// unspecified one for a listener on all addresses.
	LocalAddr(sockfd int) (netip.AddrPort, error)
}

// Deadliner is implemented by devices whose blocked calls obey a deadline
// that is set or changed while they are blocked.
//
// The read deadline bounds Accept, Recv and RecvFrom, the write deadline
// Connect, Send and SendTo. The zero time means none. A call returns
// ErrTimeout once its deadline has passed, at once if it lies in the past; a
// deadline given as an argument to Send or Recv applies as well, whichever is
// earlier.
type Deadliner interface {
	SetReadDeadline(sockfd int, t time.Time) error
	SetWriteDeadline(sockfd int, t time.Time) error
}

// Shutdowner is implemented by devices that can close one direction of a
// stream.
type Shutdowner interface {
	// Shutdown closes the direction named by how: SHUT_RD, SHUT_WR or
	// SHUT_RDWR. The socket still has to be closed.
	Shutdown(sockfd int, how int) error
}

// Datagrammer is implemented by devices whose datagram sockets can name the
// peer of each datagram.
type Datagrammer interface {
	// SendTo sends buf as one datagram to the given address.
	SendTo(sockfd int, buf []byte, flags int, to netip.AddrPort, deadline time.Time) (int, error)

	// RecvFrom is Recv with the sender's address.
	RecvFrom(sockfd int, buf []byte, flags int, deadline time.Time) (int, netip.AddrPort, error)
}

// Multicaster is implemented by devices whose datagram sockets can receive what
// is sent to a multicast group.
type Multicaster interface {
	// JoinGroup makes a socket that is bound a member of a group, until it is
	// closed. ifIndex is the interface's, 0 for the device's choice. A device may
	// allow a socket one group only.
	JoinGroup(sockfd int, group netip.Addr, ifIndex int) error
}

// HostLookuper is implemented by devices that can look up all addresses of a
// host, or addresses of one family.
type HostLookuper interface {
	// LookupHost returns addresses of the host, at least one unless there is
	// an error. network is "ip", "ip4" or "ip6". It returns ErrTimeout
	// after deadline, if that is not zero.
	LookupHost(network, name string, deadline time.Time) ([]netip.Addr, error)
}

// Loopbacker is implemented by devices that have a loopback of their own.
// Package net has one in memory for the others.
type Loopbacker interface {
	// HasLoopback reports whether sockets of the device reach 127.0.0.0/8 and
	// ::1.
	HasLoopback() bool
}

// DNSServerer is implemented by devices that know DNS servers. Package net asks
// them for what the device does not look up itself: records other than
// addresses and, after UseDNS, hosts that it does not know or leaves to net.
type DNSServerer interface {
	// DNSServers returns the servers in the order in which to ask them.
	DNSServers() []netip.AddrPort
}

// DNSSearcher is implemented by devices that know the domains in which to look
// up names that are not complete.
type DNSSearcher interface {
	// DNSSearch returns the domains that are appended to names, and how many
	// dots a name needs to be tried as it is first.
	DNSSearch() (domains []string, ndots int)
}
