package offload

import (
	"io"
	"net/netip"
	"time"

	"tinynet/netdev"
)

// Socket makes a socket: netdev.AF_INET, or AF_INET6 if the chip has that, and
// netdev.SOCK_STREAM (with netdev.IPPROTO_TLS one that the chip encrypts) or
// netdev.SOCK_DGRAM. When the chip's are all in use the error is
// netdev.ErrNoMoreSockets.
func (u *Device) Socket(domain int, stype int, protocol int) (int, error) {
	d := u.dev()
	v6 := domain == netdev.AF_INET6
	if !v6 && domain != netdev.AF_INET || v6 && !d.hasIPv6() {
		return -1, errNotIPv4
	}
	var kind Kind
	switch {
	case stype == netdev.SOCK_STREAM && (protocol == netdev.IPPROTO_TCP || protocol == 0):
		kind = Stream
	case stype == netdev.SOCK_STREAM && protocol == netdev.IPPROTO_TLS:
		kind = TLS
	case stype == netdev.SOCK_DGRAM && (protocol == netdev.IPPROTO_UDP || protocol == 0):
		kind = Datagram
	default:
		return -1, netdev.ErrProtocolNotSupported
	}
	need(kind)
	d.mu.Lock()
	up, fd := d.up, -1
	if up {
		fd = d.alloc(kind, v6)
	}
	d.mu.Unlock()
	if !up {
		return -1, errNotUp
	}
	if fd < 0 {
		return -1, netdev.ErrNoMoreSockets
	}
	if err := d.open(&d.sockets[fd]); err != nil {
		d.mu.Lock()
		d.free(&d.sockets[fd])
		d.mu.Unlock()
		return -1, err
	}
	return fd, nil
}

// open makes the chip's socket for a new entry.
func (d *device) open(s *Socket) error {
	d.take(&d.bus)
	d.mu.Lock()
	err := s.err // the link may have gone since
	d.mu.Unlock()
	if err == nil {
		err = d.alive()
	}
	if err == nil {
		err = d.chip.Open(s)
	}
	if err == nil {
		d.adopt(s)
		d.mu.Lock()
		s.state = stateOpen
		d.mu.Unlock()
	}
	d.give()
	return err
}

// hasIPv6 reports whether the chip has said so.
func (d *device) hasIPv6() bool {
	if !needIPv6 {
		return false
	}
	d.mu.Lock()
	has := d.ip6 != nil
	d.mu.Unlock()
	return has
}

// peerOf checks a remote address.
func (d *device) peerOf(ip netip.AddrPort) (netip.AddrPort, error) {
	a := ip.Addr().Unmap()
	if !a.IsValid() {
		return netip.AddrPort{}, netdev.ErrMalAddr
	}
	if !a.Is4() && !d.hasIPv6() {
		return netip.AddrPort{}, errNotIPv4
	}
	return netip.AddrPortFrom(a, ip.Port()), nil
}

// Bind gives the socket its local port; port 0 asks for a free one. The
// address is the device's own, or none.
func (u *Device) Bind(sockfd int, ip netip.AddrPort) error {
	d := u.dev()
	w, err := d.enter(sockfd, true, 0)
	if err != nil {
		return err
	}
	err = d.bindTo(w, ip)
	d.exit(w)
	return err
}

func (d *device) bindTo(w *waiter, ip netip.AddrPort) error {
	a := ip.Addr().Unmap()
	d.mu.Lock()
	own := d.ip
	if w.s.IsIPv6() {
		own = *d.ip6
	}
	d.mu.Unlock()
	switch {
	case a.IsValid() && !a.Is4() && !w.s.IsIPv6():
		return errNotIPv4
	case a.IsValid() && !a.IsUnspecified() && a != own:
		return errNotOurs
	}
	if err := d.takeFor(w); err != nil {
		return err
	}
	err := errBound
	if w.state == stateOpen && w.s.Port == 0 {
		err = d.bind(w.s, ip.Port())
	}
	d.give()
	return err
}

// bind binds a socket; the caller holds the bus.
func (d *device) bind(s *Socket, port uint16) error {
	if port != 0 {
		if d.portTaken(s, port) {
			return netdev.ErrAddrInUse
		}
		if err := d.chip.Bind(s, port); err != nil {
			return err
		}
		d.setPort(s, port)
		return nil
	}
	// Few chips can be asked which port they chose, so the engine chooses.
	err := error(netdev.ErrAddrInUse)
	for try := 0; try < portTries && Same(err, netdev.ErrAddrInUse); try++ {
		d.mu.Lock()
		d.lastPort = firstPort + (d.lastPort-firstPort+1)%portCount
		port = d.lastPort
		d.mu.Unlock()
		if d.portTaken(s, port) {
			continue
		}
		if err = d.chip.Bind(s, port); err == nil {
			d.setPort(s, port)
		}
	}
	return err
}

// bindAny binds a socket to a port of the engine's choice, if the chip can and
// unless that is done. The caller holds the bus.
func (d *device) bindAny(s *Socket) error {
	if s.Port != 0 {
		return nil
	}
	err := d.bind(s, 0)
	if Same(err, netdev.ErrNotSupported) {
		err = nil
	}
	return err
}

// Listen makes a bound stream socket accept connections, which are encrypted if it is
// one for that and the chip can.
func (u *Device) Listen(sockfd int, backlog int) error {
	d := u.dev()
	w, err := d.enter(sockfd, true, 0)
	if err != nil {
		return err
	}
	if err = d.takeFor(w); err == nil {
		err = d.listen(w, backlog)
		d.give()
	}
	d.exit(w)
	return err
}

// listen is Listen; the caller holds the bus.
func (d *device) listen(w *waiter, backlog int) error {
	if w.s.IsDatagram() {
		return errNotStream
	}
	if w.state != stateOpen {
		return errInUse
	}
	if err := d.bindAny(w.s); err != nil {
		return err
	}
	if err := d.chip.Listen(w.s, max(1, min(backlog, 255))); err != nil {
		return err
	}
	d.setState(w.s, stateListening)
	return nil
}

// Accept waits for a connection. While all sockets are in use it leaves the
// connection waiting in the chip until one is closed.
func (u *Device) Accept(sockfd int) (int, netip.AddrPort, error) {
	d := u.dev()
	var from netip.AddrPort
	w, err := d.enter(sockfd, false, 0)
	if err != nil {
		return -1, from, err
	}
	fd, err := d.acceptFor(w)
	d.exit(w)
	if err == nil {
		d.mu.Lock()
		from = d.sockets[fd].Peer
		d.mu.Unlock()
	}
	return fd, from, err
}

// acceptFor is Accept.
func (d *device) acceptFor(w *waiter) (int, error) {
	for {
		if err := d.takeFor(w); err != nil {
			return -1, err
		}
		if w.state != stateListening {
			d.give()
			return -1, errNotListening
		}
		fd, next, err := d.accept(w)
		d.give()
		if err != nil {
			return -1, err
		}
		if fd >= 0 {
			d.touch(w.s)
			d.touch(&d.sockets[fd])
			return fd, nil
		}
		d.mu.Lock()
		if next == wantEntry && d.vacant() >= 0 {
			d.mu.Unlock()
			continue
		}
		if err := d.awaitLocked(w, next); err != nil {
			return -1, err
		}
	}
}

// accept takes a connection if there is one; otherwise fd is -1 and next what
// to wait for. The caller holds the bus.
func (d *device) accept(w *waiter) (fd int, next want, err error) {
	d.mu.Lock()
	fd = d.alloc(w.s.Kind, w.s.V6)
	d.mu.Unlock()
	if fd < 0 {
		return -1, wantEntry, nil
	}
	s := &d.sockets[fd]
	ok, err := d.chip.Accept(w.s, s)
	if err != nil || !ok {
		d.mu.Lock()
		d.free(s)
		d.mu.Unlock()
		return -1, wantData, err
	}
	d.adopt(s)
	d.setState(s, stateConnected)
	d.mu.Lock()
	s.Port, s.peered = w.s.Port, true
	d.mu.Unlock()
	return fd, wantNothing, nil
}

// Connect connects a stream socket, or sets the peer of a datagram socket. If
// ip has no address, host is looked up; the certificate of a TLS socket's
// peer is checked against host. The write deadline bounds it.
func (u *Device) Connect(sockfd int, host string, ip netip.AddrPort) error {
	d := u.dev()
	w, err := d.enter(sockfd, true, 0)
	if err != nil {
		return err
	}
	err = d.connectFor(w, host, ip)
	d.exit(w)
	return err
}

// connectFor is Connect.
func (d *device) connectFor(w *waiter, host string, ip netip.AddrPort) (err error) {
	switch {
	case len(host) > 255:
		return errLongName
	case w.s.IsTLS() && host != "" && !printable(host):
		return netdev.ErrHostUnknown
	}
	var to netip.AddrPort
	if w.s.IsTLS() && !ip.Addr().IsValid() && host != "" {
		to = ip // the chip looks it up
	} else {
		if !ip.Addr().IsValid() && host != "" {
			a, err := d.lookUp(host, w.expiry(), nil)
			if err != nil {
				return err
			}
			ip = netip.AddrPortFrom(a, ip.Port())
		}
		if to, err = d.peerOf(ip); err != nil {
			return err
		}
	}
	if err := d.takeFor(w); err != nil {
		return err
	}
	done, err := d.connectTo(w, host, to)
	d.give()
	if err == nil {
		d.touch(w.s)
	}
	if err != nil || done {
		return err
	}

	// A chip gives up by itself, in the end. Should it never say so, nor the
	// link be lost, that must not be for ever.
	giveUp := d.now() + instant(d.cfg.Times.Dial)
	d.mu.Lock()
	own := w.deadline == 0 || giveUp < w.deadline
	if own {
		w.deadline = giveUp
	}
	d.mu.Unlock()
	for {
		if err := d.await(w, wantRoom); err != nil {
			if Same(err, netdev.ErrTimeout) && own && d.now() >= giveUp {
				err = d.fail(w, errDialTimeout)
			}
			return err
		}
		if err := d.takeFor(w); err != nil {
			return err
		}
		ready, err := d.chip.Poll(w.s, Writable)
		if err == nil && ready&Failed == 0 && ready&Writable != 0 {
			d.setState(w.s, stateConnected)
		}
		d.give()
		switch {
		case err != nil:
			return d.fail(w, err)
		case ready&Failed != 0:
			return d.fail(w, netdev.ErrConnRefused)
		case ready&Writable != 0:
			d.touch(w.s)
			return nil
		}
	}
}

// connectTo makes the chip connect; done is false while it is at it. The
// caller holds the bus.
func (d *device) connectTo(w *waiter, host string, to netip.AddrPort) (done bool, err error) {
	s := w.s
	if w.state != stateOpen {
		return false, errInUse
	}
	if s.IsDatagram() {
		// The peer is the engine's affair: chips differ in what a connected
		// socket does with datagrams of others.
		if err := d.bindAny(s); err != nil {
			return false, err
		}
		d.mu.Lock()
		s.Peer, s.peered = to, true
		d.mu.Unlock()
		return true, nil
	}
	if err := d.bindAny(s); err != nil {
		return false, d.fail(w, err)
	}
	done, err = d.chip.Connect(s, host, to)
	if err != nil {
		return false, d.fail(w, err)
	}
	d.mu.Lock()
	s.Peer, s.peered = to, true
	d.mu.Unlock()
	if done {
		d.setState(s, stateConnected)
	} else {
		d.setState(s, stateConnecting)
	}
	return done, nil
}

// Send writes buf to a stream, all of it unless there is an error, or sends
// it as one datagram to the socket's peer. flags are ignored.
func (u *Device) Send(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	d := u.dev()
	w, err := d.enter(sockfd, true, d.instantOf(deadline))
	if err != nil {
		return 0, err
	}
	n, err := d.send(w, buf)
	d.exit(w)
	return n, err
}

// send is Send.
func (d *device) send(w *waiter, buf []byte) (int, error) {
	d.mu.Lock()
	peered, peer, shut := w.s.peered, w.s.Peer, w.s.shutW
	d.mu.Unlock()
	dgram := w.s.IsDatagram()
	if !peered || !dgram && w.state != stateConnected {
		return 0, netdev.ErrNotConnected
	}
	if shut {
		return 0, errShut
	}
	if dgram {
		return d.sendTo(w, buf, peer)
	}
	if err := d.beginWrite(w); err != nil {
		return 0, err
	}
	n, err := d.sendAll(w, buf)
	d.endWrite(w)
	return n, err
}

// sendAll sends on a stream.
func (d *device) sendAll(w *waiter, buf []byte) (done int, err error) {
	for {
		if done == len(buf) {
			return done, nil
		}
		if err := d.takeFor(w); err != nil {
			return done, err
		}
		n, err := d.chip.Send(w.s, buf[done:])
		if err != nil {
			// Perhaps the chip took it, perhaps not: the stream is broken.
			err = d.fail(w, err)
		}
		d.give()
		if err != nil {
			return done, err
		}
		done += n
		if n > 0 {
			d.touch(w.s)
			continue
		}
		if err := d.await(w, wantRoom); err != nil {
			return done, err
		}
	}
}

// Recv waits for data of a stream, or a datagram, and reads it into buf.
// flags are ignored.
func (u *Device) Recv(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	n, _, err := u.RecvFrom(sockfd, buf, flags, deadline)
	return n, err
}

// RecvFrom is Recv with the sender's address.
func (u *Device) RecvFrom(sockfd int, buf []byte, flags int, deadline time.Time) (int, netip.AddrPort, error) {
	d := u.dev()
	var from netip.AddrPort
	w, err := d.enter(sockfd, false, d.instantOf(deadline))
	if err != nil {
		return 0, from, err
	}
	n, err := d.recv(w, buf, &from)
	if err != nil {
		from = netip.AddrPort{}
	}
	d.exit(w)
	return n, from, err
}

// recv is RecvFrom.
func (d *device) recv(w *waiter, buf []byte, from *netip.AddrPort) (int, error) {
	d.mu.Lock()
	eof := w.s.eof || w.s.shutR
	*from = w.s.Peer
	d.mu.Unlock()
	dgram := w.s.IsDatagram()
	switch {
	case dgram:
	case w.state != stateConnected:
		return 0, netdev.ErrNotConnected
	case eof:
		return 0, io.EOF
	case len(buf) == 0:
		return 0, nil
	}
	sure := false
	for {
		var n int
		var err error
		got := false
		if needBuffers && len(w.s.ring.buf) > 0 {
			d.mu.Lock()
			n, got, err = d.recvPushed(w, buf, from)
			d.mu.Unlock()
		} else if err = d.takeFor(w); err != nil {
			return 0, err
		} else if dgram {
			n, got, err = d.recvDatagram(w, buf, from)
		} else {
			n, err = d.recvStream(w, buf, sure)
			got = n > 0
		}
		if err != nil {
			return 0, err
		}
		if got {
			d.touch(w.s)
			return n, nil
		}
		if err := d.await(w, wantData); err != nil {
			return 0, err
		}
		sure = true
	}
}

// recvPushed reads from the receive buffer; the caller holds mu.
func (d *device) recvPushed(w *waiter, buf []byte, from *netip.AddrPort) (n int, got bool, err error) {
	s := w.s
	// A stream that failed still gives what came before.
	if err := d.check(w); err != nil && (!Same(err, s.err) || w.gen != s.gen) {
		return 0, false, err
	}
	s.told &^= Readable
	if s.IsDatagram() {
		if n, got = s.ring.takeDatagram(buf, from); got {
			return n, true, nil
		}
	} else if n = s.ring.take(buf); n > 0 {
		return n, true, nil
	}
	if s.err == nil && s.ended && !s.IsDatagram() {
		s.eof = true
		return 0, false, io.EOF
	}
	return 0, false, s.err
}

// recvStream reads what there is; 0 without an error is nothing. The caller
// holds the bus, which it hands back.
func (d *device) recvStream(w *waiter, buf []byte, sure bool) (int, error) {
	n, err := d.chip.Recv(w.s, buf, sure)
	if Same(err, io.EOF) {
		d.mu.Lock()
		w.s.eof = true
		d.mu.Unlock()
	} else if err != nil {
		err = d.fail(w, err) // data may be lost
	}
	d.give()
	return n, err
}

// Shutdown closes one direction of a stream, if the chip can do that with
// the direction named; netdev.ErrNotSupported otherwise. Received data is
// discarded after netdev.SHUT_RD.
func (u *Device) Shutdown(sockfd int, how int) error {
	d := u.dev()
	w, err := d.enter(sockfd, true, 0)
	if err != nil {
		return err
	}
	err = d.shutdown(w, how)
	d.exit(w)
	return err
}

// shutdown is Shutdown.
func (d *device) shutdown(w *waiter, how int) error {
	if w.s.IsDatagram() {
		return errNotStream
	}
	if w.state != stateConnected {
		return netdev.ErrNotConnected
	}
	if how == netdev.SHUT_WR || how == netdev.SHUT_RDWR {
		c, ok := d.chip.(Shutdowner)
		if !ok {
			return errNoShutdown
		}
		// What is being sent comes first.
		if err := d.beginWrite(w); err != nil {
			return err
		}
		err := d.shutdownWrite(w, c)
		d.endWrite(w)
		if err != nil {
			return err
		}
	}
	if how == netdev.SHUT_RD || how == netdev.SHUT_RDWR {
		d.mu.Lock()
		w.s.shutR = true
		d.ready(w.s, Readable)
		d.mu.Unlock()
	}
	return nil
}

func (d *device) shutdownWrite(w *waiter, c Shutdowner) error {
	if err := d.takeFor(w); err != nil {
		return err
	}
	err := c.ShutdownWrite(w.s)
	d.give()
	if err != nil {
		if Is(err, netdev.ErrNotSupported) {
			return err
		}
		return d.fail(w, err)
	}
	d.mu.Lock()
	w.s.shutW = true
	d.mu.Unlock()
	return nil
}

// Close closes the socket. Calls blocked on it return
// netdev.ErrInvalidSocketFd.
func (u *Device) Close(sockfd int) error {
	d := u.dev()
	d.mu.Lock()
	s := d.lookup(sockfd)
	if s == nil {
		d.mu.Unlock()
		return netdev.ErrInvalidSocketFd
	}
	drain := s.state == stateConnected && !s.IsDatagram() && !s.eof && s.err == nil
	s.state = stateClosing
	d.wakeAll()
	d.mu.Unlock()

	d.take(&d.bus)
	if c, ok := d.chip.(Drainer); ok && drain && d.alive() == nil {
		// The peer's window bounds what there can be.
		for try := 0; s.onChip && try < 4; try++ {
			if more, err := c.Drain(s); err != nil || !more {
				break
			}
		}
	}
	err := d.closeOnChip(s)
	d.give()

	d.mu.Lock()
	d.active = d.now() // the peer may well connect again
	d.free(s)
	d.mu.Unlock()
	return err
}

// SetSockOpt sets an option; netdev.ErrNotSupported for those that the chip
// does not have.
func (u *Device) SetSockOpt(sockfd int, level int, opt int, value interface{}) error {
	d := u.dev()
	w, err := d.enter(sockfd, true, 0)
	if err != nil {
		return err
	}
	err = netdev.ErrNotSupported
	if c, ok := d.chip.(Optioner); ok {
		if err = d.takeFor(w); err == nil {
			err = c.SetOption(w.s, level, opt, value)
			d.give()
		}
	}
	d.exit(w)
	return err
}

// LocalAddr returns the socket's local address: the device's own for a
// connection, the unspecified one otherwise.
func (u *Device) LocalAddr(sockfd int) (netip.AddrPort, error) {
	d := u.dev()
	ip, port := netip.AddrFrom4([4]byte{}), uint16(0)
	d.mu.Lock()
	s := d.lookup(sockfd)
	if s != nil {
		own := d.ip
		if s.IsIPv6() {
			ip, own = netip.IPv6Unspecified(), *d.ip6
		}
		if port = s.Port; s.peered {
			ip = own
		}
	}
	d.mu.Unlock()
	if s == nil {
		return netip.AddrPort{}, netdev.ErrInvalidSocketFd
	}
	return netip.AddrPortFrom(ip, port), nil
}
