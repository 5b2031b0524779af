package offload

import (
	"errors"
	"io"
	"net/netip"
	"time"

	"tinynet/netdev"
)

// Socket makes a socket: netdev.AF_INET, or AF_INET6 if the chip has that, and
// netdev.SOCK_STREAM (with netdev.IPPROTO_TLS one that the chip encrypts) or
// netdev.SOCK_DGRAM. When the chip's are all in use the error is
// netdev.ErrNoMoreSockets.
func (d *Device) Socket(domain int, stype int, protocol int) (int, error) {
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
func (d *Device) open(s *Socket) error {
	d.owner <- struct{}{}
	defer d.give()
	d.mu.Lock()
	err := s.err // the link may have gone since
	d.mu.Unlock()
	if err != nil {
		return err
	}
	if err := d.alive(); err != nil {
		return err
	}
	if err := d.chip.Open(s); err != nil {
		return err
	}
	d.adopt(s)
	d.mu.Lock()
	s.state = stateOpen
	d.mu.Unlock()
	return nil
}

// hasIPv6 reports whether the chip has said so.
func (d *Device) hasIPv6() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ip6 != nil
}

// peerOf checks a remote address.
func (d *Device) peerOf(ip netip.AddrPort) (netip.AddrPort, error) {
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
func (d *Device) Bind(sockfd int, ip netip.AddrPort) error {
	w, err := d.enter(sockfd, true, time.Time{})
	if err != nil {
		return err
	}
	defer d.exit(w)
	a := ip.Addr().Unmap()
	d.mu.Lock()
	own := d.ip
	if w.s.V6 {
		own = *d.ip6
	}
	d.mu.Unlock()
	switch {
	case a.IsValid() && !a.Is4() && !w.s.V6:
		return errNotIPv4
	case a.IsValid() && !a.IsUnspecified() && a != own:
		return errNotOurs
	}
	if err := d.takeFor(w); err != nil {
		return err
	}
	defer d.give()
	if w.state != stateOpen || w.s.Port != 0 {
		return errBound
	}
	return d.bind(w.s, ip.Port())
}

// bind binds a socket; the caller holds the bus.
func (d *Device) bind(s *Socket, port uint16) error {
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
	for try := 0; try < portTries && err == netdev.ErrAddrInUse; try++ {
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
func (d *Device) bindAny(s *Socket) error {
	if s.Port != 0 {
		return nil
	}
	err := d.bind(s, 0)
	if err == netdev.ErrNotSupported {
		err = nil
	}
	return err
}

// Listen makes a bound stream socket accept connections, which are encrypted if it is
// one for that and the chip can.
func (d *Device) Listen(sockfd int, backlog int) error {
	w, err := d.enter(sockfd, true, time.Time{})
	if err != nil {
		return err
	}
	defer d.exit(w)
	if err := d.takeFor(w); err != nil {
		return err
	}
	defer d.give()
	if w.s.Kind == Datagram {
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
func (d *Device) Accept(sockfd int) (int, netip.AddrPort, error) {
	w, err := d.enter(sockfd, false, time.Time{})
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	defer d.exit(w)
	for {
		if err := d.takeFor(w); err != nil {
			return -1, netip.AddrPort{}, err
		}
		if w.state != stateListening {
			d.give()
			return -1, netip.AddrPort{}, errNotListening
		}
		fd, from, next, err := d.accept(w)
		d.give()
		if err != nil {
			return -1, netip.AddrPort{}, err
		}
		if fd >= 0 {
			d.touch(w.s)
			d.touch(&d.sockets[fd])
			return fd, from, nil
		}
		d.mu.Lock()
		if next == wantEntry && d.vacant() {
			d.mu.Unlock()
			continue
		}
		if err := d.awaitLocked(w, next); err != nil {
			return -1, netip.AddrPort{}, err
		}
	}
}

// vacant reports whether there is a free entry; the caller holds mu.
func (d *Device) vacant() bool {
	used := 0
	for i := range d.sockets {
		if d.sockets[i].state != stateFree {
			used++
		}
	}
	return used < int(d.limit)
}

// accept takes a connection if there is one; otherwise fd is -1 and next what
// to wait for. The caller holds the bus.
func (d *Device) accept(w *waiter) (fd int, from netip.AddrPort, next want, err error) {
	d.mu.Lock()
	fd = d.alloc(w.s.Kind, w.s.V6)
	d.mu.Unlock()
	if fd < 0 {
		return -1, from, wantEntry, nil
	}
	s := &d.sockets[fd]
	ok, err := d.chip.Accept(w.s, s)
	if err != nil || !ok {
		d.mu.Lock()
		d.free(s)
		d.mu.Unlock()
		return -1, from, wantData, err
	}
	d.adopt(s)
	d.setState(s, stateConnected)
	d.mu.Lock()
	s.Port, s.peered = w.s.Port, true
	from = s.Peer
	d.mu.Unlock()
	return fd, from, wantNothing, nil
}

// Connect connects a stream socket, or sets the peer of a datagram socket. If
// ip has no address, host is looked up; the certificate of a TLS socket's
// peer is checked against host. The write deadline bounds it.
func (d *Device) Connect(sockfd int, host string, ip netip.AddrPort) error {
	w, err := d.enter(sockfd, true, time.Time{})
	if err != nil {
		return err
	}
	defer d.exit(w)
	switch {
	case len(host) > 255:
		return errLongName
	case w.s.Kind == TLS && host != "" && !printable(host):
		return netdev.ErrHostUnknown
	}
	var to netip.AddrPort
	if w.s.Kind == TLS && !ip.Addr().IsValid() && host != "" {
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
	if err != nil || done {
		return err
	}
	d.touch(w.s)

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
			if err == netdev.ErrTimeout && own && d.now() >= giveUp {
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
func (d *Device) connectTo(w *waiter, host string, to netip.AddrPort) (done bool, err error) {
	s := w.s
	if w.state != stateOpen {
		return false, errInUse
	}
	if s.Kind == Datagram {
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
func (d *Device) Send(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	w, err := d.enter(sockfd, true, deadline)
	if err != nil {
		return 0, err
	}
	defer d.exit(w)
	d.mu.Lock()
	peered, peer, shut := w.s.peered, w.s.Peer, w.s.shutW
	d.mu.Unlock()
	dgram := w.s.Kind == Datagram
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
	defer d.endWrite(w)
	for done := 0; ; {
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
func (d *Device) Recv(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	n, _, err := d.RecvFrom(sockfd, buf, flags, deadline)
	return n, err
}

// RecvFrom is Recv with the sender's address.
func (d *Device) RecvFrom(sockfd int, buf []byte, flags int, deadline time.Time) (int, netip.AddrPort, error) {
	var none netip.AddrPort
	w, err := d.enter(sockfd, false, deadline)
	if err != nil {
		return 0, none, err
	}
	defer d.exit(w)
	d.mu.Lock()
	from, eof := w.s.Peer, w.s.eof || w.s.shutR
	d.mu.Unlock()
	dgram := w.s.Kind == Datagram
	switch {
	case dgram:
	case w.state != stateConnected:
		return 0, none, netdev.ErrNotConnected
	case eof:
		return 0, none, io.EOF
	case len(buf) == 0:
		return 0, none, nil
	}
	sure := false
	for {
		var n int
		got := false
		if len(w.s.ring.buf) > 0 {
			n, from, got, err = d.recvPushed(w, buf, from)
		} else if err = d.takeFor(w); err != nil {
			return 0, none, err
		} else if dgram {
			n, from, got, err = d.recvDatagram(w, buf)
		} else {
			n, err = d.recvStream(w, buf, sure)
			got = n > 0
		}
		if err != nil {
			return 0, none, err
		}
		if got {
			d.touch(w.s)
			return n, from, nil
		}
		if err := d.await(w, wantData); err != nil {
			return 0, none, err
		}
		sure = true
	}
}

// recvPushed reads from the receive buffer.
func (d *Device) recvPushed(w *waiter, buf []byte, peer netip.AddrPort) (n int, from netip.AddrPort, got bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := w.s
	// A stream that failed still gives what came before.
	if err := d.check(w); err != nil && (err != s.err || w.gen != s.gen) {
		return 0, peer, false, err
	}
	s.told &^= Readable
	if s.Kind == Datagram {
		if n, from, got = s.ring.takeDatagram(buf); got {
			return n, from, true, nil
		}
	} else if n = s.ring.take(buf); n > 0 {
		return n, peer, true, nil
	}
	if s.err != nil {
		return 0, peer, false, s.err
	}
	if s.ended && s.Kind != Datagram {
		s.eof = true
		return 0, peer, false, io.EOF
	}
	return 0, peer, false, nil
}

// recvStream reads what there is; 0 without an error is nothing. The caller
// holds the bus, which it hands back.
func (d *Device) recvStream(w *waiter, buf []byte, sure bool) (int, error) {
	n, err := d.chip.Recv(w.s, buf, sure)
	if err == io.EOF {
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
func (d *Device) Shutdown(sockfd int, how int) error {
	w, err := d.enter(sockfd, true, time.Time{})
	if err != nil {
		return err
	}
	defer d.exit(w)
	if w.s.Kind == Datagram {
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
		defer d.endWrite(w)
		if err := d.takeFor(w); err != nil {
			return err
		}
		err := c.ShutdownWrite(w.s)
		d.give()
		if err != nil {
			if errors.Is(err, netdev.ErrNotSupported) {
				return err
			}
			return d.fail(w, err)
		}
		d.mu.Lock()
		w.s.shutW = true
		d.mu.Unlock()
	}
	if how == netdev.SHUT_RD || how == netdev.SHUT_RDWR {
		d.mu.Lock()
		w.s.shutR = true
		d.ready(w.s, Readable)
		d.mu.Unlock()
	}
	return nil
}

// Close closes the socket. Calls blocked on it return
// netdev.ErrInvalidSocketFd.
func (d *Device) Close(sockfd int) error {
	d.mu.Lock()
	s := d.lookup(sockfd)
	if s == nil {
		d.mu.Unlock()
		return netdev.ErrInvalidSocketFd
	}
	drain := s.state == stateConnected && s.Kind != Datagram && !s.eof && s.err == nil
	s.state = stateClosing
	d.wakeAll()
	d.mu.Unlock()

	d.owner <- struct{}{}
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
func (d *Device) SetSockOpt(sockfd int, level int, opt int, value interface{}) error {
	w, err := d.enter(sockfd, true, time.Time{})
	if err != nil {
		return err
	}
	defer d.exit(w)
	c, ok := d.chip.(Optioner)
	if !ok {
		return netdev.ErrNotSupported
	}
	if err := d.takeFor(w); err != nil {
		return err
	}
	defer d.give()
	return c.SetOption(w.s, level, opt, value)
}

// LocalAddr returns the socket's local address: the device's own for a
// connection, the unspecified one otherwise.
func (d *Device) LocalAddr(sockfd int) (netip.AddrPort, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.lookup(sockfd)
	if s == nil {
		return netip.AddrPort{}, netdev.ErrInvalidSocketFd
	}
	ip, own := netip.IPv4Unspecified(), d.ip
	if s.V6 {
		ip, own = netip.IPv6Unspecified(), *d.ip6
	}
	if s.peered {
		ip = own
	}
	return netip.AddrPortFrom(ip, s.Port), nil
}
