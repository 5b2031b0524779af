package net

import (
	"io"
	"net/netip"
	"os"
	"sync"
	"time"
	"unsafe"
)

// A udpSocket is a datagram socket in memory, on the device, or on both.
type udpSocket struct {
	binding *binding
	memory  bool           // it is bound in memory, perhaps to all addresses
	dev     *devSocket     // nil if it is in memory alone
	peer    netip.AddrPort // of a connected socket

	mu      sync.Mutex
	changed condition
	inbox   datagrams
	alarm   alarm   // for reading
	until   instant // for writing, which never blocks in memory
	closed  bool
}

func newUDPSocket(b *binding) *udpSocket {
	bindsUDP()
	u := &udpSocket{binding: b}
	u.changed.init(&u.mu)
	return u
}

var udpOps = socketOps{
	recv: func(s unsafe.Pointer, b []byte) (int, error) {
		n, _, err := (*udpSocket)(s).recvFrom(b)
		return n, err
	},
	send: func(s unsafe.Pointer, b []byte) (int, error) { return (*udpSocket)(s).send(b) },
	setDeadline: func(s unsafe.Pointer, dirs direction, t time.Time) error {
		return (*udpSocket)(s).setDeadline(dirs, t)
	},
	shutdown: func(unsafe.Pointer, int) error { return errNoShutdown },
	setOption: func(s unsafe.Pointer, level, opt int, value any) error {
		return (*udpSocket)(s).setOption(level, opt, value)
	},
	close:  func(s unsafe.Pointer) error { return (*udpSocket)(s).close() },
	device: func(s unsafe.Pointer) *devSocket { return (*udpSocket)(s).dev },
}

// recvFrom reads a datagram and returns who has sent it.
func (u *udpSocket) recvFrom(b []byte) (int, netip.AddrPort, error) {
	for {
		u.mu.Lock()
		n, from, ok, err := u.poll(b)
		for !ok && u.dev == nil {
			u.alarm.wait(&u.changed, &u.mu)
			n, from, ok, err = u.poll(b)
		}
		u.mu.Unlock()
		if ok {
			return n, from, err
		}
		// deliver wakes the device's recv.
		if n, from, err = u.dev.recvFrom(b); !identical(err, errPending) {
			return n, unmap(from), err
		}
	}
}

// poll returns the datagram at the head of the inbox, or why there will be
// none, or nothing.
func (u *udpSocket) poll(b []byte) (n int, from netip.AddrPort, ok bool, err error) {
	switch {
	case u.closed:
		return 0, from, true, ErrClosed
	case u.alarm.expired():
		return 0, from, true, os.ErrDeadlineExceeded
	case u.inbox.n > 0:
		n, from = u.inbox.take(b)
		return n, from, true, nil
	}
	return 0, from, false, nil
}

func (u *udpSocket) pending() bool {
	u.mu.Lock()
	pending := u.inbox.n > 0
	u.mu.Unlock()
	return pending
}

// deliver puts a datagram in the inbox. As in any network it is lost if there
// is no room.
func (u *udpSocket) deliver(b []byte, from netip.AddrPort) {
	u.mu.Lock()
	if !u.closed {
		u.inbox.put(b, from)
		u.changed.broadcast()
	}
	u.mu.Unlock()
	if u.dev != nil {
		usePending()
		u.dev.wake()
	}
}

func (u *udpSocket) send(b []byte) (int, error) { return u.sendTo(b, u.peer) }

// sendTo sends b to the address to.
func (u *udpSocket) sendTo(b []byte, to netip.AddrPort) (int, error) {
	switch {
	case !to.IsValid():
		return 0, errNotConnected
	case to.Addr().IsUnspecified():
		to = netip.AddrPortFrom(loopbackFor(to.Addr()), to.Port())
	}
	if !u.memory || !loopbackInMemory(to.Addr()) {
		switch {
		case u.dev == nil:
			return 0, errUnreachable
		case u.peer.IsValid():
			return u.dev.sendTo(b, netip.AddrPort{})
		}
		return u.dev.sendTo(b, to)
	}
	u.mu.Lock()
	closed, until := u.closed, u.until
	u.mu.Unlock()
	switch local := u.binding.local.Addr(); {
	case closed:
		return 0, ErrClosed
	case until.passed():
		return 0, os.ErrDeadlineExceeded
	case !u.binding.dual && local.Is4() && !to.Addr().Is4():
		return 0, &AddrError{Err: "non-IPv4 address", Addr: to.Addr().String()}
	case !u.binding.dual && !local.Is4() && to.Addr().Is4():
		return 0, &AddrError{Err: "non-IPv6 address", Addr: to.Addr().String()}
	}
	if len(b) > maxDatagram {
		return 0, errMessageTooBig
	}
	from := u.binding.local
	if from.Addr().IsUnspecified() {
		from = netip.AddrPortFrom(loopbackFor(to.Addr()), from.Port())
	}
	if dst := findInbox(from, to); dst != nil {
		dst.deliver(b, from)
	} else if u.peer.IsValid() {
		return 0, os.NewSyscallError("write", errConnRefused)
	}
	return len(b), nil
}

func (u *udpSocket) setDeadline(dirs direction, t time.Time) error {
	u.mu.Lock()
	if u.closed {
		u.mu.Unlock()
		return ErrClosed
	}
	if dirs&reading != 0 {
		u.alarm.set(t)
		u.changed.broadcast()
	}
	if dirs&writing != 0 {
		u.until = instantOf(t)
	}
	u.mu.Unlock()
	if u.dev != nil {
		return u.dev.setDeadline(dirs, t)
	}
	return nil
}

func (u *udpSocket) setOption(level, opt int, value any) error {
	if u.dev != nil {
		return u.dev.setOption(level, opt, value)
	}
	return nil
}

func (u *udpSocket) close() error {
	u.mu.Lock()
	if u.closed {
		u.mu.Unlock()
		return ErrClosed
	}
	u.closed = true
	u.inbox = datagrams{}
	u.alarm.stop()
	u.changed.broadcast()
	u.mu.Unlock()
	var err error
	if u.dev != nil {
		err = u.dev.close()
	}
	u.binding.release()
	return err
}

// recvFrom reads a datagram from the device's socket and returns who has sent it.
func (s *devSocket) recvFrom(b []byte) (n int, from netip.AddrPort, err error) {
	if err := s.enter(reading); err != nil {
		return 0, from, err
	}
	for {
		if err = s.ready(); err != nil {
			n = 0
			break
		}
		until := s.slice(reading, recvSlice)
		n, from, err = s.tryRecvFrom(b, until.time())
		raceAcquire()
		if err == nil {
			if n < 0 || n > len(b) {
				n, from, err = 0, netip.AddrPort{}, errBadDevice
			}
			break
		}
		if n < 0 || n > len(b) {
			n = 0
		}
		if isEOF(err) {
			break
		}
		if n > 0 {
			if reason := s.interrupted(reading); reason != nil {
				err = reason
			}
			break
		}
		if err = s.receiveAgain(err, until); err != nil {
			break
		}
	}
	s.leave(reading)
	return n, from, err
}

func (s *devSocket) tryRecvFrom(b []byte, until time.Time) (n int, from netip.AddrPort, err error) {
	if !s.connected {
		if d, ok := s.dev.(datagrammer); ok {
			return callRecvFrom(d, s.fd, b, until)
		}
		if !s.currentPeer().IsValid() {
			return 0, from, errNoSender
		}
	}
	n, err = callRecv(s.dev, s.fd, b, until)
	return n, s.currentPeer(), err
}

func (s *devSocket) currentPeer() (peer netip.AddrPort) {
	s.mu.Lock()
	if s.peer != nil {
		peer = *s.peer
	}
	s.mu.Unlock()
	return peer
}

func (s *devSocket) setPeer(peer netip.AddrPort) {
	s.mu.Lock()
	if s.peer == nil {
		s.peer = new(netip.AddrPort)
	}
	*s.peer = peer
	s.mu.Unlock()
}

// sendTo sends b as one datagram, to the peer of the socket or to the address to
// if that is valid.
func (s *devSocket) sendTo(b []byte, to netip.AddrPort) (n int, err error) {
	if err := s.enter(writing); err != nil {
		return 0, err
	}
	for {
		if err = s.interrupted(writing); err != nil {
			n = 0
			break
		}
		until := s.slice(writing, sendSlice)
		raceRelease()
		n, err = s.trySendTo(b, to, until.time())
		if n > len(b) || err == nil && (n < 0 || n == 0 && len(b) > 0) {
			n, err = 0, errBadDevice
			break
		}
		if err == nil {
			if n < len(b) {
				err = io.ErrShortWrite
			}
			break
		}
		if n != 0 {
			n = max(n, 0)
			if reason := s.interrupted(writing); reason != nil {
				err = reason
			}
			break
		}
		if err = s.again(writing, err, until); err != nil {
			break
		}
	}
	s.leave(writing)
	return n, err
}

func (s *devSocket) trySendTo(b []byte, to netip.AddrPort, until time.Time) (n int, err error) {
	if to.IsValid() {
		if d, ok := s.dev.(datagrammer); ok {
			return callSendTo(d, s.fd, b, to, until)
		}
		if to != s.currentPeer() {
			if err := callConnect(s.dev, s.fd, "", to); err != nil {
				return 0, err
			}
			s.setPeer(to)
		}
	}
	return callSend(s.dev, s.fd, b, until)
}

// packetOps are those of the device's other sockets for datagrams.
var packetOps = socketOps{
	recv: func(s unsafe.Pointer, b []byte) (int, error) {
		n, _, err := (*devSocket)(s).recvFrom(b)
		return n, err
	},
	send: func(s unsafe.Pointer, b []byte) (int, error) {
		return (*devSocket)(s).sendTo(b, netip.AddrPort{})
	},
	setDeadline: func(s unsafe.Pointer, dirs direction, t time.Time) error {
		return (*devSocket)(s).setDeadline(dirs, t)
	},
	shutdown: func(s unsafe.Pointer, how int) error { return (*devSocket)(s).shutdown(how) },
	setOption: func(s unsafe.Pointer, level, opt int, value any) error {
		return (*devSocket)(s).setOption(level, opt, value)
	},
	close:  func(s unsafe.Pointer) error { return (*devSocket)(s).close() },
	device: func(s unsafe.Pointer) *devSocket { return (*devSocket)(s) },
}

// socketOn returns the device's socket as that of a connection.
func socketOn(s *devSocket) socket {
	if s.datagrams {
		return socket{ops: &packetOps, other: unsafe.Pointer(s)}
	}
	return socket{dev: s}
}

// maxDatagram is the largest datagram in memory: with UDP's limit over IPv4
// where there is room for that.
const maxDatagram = min(65507, loopbackBuffer-datagramHeader)

// datagramHeader is what precedes each datagram in a queue: its length and
// the sender's port, 2 bytes each, and the sender's address in IPv6 form.
const datagramHeader = 2 + 2 + 16

// datagrams is a queue of datagrams, in a ring that the first one makes.
type datagrams struct {
	ring  []byte
	start int // where the first one's header begins
	used  int // bytes in use
	n     int // datagrams
}

// put appends a datagram, or drops it if it does not fit.
func (q *datagrams) put(b []byte, from netip.AddrPort) {
	if q.ring == nil {
		q.ring = make([]byte, loopbackBuffer)
	}
	if q.used+datagramHeader+len(b) > len(q.ring) {
		return
	}
	h := [datagramHeader]byte{byte(len(b) >> 8), byte(len(b)), byte(from.Port() >> 8), byte(from.Port())}
	addr := from.Addr().As16()
	copy(h[4:], addr[:])
	q.write(h[:])
	q.write(b)
	q.n++
}

// take removes the first datagram and copies as much of it to b as fits.
func (q *datagrams) take(b []byte) (int, netip.AddrPort) {
	var h [datagramHeader]byte
	q.read(h[:])
	size := int(h[0])<<8 | int(h[1])
	n := min(size, len(b))
	q.read(b[:n])
	q.skip(size - n)
	q.n--
	addr := netip.AddrFrom16([16]byte(h[4:])).Unmap()
	return n, netip.AddrPortFrom(addr, uint16(h[2])<<8|uint16(h[3]))
}

func (q *datagrams) write(b []byte) {
	end := (q.start + q.used) % len(q.ring)
	first := copy(q.ring[end:], b)
	copy(q.ring, b[first:])
	q.used += len(b)
}

func (q *datagrams) read(b []byte) {
	first := copy(b, q.ring[q.start:])
	copy(b[first:], q.ring)
	q.skip(len(b))
}

func (q *datagrams) skip(n int) {
	q.start = (q.start + n) % len(q.ring)
	q.used -= n
}

// unmap returns the address with an IPv4 address in its 4-byte form.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
