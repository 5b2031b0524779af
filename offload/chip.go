package offload

import (
	"net/netip"

	"tinynet/netlink"
)

// Chip is what a driver supplies. The bus is held during all methods, unless
// they say otherwise; see the package documentation.
type Chip interface {
	// Start resets the chip and gets to know it. It is called before anything
	// else, and again after Broken was true or Join failed with an error that
	// is netdev.ErrDevice. NetConnect does not try again after its error.
	Start() error

	// Join makes one attempt to join the network that p describes (or to be
	// its access point) and returns the chip's address. Retries are the
	// engine's. netlink.ErrAuthFailure and errors that are
	// errors.ErrUnsupported are not tried again. The bus is not held: Join
	// takes it for each exchange (Engine.Take), and waits by Engine.Pause, so
	// that it can be cancelled.
	Join(p *netlink.ConnectParams) (netip.Addr, error)

	// Leave leaves the network.
	Leave() error

	// Check returns whether the link is up.
	Check() (up bool, err error)

	// Broken reports whether the chip has to be started anew before it can be
	// used: it hangs, or has not answered sensibly several times in a row. It
	// makes no exchange.
	Broken() bool

	// Resolve looks up an address of a host; netdev.ErrHostUnknown if there
	// is none. name is neither empty nor longer than 255 bytes.
	Resolve(name string) (netip.Addr, error)

	// Open makes a socket of s.Kind and sets s.Handle. If the chip has none
	// left, the error is netdev.ErrNoMoreSockets.
	Open(s *Socket) error

	// Bind gives s the local port, which is not 0 and which no other socket
	// of the table has; netdev.ErrAddrInUse if the chip thinks otherwise.
	// Before Connect, Listen and the first SendTo the engine calls it with a
	// port of its own choice if the program did not; a chip that cannot bind
	// such a socket returns netdev.ErrNotSupported, and may set s.Port later
	// if it learns it.
	Bind(s *Socket, port uint16) error

	// Listen makes s, which is bound, accept connections.
	Listen(s *Socket, backlog int) error

	// Accept makes s the next connection of listener l, if there is one: it
	// sets s.Handle and s.Peer and returns true.
	Accept(l, s *Socket) (ok bool, err error)

	// Connect begins to connect s. It returns true if that is done; otherwise
	// Poll will say Writable, or Failed. host is the name to check a TLS
	// peer's certificate against, and to be looked up by the chip if to has
	// no address. On a datagram socket the engine does without Connect.
	Connect(s *Socket, host string, to netip.AddrPort) (done bool, err error)

	// Send sends bytes of p, as many as the chip takes now. Only as many count
	// as will reach the peer if the connection lasts.
	Send(s *Socket, p []byte) (int, error)

	// SendTo sends p as one datagram. ok is false if the chip could not just
	// now.
	SendTo(s *Socket, p []byte, to netip.AddrPort) (ok bool, err error)

	// Recv receives what there is, at most len(p) bytes; io.EOF at the end of
	// the stream. sure says that the socket was said to be readable: where it
	// costs an exchange to tell the end from no data, that is the time to.
	Recv(s *Socket, p []byte, sure bool) (int, error)

	// RecvFrom receives a datagram, of which what does not fit into p is
	// lost. ok is false if there is none.
	RecvFrom(s *Socket, p []byte) (n int, from netip.AddrPort, ok bool, err error)

	// Poll asks whether s is ready for what want says; the answer may say
	// more. The end of the stream, a failed connection and one to accept are
	// Readable.
	Poll(s *Socket, want Ready) (Ready, error)

	// Close closes s. Data that was sent before is still delivered.
	Close(s *Socket) error
}

// Signaller is implemented by chips that have something like an interrupt
// line.
type Signaller interface {
	// Signal reports whether the chip may have something to tell: a pin's
	// level, or whether the UART has bytes. Neither the bus nor a lock is held.
	Signal() bool

	// Attend is called when Signal has become true, and as long as it is. It
	// reads what the chip tells unasked, if there is such a thing.
	Attend() error
}

// Drainer is implemented by chips that lose data which was sent when a
// connection is closed with received data unread.
type Drainer interface {
	// Drain reads and discards received data. It returns false once there is
	// no more.
	Drain(s *Socket) (more bool, err error)
}

// Shutdowner is implemented by chips that can close the sending direction.
type Shutdowner interface {
	// ShutdownWrite makes the peer see the end of the stream.
	ShutdownWrite(s *Socket) error
}

// Resolver6 is implemented by chips that look up IPv6 addresses.
type Resolver6 interface {
	// Resolve6 is Chip's Resolve for IPv6.
	Resolve6(name string) (netip.Addr, error)
}

// Optioner is implemented by chips with socket options.
type Optioner interface {
	// SetOption sets an option of package netdev;
	// netdev.ErrNotSupported for those that the chip does not have.
	SetOption(s *Socket, level, opt int, value any) error
}

// Kind is what a socket is for.
type Kind uint8

// Kinds of socket.
const (
	Stream   Kind = iota // TCP
	Datagram             // UDP
	TLS                  // a TCP client whose stream the chip encrypts
)

// IsDatagram is Socket's IsDatagram.
func (k Kind) IsDatagram() bool { return needDatagrams && k == Datagram }

// IsTLS is Socket's IsTLS.
func (k Kind) IsTLS() bool { return needTLS && k == TLS }

// Handle is the chip's number of a socket.
type Handle uint8

// Ready is what a socket is ready for.
type Ready uint8

// What a socket can be ready for.
const (
	Readable Ready = 1 << iota // Recv, RecvFrom or Accept will return something
	Writable                   // Send or SendTo will take something, Connect is done
	Failed                     // the socket has failed
)

// Config says what the engine has to provide for.
type Config struct {
	// Sockets is how many sockets the chip has at most.
	Sockets int

	// Buffer is the size of each socket's receive buffer in bytes, for chips
	// that send data unasked; 0 for those that keep it.
	Buffer int

	// Push says that the chip sends messages unasked, also while no socket
	// is open.
	Push bool

	// Link is used by NetConnect without parameters.
	Link netlink.ConnectParams

	// Times that the engine waits; see the fields of Times.
	Times Times
}
