package espat

import (
	"net"
	"net/netip"
	"unsafe"

	"tinynet/netlink"
	"tinynet/offload"
)

// face is a *chip as package offload has it: in an interface. It does not say so
// because the board's program would describe the chip, and what it leads to, in flash.
// Its methods only turn faults into errors.
type face struct{ p unsafe.Pointer }

func (f face) chip() *chip { return (*chip)(f.p) }

// Start finds the module, whatever it was doing, restarts it, and sets it up.
func (f face) Start() error {
	c := f.chip()
	return c.err(c.startUp())
}

// Broken reports whether the module has to be restarted.
func (f face) Broken() bool {
	c := f.chip()
	return c.dead || c.rebooted
}

// CheckParams checks what Config has beside the parameters.
func (f face) CheckParams(p *netlink.ConnectParams) error { return f.chip().checkParams(p) }

// Join makes an attempt to join a network or to become an access point.
func (f face) Join(p *netlink.ConnectParams) (netip.Addr, error) { return f.chip().join(p) }

// Leave leaves the network, or ends the access point.
func (f face) Leave() error {
	c := f.chip()
	return c.err(c.leave())
}

// HardwareAddr returns the MAC address.
func (f face) HardwareAddr() (net.HardwareAddr, error) {
	c := f.chip()
	m, err := c.hardwareAddr()
	return m, c.err(err)
}

// Signal reports whether something has come from the module.
func (f face) Signal() bool { return f.chip().signal() }

// Attend reads what the module tells unasked.
func (f face) Attend() error {
	c := f.chip()
	c.pump()
	return c.err(c.state())
}

// Check returns whether the module is still connected.
func (f face) Check() (up bool, err error) {
	c := f.chip()
	up, e := c.check()
	return up, c.err(e)
}

// Resolve looks up an address of a host.
func (f face) Resolve(name string) (netip.Addr, error) {
	c := f.chip()
	ip, err := c.resolve(name, 0)
	return ip, c.err(err)
}

// Resolve6 looks up an IPv6 address of a host.
func (f face) Resolve6(name string) (netip.Addr, error) {
	c := f.chip()
	ip, err := c.resolve(name, 6)
	return ip, c.err(err)
}

// Open makes a socket.
func (f face) Open(s *offload.Socket) error {
	c := f.chip()
	return c.err(c.open(s))
}

// Bind gives a socket its local port.
func (f face) Bind(s *offload.Socket, port uint16) error {
	c := f.chip()
	return c.err(c.bind(s, port))
}

// Listen makes a socket the server.
func (f face) Listen(s *offload.Socket, backlog int) error {
	c := f.chip()
	return c.err(c.listen(s))
}

// Accept takes a connection that the server has accepted.
func (f face) Accept(l, s *offload.Socket) (bool, error) {
	c := f.chip()
	ok, err := c.accept(l, s)
	return ok, c.err(err)
}

// Connect begins to connect a stream.
func (f face) Connect(s *offload.Socket, host string, to netip.AddrPort) (bool, error) {
	c := f.chip()
	done, err := c.connect(s, host, to)
	return done, c.err(err)
}

// Send sends on a stream.
func (f face) Send(s *offload.Socket, p []byte) (int, error) {
	c := f.chip()
	n, err := c.send(s, p)
	return n, c.err(err)
}

// SendTo sends a datagram.
func (f face) SendTo(s *offload.Socket, p []byte, to netip.AddrPort) (bool, error) {
	c := f.chip()
	ok, err := c.sendTo(s, p, to)
	return ok, c.err(err)
}

// Recv receives from a stream.
func (f face) Recv(s *offload.Socket, p []byte, sure bool) (int, error) {
	c := f.chip()
	n, err := c.recv(s, p)
	return n, c.err(err)
}

// RecvFrom receives a datagram.
func (f face) RecvFrom(s *offload.Socket, p []byte) (int, netip.AddrPort, bool, error) {
	c := f.chip()
	n, from, ok, err := c.recvFrom(s, p)
	return n, from, ok, c.err(err)
}

// Poll says what a socket is ready for.
func (f face) Poll(s *offload.Socket, want offload.Ready) (offload.Ready, error) {
	c := f.chip()
	r, err := c.poll(s, want)
	return r, c.err(err)
}

// Drain discards what a stream has received.
func (f face) Drain(s *offload.Socket) (bool, error) {
	c := f.chip()
	more, err := c.drain(s)
	return more, c.err(err)
}

// Close closes a socket.
func (f face) Close(s *offload.Socket) error {
	c := f.chip()
	return c.err(c.closeSocket(s))
}

// SetOption sets an option of a connection.
func (f face) SetOption(s *offload.Socket, level, opt int, value any) error {
	c := f.chip()
	return c.err(c.setOption(s, level, opt, value))
}
