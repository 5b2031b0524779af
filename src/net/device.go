package net

import (
	"errors"
	"net/netip"
	"time"
)

// netdever is netdev.Netdever, which says what the methods do: this package
// cannot import it.
type netdever interface {
	GetHostByName(name string) (netip.Addr, error)
	Addr() (netip.Addr, error)
	Socket(domain int, stype int, protocol int) (int, error)
	Bind(sockfd int, ip netip.AddrPort) error
	Connect(sockfd int, host string, ip netip.AddrPort) error
	Listen(sockfd int, backlog int) error
	Accept(sockfd int) (int, netip.AddrPort, error)
	Send(sockfd int, buf []byte, flags int, deadline time.Time) (int, error)
	Recv(sockfd int, buf []byte, flags int, deadline time.Time) (int, error)
	Close(sockfd int) error
	SetSockOpt(sockfd int, level int, opt int, value interface{}) error
}

// The optional interfaces, as in netdev.
type (
	localAddrer interface {
		LocalAddr(sockfd int) (netip.AddrPort, error)
	}
	deadliner interface {
		SetReadDeadline(sockfd int, t time.Time) error
		SetWriteDeadline(sockfd int, t time.Time) error
	}
	shutdowner interface {
		Shutdown(sockfd int, how int) error
	}
	datagrammer interface {
		SendTo(sockfd int, buf []byte, flags int, to netip.AddrPort, deadline time.Time) (int, error)
		RecvFrom(sockfd int, buf []byte, flags int, deadline time.Time) (int, netip.AddrPort, error)
	}
	multicaster interface {
		JoinGroup(sockfd int, group netip.Addr, ifIndex int) error
	}
	hostLookuper interface {
		LookupHost(network, name string, deadline time.Time) ([]netip.Addr, error)
	}
	// loopbacker is implemented by devices that have a loopback of their own,
	// which is used in place of the one in memory.
	loopbacker interface {
		HasLoopback() bool
	}
)

// Socket constants, as in netdev.
const (
	afUnix        = 0x1
	afInet        = 0x2
	afInet6       = 0xA
	sockStream    = 0x1
	sockDgram     = 0x2
	sockRaw       = 0x3
	sockSeqpacket = 0x5
	protoTCP      = 0x6
	protoUDP      = 0x11
	protoTLS      = 0xFE

	solSocket    = 0x1
	soReuseaddr  = 0x2
	soSndbuf     = 0x7
	soRcvbuf     = 0x8
	soKeepalive  = 0x9
	soLinger     = 0xD
	solTCP       = 0x6
	tcpNodelay   = 0x1
	tcpKeepidle  = 0x4
	tcpKeepintvl = 0x5
	tcpKeepcnt   = 0x6
	solIPv6      = 0x29
	ipv6V6only   = 0x1A

	shutRd = 0
	shutWr = 1
)

// unsupportedError is an error that is also errors.ErrUnsupported.
type unsupportedError string

func (e unsupportedError) Error() string        { return string(e) }
func (e unsupportedError) Is(target error) bool { return identical(target, errors.ErrUnsupported) }

var (
	errNoDevice    = errors.New("no network device: call netdev.UseNetdev or the New function of a driver first")
	errNotDevice   = errors.New("the network device lacks methods of netdev.Netdever")
	errBadDevice   = errors.New("the network device returned an impossible result")
	errPanicked    = errors.New("the network device panicked")
	errUnreachable = errors.New("the socket is bound to the loopback and cannot reach other networks")

	// longPast is the deadline that wakes a blocked call.
	longPast = time.Unix(0, 1)

	errNoDescriptor error = unsupportedError("the socket has no file descriptor")
	errNoShutdown   error = unsupportedError("the network device cannot close one direction of a stream")
	errNoSender     error = unsupportedError("the network device does not tell who sent a datagram: dial instead of listening")
	errNoControl    error = unsupportedError("control messages are not supported")
	errNoUnix       error = unsupportedError("the network device has no Unix domain sockets")
	errNoRawIP      error = unsupportedError("raw IP sockets are not supported")
	errNoTLS        error = unsupportedError("the loopback does not encrypt")
	errNoMulticast  error = unsupportedError("the network device has no multicast groups")
)

// currentDevice returns the device, or an error if there is none.
func currentDevice() (netdever, error) {
	switch dev := tinynetDevice.(type) {
	case netdever:
		return dev, nil
	case nil:
		return nil, errNoDevice
	}
	return nil, errNotDevice
}

// loopbackInMemory reports whether a socket on that address belongs to the
// loopback in memory.
func loopbackInMemory(addr netip.Addr) bool {
	return isLoopback(addr) && !deviceHasLoopback()
}

// isLoopback is addr.IsLoopback() in a quarter of the space.
func isLoopback(addr netip.Addr) bool {
	b := addr.As16()
	if string(b[:12]) == v4Prefix {
		return b[12] == 127
	}
	return string(b[:]) == "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
}

func deviceHasLoopback() bool {
	dev, ok := tinynetDevice.(loopbacker)
	return ok && dev.HasLoopback()
}
