package wifinina

import (
	"io"
	"net/netip"
	"time"

	"tinynet/netdev"
)

// All sockets are the firmware's BSD-like ones (commands 0x70 to 0x7F), not
// those of its older slots, because with slots
//   - a connection that was accepted blocks the whole chip when its peer does
//     not read, and nothing tells beforehand that it will;
//   - connecting blocks the whole chip, 18.5 s if the peer is silent;
//   - a reply to a peer that has closed its own direction is lost;
//   - a listener cannot be closed, and asking for the state of one, or of a
//     UDP slot, leaks its socket;
//   - UDP carries 50 datagrams a second, and one that arrives redirects one
//     that is being sent;
//   - and much of this differs between the two makers of firmware.
//
// The price is that the chip's GPIO0 tells of slots only, so that waiting
// means asking (poller.go). Non-blocking mode makes every command return at
// once.

const (
	maxSockets  = 10   // lwIP sockets of the chip; Adafruit's has 6
	maxDatagram = 1472 // the chip neither fragments nor reassembles

	// The ports that the driver gives out, those of RFC 6335.
	firstPort = 49152
	portCount = 1 << 14
	portTries = 16

	// The descriptors that lwIP gives out end at FD_SETSIZE, 64 in ESP-IDF;
	// there are at most 16.
	firstDesc = 48
	lastDesc  = 64
)

// state is the state of a socket.
type state uint8

const (
	stateFree       state = iota
	stateNew              // about to be
	stateOpen             // datagram sockets stay here
	stateConnecting       // the chip is at it
	stateConnected
	stateListening
	stateClosing
)

// socket is an entry of the table whose index is the file descriptor. A
// device's mu guards it; desc, onChip and port change only while the bus is
// held as well, so that its holder may read them.
type socket struct {
	state   state
	gen     uint8 // changes when the entry is used anew
	desc    uint8 // the chip's descriptor
	onChip  bool  // desc is ours
	dgram   bool
	peered  bool // peer is set
	eof     bool
	writing bool   // a Send is at work on the stream
	port    uint16 // local port, 0 if none yet
	peer    addr
	err     error   // what all calls but Close return from now on
	rdl     instant // deadlines
	wdl     instant
	active  instant // last traffic
	next    instant // not to be polled before
}

// lookup returns the socket of a file descriptor, nil if there is none. The
// caller holds mu.
func (d *Device) lookup(fd int) *socket {
	if fd < 0 || fd >= maxSockets {
		return nil
	}
	switch s := &d.sockets[fd]; s.state {
	case stateFree, stateNew, stateClosing:
		return nil
	default:
		return s
	}
}

// free makes an entry available; the caller holds mu.
func (d *Device) free(s *socket) {
	gen := s.gen + 1
	*s = socket{gen: gen}
	for w := d.waiters; w != nil; w = w.next {
		if w.want == wantEntry {
			w.inform()
		}
	}
}

// alloc finds a free entry and returns its index, or -1. The caller holds mu.
func (d *Device) alloc(dgram bool) int {
	for i := range d.sockets {
		if s := &d.sockets[i]; s.state == stateFree {
			*s = socket{gen: s.gen + 1, state: stateNew, dgram: dgram}
			return i
		}
	}
	return -1
}

// adopt notes that desc is the chip's descriptor of s. Should an older entry
// have it, the chip has closed that one behind the driver's back.
func (d *Device) adopt(s *socket, desc uint8) {
	d.mu.Lock()
	for i := range d.sockets {
		if o := &d.sockets[i]; o.onChip && o.desc == desc {
			o.onChip = false
			if o.err == nil {
				o.err = netdev.ErrConnReset
			}
			d.wakeAll()
		}
	}
	s.desc, s.onChip = desc, true
	d.mu.Unlock()
}

// closeOnChip closes the chip's socket of an entry; the caller holds the bus.
func (d *Device) closeOnChip(s *socket) error {
	d.mu.Lock()
	desc, onChip := s.desc, s.onChip
	s.onChip = false
	d.mu.Unlock()
	if !onChip {
		return nil
	}
	// A descriptor that the chip does not know is closed, so it does no harm
	// to say it twice.
	_, err := d.bus.close(desc)
	if err == errGarbled {
		_, err = d.bus.close(desc)
	}
	return err
}

// sweep closes all descriptors that are not in the table, of which there may
// be some after the chip's answer to cmdSocket or cmdAccept was lost. The
// caller holds the bus.
func (d *Device) sweep() error {
	for desc := uint8(firstDesc); d.orphans && desc < lastDesc; desc++ {
		ours := false
		d.mu.Lock()
		for i := range d.sockets {
			ours = ours || d.sockets[i].onChip && d.sockets[i].desc == desc
		}
		d.mu.Unlock()
		if ours {
			continue
		}
		if _, err := d.bus.close(desc); err != nil {
			return err
		}
	}
	d.orphans = false
	return nil
}

// touch notes traffic on a socket, after which the poller looks often.
func (d *Device) touch(s *socket) {
	now := d.now()
	d.mu.Lock()
	s.active, d.active = now, now
	s.next = now + instant(pollMin)
	d.mu.Unlock()
}

// fail makes all further calls on the socket return err, and returns it.
func (d *Device) fail(w *waiter, err error) error {
	d.mu.Lock()
	if w.gen == w.s.gen && w.s.err == nil {
		w.s.err = err
		d.wakeAll()
	}
	if err == errNoAnswer {
		d.poll.link = 1 // let the poller see at once what is the matter
		d.kickPoller()
	}
	d.mu.Unlock()
	return err
}

// failure asks for the error number of the last command on a socket. The
// error is not nil if the socket can be used no more. The caller holds the
// bus.
func (d *Device) failure(w *waiter) (errno byte, err error) {
	errno, err = d.bus.errno()
	switch {
	case err != nil:
		return 0, d.fail(w, err)
	case errno == errnoBadFD:
		// The chip has closed it: the link was lost, if only for a moment.
		d.mu.Lock()
		w.s.onChip = false
		d.mu.Unlock()
		return 0, d.fail(w, errLost)
	case errno == errnoConnReset || errno == errnoConnAborted:
		return 0, d.fail(w, netdev.ErrConnReset)
	}
	return errno, nil
}

// busy reports whether an error number only says that the chip cannot just
// now.
func busy(errno byte) bool {
	return errno == errnoAgain || errno == errnoNoMemory || errno == errnoNoBuffers
}

// Socket makes a socket: netdev.AF_INET, netdev.SOCK_STREAM or
// netdev.SOCK_DGRAM. There are 10, fewer if the chip has fewer.
func (d *Device) Socket(domain int, stype int, protocol int) (int, error) {
	if domain != netdev.AF_INET {
		return -1, errNotIPv4
	}
	var kind byte
	switch {
	case stype == netdev.SOCK_STREAM && (protocol == netdev.IPPROTO_TCP || protocol == 0):
		kind = typeStream
	case stype == netdev.SOCK_DGRAM && (protocol == netdev.IPPROTO_UDP || protocol == 0):
		kind = typeDatagram
	default:
		return -1, netdev.ErrProtocolNotSupported
	}
	d.mu.Lock()
	up, fd := d.up, -1
	if up {
		fd = d.alloc(kind == typeDatagram)
	}
	d.mu.Unlock()
	if !up {
		return -1, errNotUp
	}
	if fd < 0 {
		return -1, netdev.ErrNoMoreSockets
	}
	if err := d.open(&d.sockets[fd], kind); err != nil {
		d.mu.Lock()
		d.free(&d.sockets[fd])
		d.mu.Unlock()
		return -1, err
	}
	return fd, nil
}

// open makes the chip's socket for a new entry.
func (d *Device) open(s *socket, kind byte) error {
	b := &d.bus
	b.take()
	defer b.give()
	d.mu.Lock()
	err := s.err // the link may have gone since
	d.mu.Unlock()
	if err != nil {
		return err
	}
	if err := d.sweep(); err != nil {
		return err
	}
	desc, err := b.socket(kind)
	if err != nil {
		d.orphans = true
		return err
	}
	if desc == noFD {
		return netdev.ErrNoMoreSockets
	}
	d.adopt(s, desc)
	if err := b.nonBlocking(desc); err != nil {
		d.closeOnChip(s)
		return err
	}
	d.mu.Lock()
	s.state = stateOpen
	d.mu.Unlock()
	return nil
}

// peerOf converts a remote address.
func peerOf(ip netip.AddrPort) (addr, error) {
	a := ip.Addr().Unmap()
	if !a.IsValid() {
		return addr{}, netdev.ErrMalAddr
	}
	if !a.Is4() {
		return addr{}, errNotIPv4
	}
	return addr{a.As4(), ip.Port()}, nil
}

// Bind gives the socket its local port; port 0 asks for a free one. The
// address has to be the unspecified one or the device's own.
func (d *Device) Bind(sockfd int, ip netip.AddrPort) error {
	if a := ip.Addr().Unmap(); a.IsValid() && !a.IsUnspecified() {
		if !a.Is4() {
			return errNotIPv4
		}
		d.mu.Lock()
		ours := a.As4() == d.ip
		d.mu.Unlock()
		if !ours {
			return errNotOurs
		}
	}
	w, err := d.enter(sockfd, true, time.Time{})
	if err != nil {
		return err
	}
	defer d.exit(w)
	if err := d.takeFor(w); err != nil {
		return err
	}
	defer d.bus.give()
	if w.s.port != 0 {
		return errBound
	}
	if !w.dgram {
		// Without it old connections of a listener would keep it from being
		// opened again for two minutes.
		if ok, err := d.bus.reuse(w.s.desc); err != nil {
			return err
		} else if !ok {
			return d.why(netdev.ErrNotSupported)
		}
	}
	return d.bind(w.s, ip.Port())
}

// bind binds a socket; the caller holds the bus.
func (d *Device) bind(s *socket, port uint16) error {
	if port != 0 {
		if d.portTaken(s, port) {
			return netdev.ErrAddrInUse
		}
		ok, err := d.bus.bind(s.desc, port)
		if err != nil {
			return err
		}
		if !ok {
			return d.why(netdev.ErrAddrInUse)
		}
		d.setPort(s, port)
		return nil
	}
	// The chip cannot be asked which port it chose, so the driver chooses.
	for try := 0; try < portTries; try++ {
		d.mu.Lock()
		d.lastPort = firstPort + (d.lastPort-firstPort+1)%portCount
		port = d.lastPort
		d.mu.Unlock()
		if d.portTaken(s, port) {
			continue
		}
		ok, err := d.bus.bind(s.desc, port)
		if err != nil {
			return err
		}
		if ok {
			d.setPort(s, port)
			return nil
		}
	}
	return d.why(netdev.ErrAddrInUse)
}

// why returns the error after a command on a socket failed: that it is gone
// from the chip, or otherwise. The caller holds the bus.
func (d *Device) why(otherwise error) error {
	if errno, err := d.bus.errno(); err != nil {
		return err
	} else if errno == errnoBadFD {
		return errLost
	}
	return otherwise
}

func (d *Device) setPort(s *socket, port uint16) {
	d.mu.Lock()
	s.port = port
	d.mu.Unlock()
}

// portTaken reports whether another socket of the kind is bound to the port.
// Connections have their listener's port and do not count.
func (d *Device) portTaken(s *socket, port uint16) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.sockets {
		o := &d.sockets[i]
		if o != s && o.onChip && o.dgram == s.dgram && o.port == port && (o.dgram || o.state != stateConnected) {
			return true
		}
	}
	return false
}

// Listen makes a bound stream socket accept connections.
func (d *Device) Listen(sockfd int, backlog int) error {
	w, err := d.enter(sockfd, true, time.Time{})
	if err != nil {
		return err
	}
	defer d.exit(w)
	if err := d.takeFor(w); err != nil {
		return err
	}
	defer d.bus.give()
	s := w.s
	if w.dgram {
		return errNotStream
	}
	if w.state != stateOpen {
		return errInUse
	}
	if s.port == 0 {
		if err := d.bind(s, 0); err != nil {
			return err
		}
	}
	ok, err := d.bus.listen(s.desc, byte(max(1, min(backlog, 255))))
	if err != nil {
		return err
	}
	if !ok {
		return d.why(netdev.ErrAddrInUse)
	}
	d.setState(w, stateListening)
	return nil
}

// setState changes the state of a socket unless it is being closed.
func (d *Device) setState(w *waiter, st state) {
	d.mu.Lock()
	if w.gen == w.s.gen && w.s.state != stateClosing {
		w.s.state = st
	}
	d.mu.Unlock()
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
			d.bus.give()
			return -1, netip.AddrPort{}, errNotListening
		}
		fd, from, next, err := d.accept(w)
		d.bus.give()
		if err != nil {
			return -1, netip.AddrPort{}, err
		}
		if fd >= 0 {
			d.touch(w.s)
			d.touch(&d.sockets[fd])
			return fd, netip.AddrPortFrom(netip.AddrFrom4(from.ip), from.port), nil
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
	for i := range d.sockets {
		if d.sockets[i].state == stateFree {
			return true
		}
	}
	return false
}

// accept takes a connection if there is one; otherwise fd is -1 and next what
// to wait for. The caller holds the bus.
func (d *Device) accept(w *waiter) (fd int, from addr, next want, err error) {
	d.mu.Lock()
	fd = d.alloc(false)
	d.mu.Unlock()
	if fd < 0 {
		return -1, addr{}, wantEntry, nil
	}
	from, ok, err := d.acceptInto(&d.sockets[fd], w.s)
	if !ok {
		d.mu.Lock()
		d.free(&d.sockets[fd])
		d.mu.Unlock()
		return -1, addr{}, wantData, err
	}
	return fd, from, wantNothing, nil
}

// acceptInto makes s a connection of listener l if there is one.
func (d *Device) acceptInto(s, l *socket) (from addr, ok bool, err error) {
	if d.sweep() != nil {
		return addr{}, false, nil
	}
	desc, from, err := d.bus.accept(l.desc)
	if err != nil {
		// If there was a connection it is lost, which is no reason to end a
		// server. Should the chip be broken, the poller finds out.
		d.orphans = true
		return addr{}, false, nil
	}
	if desc == noFD {
		return addr{}, false, nil
	}
	d.adopt(s, desc)
	// The mode is not inherited.
	if err := d.bus.nonBlocking(desc); err != nil {
		d.closeOnChip(s)
		if err == errNonBlock {
			return addr{}, false, err
		}
		return addr{}, false, nil
	}
	d.mu.Lock()
	s.state, s.port, s.peer, s.peered = stateConnected, l.port, from, true
	d.mu.Unlock()
	return from, true, nil
}

// Connect connects a stream socket, or sets the peer of a datagram socket. If
// ip has no address, host is looked up. The write deadline bounds it.
func (d *Device) Connect(sockfd int, host string, ip netip.AddrPort) error {
	if !ip.Addr().IsValid() && host != "" {
		a, err := d.GetHostByName(host)
		if err != nil {
			return err
		}
		ip = netip.AddrPortFrom(a, ip.Port())
	}
	to, err := peerOf(ip)
	if err != nil {
		return err
	}
	w, err := d.enter(sockfd, true, time.Time{})
	if err != nil {
		return err
	}
	defer d.exit(w)
	if err := d.takeFor(w); err != nil {
		return err
	}
	done, err := d.connectTo(w, to)
	d.bus.give()
	if err != nil || done {
		return err
	}
	d.touch(w.s)

	// The chip gives up after 18.5 s. Should it never say so, nor the link be
	// lost, that must not be for ever.
	giveUp := d.now() + instant(d.bus.lim.dial)
	d.mu.Lock()
	own := w.deadline == 0 || giveUp < w.deadline
	if own {
		w.deadline = giveUp
	}
	d.mu.Unlock()
	for {
		if err := d.await(w, wantRoom); err != nil {
			if err == netdev.ErrTimeout && own && d.now() >= giveUp {
				err = d.fail(w, netdev.ErrConnRefused)
			}
			return err
		}
		if err := d.takeFor(w); err != nil {
			return err
		}
		flags, err := d.bus.poll(w.s.desc)
		d.bus.give()
		switch {
		case err != nil:
			return d.fail(w, err)
		case flags&(pollError|pollFail) != 0:
			return d.fail(w, netdev.ErrConnRefused)
		case flags&pollWritable != 0:
			d.setState(w, stateConnected)
			d.touch(w.s)
			return nil
		}
	}
}

// connectTo makes the chip connect; done is false while it is at it. The
// caller holds the bus.
func (d *Device) connectTo(w *waiter, to addr) (done bool, err error) {
	s := w.s
	if w.state != stateOpen {
		return false, errInUse
	}
	if s.port == 0 {
		if err := d.bind(s, 0); err != nil {
			return false, err
		}
	}
	done, err = d.bus.connect(s.desc, to)
	if err != nil {
		return false, d.fail(w, err)
	}
	if !done {
		errno, err := d.bus.errno()
		switch {
		case err != nil:
			return false, d.fail(w, err)
		case errno == errnoBadFD:
			return false, d.fail(w, errLost)
		case w.dgram || errno != errnoInProgress && errno != errnoAgain && errno != errnoAlready:
			return false, d.fail(w, netdev.ErrConnRefused)
		}
	}
	d.mu.Lock()
	s.peer, s.peered = to, true
	switch {
	case s.state == stateClosing || w.dgram:
	case done:
		s.state = stateConnected
	default:
		s.state = stateConnecting
	}
	d.mu.Unlock()
	return done, nil
}

// Send writes buf to a stream, all of it unless there is an error, or sends
// it as one datagram to the socket's peer.
func (d *Device) Send(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	w, err := d.enter(sockfd, true, deadline)
	if err != nil {
		return 0, err
	}
	defer d.exit(w)
	d.mu.Lock()
	peered, peer := w.s.peered, w.s.peer
	d.mu.Unlock()
	if !peered || !w.dgram && w.state != stateConnected {
		return 0, netdev.ErrNotConnected
	}
	if w.dgram {
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
		n, err := d.bus.send(w.s.desc, buf[done:min(done+maxSend, len(buf))])
		if err != nil {
			// Perhaps the chip took it, perhaps not: the stream is broken.
			err = d.fail(w, err)
		} else if n == 0 {
			// A full buffer and a dead connection look the same but for errno.
			var errno byte
			if errno, err = d.failure(w); err == nil && errno != 0 && !busy(errno) {
				err = d.fail(w, netdev.ErrConnReset)
			}
		}
		d.bus.give()
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

// SendTo sends buf, at most 1472 bytes, as one datagram.
func (d *Device) SendTo(sockfd int, buf []byte, flags int, to netip.AddrPort, deadline time.Time) (int, error) {
	peer, err := peerOf(to)
	if err != nil {
		return 0, err
	}
	w, err := d.enter(sockfd, true, deadline)
	if err != nil {
		return 0, err
	}
	defer d.exit(w)
	if !w.dgram {
		return 0, errNotDatagram
	}
	return d.sendTo(w, buf, peer)
}

func (d *Device) sendTo(w *waiter, buf []byte, to addr) (int, error) {
	if len(buf) > maxDatagram {
		return 0, errMsgSize
	}
	for {
		if err := d.takeFor(w); err != nil {
			return 0, err
		}
		n, err := 0, error(nil)
		if w.s.port == 0 {
			err = d.bind(w.s, 0)
		}
		if err == nil {
			n, err = d.bus.sendTo(w.s.desc, to, buf)
		}
		again := false
		if err == nil && n == 0 {
			var errno byte
			errno, err = d.failure(w)
			again = err == nil && busy(errno)
			if err == nil && !again && (errno != 0 || len(buf) > 0) {
				err = errNotSent
			}
		}
		d.bus.give()
		if err != nil {
			return 0, err
		}
		d.touch(w.s)
		if !again {
			return n, nil
		}
		if err := d.await(w, wantRoom); err != nil {
			return 0, err
		}
	}
}

// Recv waits for data of a stream, or a datagram, and reads it into buf.
func (d *Device) Recv(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	n, _, err := d.RecvFrom(sockfd, buf, flags, deadline)
	return n, err
}

// RecvFrom is Recv with the sender's address.
func (d *Device) RecvFrom(sockfd int, buf []byte, flags int, deadline time.Time) (int, netip.AddrPort, error) {
	w, err := d.enter(sockfd, false, deadline)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	defer d.exit(w)
	d.mu.Lock()
	peer, eof := w.s.peer, w.s.eof
	d.mu.Unlock()
	switch {
	case w.dgram:
	case w.state != stateConnected:
		return 0, netip.AddrPort{}, netdev.ErrNotConnected
	case eof:
		return 0, netip.AddrPort{}, io.EOF
	case len(buf) == 0:
		return 0, netip.AddrPort{}, nil
	}
	for {
		if err := d.takeFor(w); err != nil {
			return 0, netip.AddrPort{}, err
		}
		var n int
		from := peer
		got := false
		if w.dgram {
			n, from, got, err = d.recvDatagram(w, buf)
		} else {
			n, err = d.recvStream(w, buf)
			got = n > 0
		}
		d.bus.give()
		if err != nil {
			return 0, netip.AddrPort{}, err
		}
		if got {
			d.touch(w.s)
			return n, netip.AddrPortFrom(netip.AddrFrom4(from.ip), from.port), nil
		}
		if err := d.await(w, wantData); err != nil {
			return 0, netip.AddrPort{}, err
		}
	}
}

// recvStream reads what there is; 0 without an error is nothing. The caller
// holds the bus.
func (d *Device) recvStream(w *waiter, buf []byte) (int, error) {
	n, err := d.bus.recv(w.s.desc, buf)
	if err != nil {
		return 0, d.fail(w, err) // data may be lost
	}
	// To no data where there should be some the chip has a reason, which
	// costs an exchange to ask for.
	if n > 0 || !w.told {
		return n, nil
	}
	errno, err := d.failure(w)
	if err == nil && !busy(errno) {
		// lwIP says ENOTCONN or nothing.
		d.mu.Lock()
		w.s.eof = true
		d.mu.Unlock()
		err = io.EOF
	}
	return 0, err
}

// recvDatagram reads a datagram if there is one. The caller holds the bus.
func (d *Device) recvDatagram(w *waiter, buf []byte) (n int, from addr, got bool, err error) {
	n, from, err = d.bus.recvFrom(w.s.desc, buf)
	if err != nil {
		// A datagram may be lost, as datagrams may. Should the chip be broken,
		// the poller finds out.
		return 0, from, false, nil
	}
	if n > 0 {
		return n, from, true, nil
	}
	// An empty datagram looks like none at all, but for errno.
	errno, err := d.failure(w)
	return 0, from, err == nil && errno == 0 && from.port != 0, err
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
	drain := s.state == stateConnected && !s.dgram && !s.eof && s.err == nil
	s.state = stateClosing
	d.wakeAll()
	d.mu.Unlock()

	d.bus.take()
	// Closed with unread data, the chip would send a reset and drop what is
	// still to be sent. Its window bounds what there can be.
	for try := 0; drain && s.onChip && try < 4; try++ {
		if n, e := d.bus.discard(s.desc); n == 0 || e != nil {
			break
		}
	}
	err := d.closeOnChip(s)
	d.bus.give()

	d.mu.Lock()
	d.active = d.now() // the peer may well connect again
	d.free(s)
	d.mu.Unlock()
	return err
}

// SetSockOpt sets an option: the chip has none of those that netdev names, so
// that the error is netdev.ErrNotSupported.
func (d *Device) SetSockOpt(sockfd int, level int, opt int, value interface{}) error {
	w, err := d.enter(sockfd, true, time.Time{})
	if err != nil {
		return err
	}
	d.exit(w)
	return netdev.ErrNotSupported
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
	ip := netip.IPv4Unspecified()
	if s.peered {
		ip = netip.AddrFrom4(d.ip)
	}
	return netip.AddrPortFrom(ip, s.port), nil
}

// SetReadDeadline bounds Accept, Recv and RecvFrom, also those in progress.
func (d *Device) SetReadDeadline(sockfd int, t time.Time) error {
	return d.setDeadline(sockfd, t, false)
}

// SetWriteDeadline bounds Connect, Send and SendTo, also those in progress.
func (d *Device) SetWriteDeadline(sockfd int, t time.Time) error {
	return d.setDeadline(sockfd, t, true)
}

func (d *Device) setDeadline(sockfd int, t time.Time, write bool) error {
	limit := d.instantOf(t)
	d.mu.Lock()
	s := d.lookup(sockfd)
	if s == nil {
		d.mu.Unlock()
		return netdev.ErrInvalidSocketFd
	}
	if write {
		s.wdl = limit
	} else {
		s.rdl = limit
	}
	waiting := false
	for w := d.waiters; w != nil; w = w.next {
		if w.s == s && w.write == write {
			waiting = true
			w.signal()
		}
	}
	d.mu.Unlock()
	if waiting {
		d.kickPoller()
	}
	return nil
}
