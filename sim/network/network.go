// Package network is what a simulated chip is connected to: a TCP/IP stack of
// the chip's size (Station) on a network that is either made of the host's
// sockets or wholly in memory, with latency and loss.
package network

import (
	"context"
	"errors"
	"net/netip"
)

// Addresses of the simulated network.
var (
	Subnet    = netip.MustParsePrefix("10.0.0.0/24")
	HostAddr  = netip.MustParseAddr("10.0.0.1") // the developer's machine, name "host"; gateway and DNS server too
	BoardAddr = netip.MustParseAddr("10.0.0.2") // the first board
)

// Errors of a Station and its sockets. Test with errors.Is.
var (
	ErrWouldBlock  = errors.New("operation would block")
	ErrRefused     = errors.New("connection refused")
	ErrUnreachable = errors.New("nobody answers")
	ErrReset       = errors.New("connection reset")
	ErrInUse       = errors.New("address in use")
	ErrNoSockets   = errors.New("no free socket")
	ErrUnknownHost = errors.New("unknown host")
	ErrDown        = errors.New("network is down")
	ErrTooLong     = errors.New("datagram too long")

	// Errors of Virtual.Join.
	ErrNoAccessPoint   = errors.New("no such access point")
	ErrWrongPassphrase = errors.New("wrong passphrase")
	ErrFull            = errors.New("the access point takes no more stations")
)

// Params is the size of a chip's TCP/IP stack. A field that is 0 has the value
// that its comment names.
type Params struct {
	MSS           int // largest segment, bytes; 0: 1436
	Window        int // receive window, bytes; 0: 4 MSS
	SendBuffer    int // unacknowledged bytes that a connection holds; 0: 4 MSS
	SegmentQueue  int // unread segments a connection holds; 0: no limit
	DatagramQueue int // unread datagrams a socket holds, more are dropped; 0: no limit
	MaxDatagram   int // payload bytes of the longest datagram, both ways; 0: 1472
	Sockets       int // all sockets together; 0: no limit
	SynTimeout    int // milliseconds until a connect to a silent peer fails; 0: 18500

	// CloseDrains makes Conn.Close throw unread whole segments away and go on
	// to FIN, as lwIP 2.0 does (nina-fw). Without it any unread data makes
	// Close a reset, as in lwIP 2.1.
	CloseDrains bool
}

func (p Params) withDefaults() Params {
	def := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	def(&p.MSS, 1436)
	def(&p.Window, 4*p.MSS)
	def(&p.SendBuffer, 4*p.MSS)
	def(&p.MaxDatagram, 1472)
	def(&p.SynTimeout, 18500)
	return p
}

// Station is the TCP/IP stack of one simulated chip. All methods may be called
// by several goroutines at once. Only those that take a context block.
type Station interface {
	// Addr, Netmask, Gateway and DNS are what DHCP hands out.
	Addr() netip.Addr
	Netmask() netip.Addr
	Gateway() netip.Addr
	DNS() netip.Addr

	// OnFrame names the function that is called whenever a frame has come in,
	// after its contents were queued: data, a connection, an end. It is called
	// in a goroutine of its own, never twice at a time; frames that come in
	// meanwhile share one call. It may call the station, but must not block.
	OnFrame(f func())

	// Connect opens a TCP connection: ErrRefused, ErrUnreachable, ErrNoSockets,
	// ErrDown or the context's error where that fails.
	Connect(ctx context.Context, remote netip.AddrPort) (Conn, error)
	// Listen opens a listening TCP socket. Port 0 asks for any free one. At
	// most backlog connections (at least one) wait to be accepted; those who
	// open further ones wait for that. ErrInUse, ErrNoSockets, or ErrDown
	// after Close.
	Listen(port uint16, backlog int) (Listener, error)
	// ListenPacket opens a UDP socket. Port 0 asks for any free one. Errors
	// are those of Listen.
	ListenPacket(port uint16) (PacketConn, error)
	// Lookup asks the DNS for an IPv4 address: ErrUnknownHost, ErrDown or the
	// context's error where that fails.
	Lookup(ctx context.Context, name string) (netip.Addr, error)

	// InRange reports whether the access point is there: a chip that is to
	// join finds out by it, one that has joined notices. SetLink(true) does
	// nothing while it is away.
	InRange() bool
	// Stations returns how many have joined a board that is an access point.
	Stations() int
	// OnLink names the function that is called, as OnFrame's is, when what
	// InRange or Stations says has changed; also at once if it is not what it
	// is at first, true and 0.
	OnLink(f func())

	// Ping sends an ICMP echo and waits for its answer: ErrDown, or the
	// context's error if none comes. On a Host nobody answers but boards and
	// the host.
	Ping(ctx context.Context, addr netip.Addr) error

	// SetLink takes the link down or up. Taking it down resets every
	// connection (their peers notice nothing but silence, but see Host);
	// listeners and UDP sockets stay.
	SetLink(up bool)
	// Close ends the station: all sockets are closed. A chip that is reset
	// closes its station and asks for a new one.
	Close()
}

// Conn is a TCP connection of a Station. Nothing in it blocks but WaitWritable.
type Conn interface {
	LocalAddr() netip.AddrPort
	RemoteAddr() netip.AddrPort

	// Buffered returns how many bytes are unread. After a reset it still
	// counts what can no longer be had, until a Read returns ErrReset.
	Buffered() int
	// Read takes bytes of one segment, the oldest; what does not fit p stays.
	// push tells that the end of the segment was reached and that it carried
	// PSH. Without data: ErrWouldBlock, or io.EOF once the peer's FIN is in, or
	// ErrReset. After a reset the unread segments can no longer be had, but
	// for the rest of one that was read in part.
	Read(p []byte) (n int, push bool, err error)
	// Write queues what the send buffer has room for: ErrWouldBlock if that is
	// nothing, ErrReset if the connection is gone, net.ErrClosed after Close.
	Write(p []byte) (int, error)
	// WaitWritable returns nil once Write would take something or fail.
	WaitWritable(ctx context.Context) error
	// Ended reports that the peer's FIN or a reset is in, whatever is unread.
	// A FIN behind more segments than are held is not in yet.
	Ended() bool
	// Close sends what is queued and then FIN; if there is unread data a
	// reset instead, as lwIP does (see Params.CloseDrains). It returns at
	// once. What the peer sends from then on is answered with a reset.
	Close()
}

// Listener is a listening TCP socket of a Station.
type Listener interface {
	Port() uint16
	// Pending reports whether a connection waits.
	Pending() bool
	// Accept takes a connection that waits: ErrWouldBlock if there is none,
	// ErrNoSockets if there is no socket for it: then it is closed.
	Accept() (Conn, error)
	Close()
}

// PacketConn is a UDP socket of a Station. Nothing in it blocks.
type PacketConn interface {
	Port() uint16
	// Pending returns the length of the oldest unread datagram, or -1.
	Pending() int
	// ReadFrom takes the oldest datagram, cut to len(p): ErrWouldBlock if
	// there is none.
	ReadFrom(p []byte) (int, netip.AddrPort, error)
	// WriteTo sends a datagram: ErrTooLong, ErrUnreachable, ErrRefused for the
	// chip's own loopback, ErrDown. No error means no more than that it left.
	WriteTo(p []byte, to netip.AddrPort) error
	// JoinGroup makes the socket receive what is sent to a multicast group. On
	// a network that has no multicast: errors.ErrUnsupported.
	JoinGroup(group netip.Addr) error
	Close()
}
