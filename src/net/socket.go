package net

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// socket is what is behind a connection: a socket of the device, one end of a
// loopback connection, or a datagram socket on both. Its errors are bare: the
// connection makes OpErrors of them.
type socket interface {
	// recv reads at most len(b) bytes of a stream, whose end is io.EOF, or one
	// datagram, for which it returns the sender too.
	recv(b []byte) (n int, from netip.AddrPort, err error)
	// send writes all of b unless there is an error.
	send(b []byte) (int, error)
	setDeadline(dirs direction, t time.Time) error
	shutdown(how int) error
	setOption(level, opt int, value any) error
	close() error
}

// deviceBacklog is how many connections a device should keep that were not
// accepted yet. Devices have few sockets.
const deviceBacklog = 4

// A device without deadliner is left in a blocking call for so long before net
// looks whether the socket was closed or its deadline moved. Sending is
// interrupted less often, since a device that does not say how much it took has
// to be taken for broken then.
const (
	recvSlice = 100 * time.Millisecond
	sendSlice = time.Second
)

// A devSocket is a socket of the device. It counts the calls that are inside
// the device: the socket is freed there by the last one out, so that none of
// them finds another socket under its number.
type devSocket struct {
	dev       netdever
	fd        int
	domain    int // as afInet
	stype     int // as sockStream
	datagrams bool
	connected bool           // a datagram socket that has one peer for good
	bound     netip.AddrPort // what bind was called with

	// pending, if not nil, reports whether there is something to receive
	// elsewhere, so that a blocked call has to return errPending. It is
	// called without mu.
	pending func() bool

	msg atomic.Pointer[msgCall] // that is over, for the next to use

	mu        sync.Mutex
	changed   sync.Cond // busy, closed or freed changed
	deadlines [2]instant
	busy      direction      // directions in which a call is under way
	panicked  [2]bool        // the call that has its turn in that direction did
	users     int            // calls inside the device
	peer      netip.AddrPort // of a datagram socket
	listening bool
	closed    bool
	freed     bool
	freeErr   error
}

// errPending is what recv and accept return when pending reports true.
var errPending = errors.New("there is something to receive elsewhere")

// openSocket makes a socket on dev that fits addr.
func openSocket(dev netdever, addr netip.Addr, stype, proto int) (*devSocket, error) {
	domain := afInet
	if addr.Is6() {
		domain = afInet6
	}
	return makeSocket(dev, domain, stype, proto)
}

func makeSocket(dev netdever, domain, stype, proto int) (s *devSocket, err error) {
	defer recovered(&err)
	fd, err := dev.Socket(domain, stype, proto)
	if err != nil {
		return nil, err
	}
	if fd < 0 {
		return nil, errBadDevice
	}
	return newDevSocket(dev, fd, domain, stype), nil
}

func newDevSocket(dev netdever, fd, domain, stype int) *devSocket {
	s := &devSocket{dev: dev, fd: fd, domain: domain, stype: stype}
	s.datagrams = stype == sockDgram || stype == sockRaw
	s.changed.L = &s.mu
	return s
}

// timed reports whether the device knows the deadlines of blocked calls.
func (s *devSocket) timed() bool {
	_, ok := s.dev.(deadliner)
	return ok
}

// enter is called before a call into the device, and leave after it. dir is
// the direction in which others have to wait for their turn, or 0.
func (s *devSocket) enter(dir direction) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy&dir != 0 && !s.closed {
		s.changed.Wait()
	}
	if s.closed {
		return ErrClosed
	}
	s.busy |= dir
	s.users++
	return nil
}

func (s *devSocket) leave(dir direction) {
	s.mu.Lock()
	s.busy &^= dir
	s.users--
	free := s.closed && s.users == 0 && !s.freed
	if dir != 0 {
		s.changed.Broadcast()
	}
	s.mu.Unlock()
	if free {
		s.free()
	}
}

// free frees the socket on the device. It is called once.
func (s *devSocket) free() {
	err := s.callClose()
	s.mu.Lock()
	s.freed, s.freeErr = true, err
	s.changed.Broadcast()
	s.mu.Unlock()
}

func (s *devSocket) callClose() (err error) {
	defer recovered(&err)
	raceRelease()
	return s.dev.Close(s.fd)
}

// close wakes all calls on the socket and frees it.
func (s *devSocket) close() error {
	if err := s.abandon(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// A device with deadlines has been told to return. Others do it in their
	// own time, and the last call frees the socket then.
	for s.timed() && !s.freed {
		s.changed.Wait()
	}
	return s.freeErr
}

// abandon is close, except that it does not wait until blocked calls have
// left the device.
func (s *devSocket) abandon() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.closed = true
	blocked := s.users > 0
	s.users++
	s.changed.Broadcast()
	// Without deadlines nothing but its end wakes a listener.
	now := blocked && s.listening && !s.timed()
	s.mu.Unlock()
	switch {
	case now:
		s.free()
	case blocked:
		s.settle(reading)
		s.settle(writing)
	}
	s.leave(0)
	return nil
}

// setDeadline sets the deadlines of dirs, for blocked calls too if the device
// can do that.
func (s *devSocket) setDeadline(dirs direction, t time.Time) error {
	if err := s.enter(0); err != nil {
		return err
	}
	defer s.leave(0)
	at := instantOf(t)
	var err error
	for i, dir := range [...]direction{reading, writing} {
		if dirs&dir == 0 {
			continue
		}
		s.mu.Lock()
		s.deadlines[i] = at
		s.mu.Unlock()
		if e := s.settle(dir); e != nil {
			err = e
		}
	}
	return err
}

// settle tells the device the deadline of dir that is right now. Several may do
// so at once: whoever comes last looks again whether it still is the right one.
// The caller has entered the device.
func (s *devSocket) settle(dir direction) (err error) {
	d, ok := s.dev.(deadliner)
	if !ok {
		return nil
	}
	defer recovered(&err)
	for {
		want := s.effective(dir)
		if dir == reading {
			err = d.SetReadDeadline(s.fd, want.time())
		} else {
			err = d.SetWriteDeadline(s.fd, want.time())
		}
		if s.effective(dir) == want {
			return err
		}
	}
}

// effective returns the deadline of dir as the device should know it.
func (s *devSocket) effective(dir direction) instant {
	pending := dir == reading && s.pending != nil && s.pending()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || pending {
		return longAgo
	}
	return s.deadlines[dir>>1]
}

// wake makes a blocked recv or accept return if pending reports true.
func (s *devSocket) wake() {
	if s.enter(0) == nil {
		s.settle(reading)
		s.leave(0)
	}
}

// interrupted returns why a call in direction dir should not go on, if there
// is a reason.
func (s *devSocket) interrupted(dir direction) error {
	if s.pending != nil && dir == reading && s.pending() {
		return errPending
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.deadlines[dir>>1].passed() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (s *devSocket) recv(b []byte) (int, netip.AddrPort, error) {
	if len(b) == 0 && !s.datagrams {
		return 0, netip.AddrPort{}, nil
	}
	return s.receive(b, false)
}

// accept waits for a connection and returns its number.
func (s *devSocket) accept() (int, netip.AddrPort, error) { return s.receive(nil, true) }

// receive does recv and accept, which block alike.
func (s *devSocket) receive(b []byte, accept bool) (n int, from netip.AddrPort, err error) {
	if err := s.enter(reading); err != nil {
		return 0, from, err
	}
	defer s.leave(reading)
	timed := s.timed()
	for {
		if timed && s.pending != nil {
			s.settle(reading)
		}
		if err := s.interrupted(reading); err != nil {
			return 0, from, err
		}
		var until instant
		if !timed {
			until = s.sliced(reading, recvSlice)
		}
		n, from, err = s.callReceive(b, accept, until)
		raceAcquire()
		if err == nil {
			// A stream with nothing to read is at its end or not ready. To
			// pass on "0 bytes, no error" would make io.ReadFull spin.
			if n < 0 || !accept && (n > len(b) || n == 0 && !s.datagrams) {
				return 0, from, errBadDevice
			}
			return n, from, nil
		}
		if n < 0 || accept || n > len(b) {
			n = 0
		}
		if err == io.EOF {
			return n, from, err
		}
		if reason := s.interrupted(reading); reason != nil {
			return n, from, reason
		}
		if !isTimeout(err) || timed && s.pending == nil || n > 0 {
			return n, from, err
		}
		// The end of a slice, or a wake-up that came late. A device that
		// returns too early must not make us spin.
		if timed || until.left() > 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// sliced returns when a call of a device without deadliner is to return.
func (s *devSocket) sliced(dir direction, slice time.Duration) instant {
	until := now() + instant(slice)
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.deadlines[dir>>1]; t != 0 && t < until {
		return t
	}
	return until
}

// callReceive calls the device, in a turn for reading.
func (s *devSocket) callReceive(b []byte, accept bool, until instant) (n int, from netip.AddrPort, err error) {
	n, from, err = s.tryReceive(b, accept, until)
	if s.panicked[0] {
		s.panicked[0] = false
		return 0, from, errPanicked
	}
	return n, from, err
}

// caught is recovered for the calls that must not allocate, as an error whose
// address is taken does with TinyGo.
func (s *devSocket) caught(dir direction) {
	if recover() != nil {
		s.panicked[dir>>1] = true
	}
}

func (s *devSocket) tryReceive(b []byte, accept bool, until instant) (n int, from netip.AddrPort, err error) {
	defer s.caught(reading)
	if accept {
		return s.dev.Accept(s.fd)
	}
	if s.datagrams && !s.connected {
		if d, ok := s.dev.(datagrammer); ok {
			return d.RecvFrom(s.fd, b, 0, until.time())
		}
		if !s.currentPeer().IsValid() {
			return 0, from, errNoSender
		}
	}
	n, err = s.dev.Recv(s.fd, b, 0, until.time())
	return n, s.currentPeer(), err
}

func (s *devSocket) currentPeer() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peer
}

func (s *devSocket) send(b []byte) (int, error) { return s.sendTo(b, netip.AddrPort{}) }

// sendTo sends b to the peer of the socket, or a datagram to the address to if
// that is valid.
func (s *devSocket) sendTo(b []byte, to netip.AddrPort) (sent int, err error) {
	if err := s.enter(writing); err != nil {
		return 0, err
	}
	defer s.leave(writing)
	timed := s.timed()
	for sent < len(b) || s.datagrams {
		if err := s.interrupted(writing); err != nil {
			return sent, err
		}
		var until instant // a device with deadliner knows
		if !timed {
			until = s.sliced(writing, sendSlice)
		}
		n, err := s.callSend(b[sent:], to, until)
		if n > len(b)-sent || err == nil && (n < 0 || n == 0 && len(b) > 0) {
			return sent, errBadDevice
		}
		sent += max(n, 0)
		if err != nil {
			if reason := s.interrupted(writing); reason != nil {
				return sent, reason
			}
			if !timed && isTimeout(err) && (n == 0 || n > 0 && !s.datagrams) {
				if until.left() > 0 {
					time.Sleep(time.Millisecond) // it must not make us spin
				}
				continue
			}
			return sent, err
		}
		if s.datagrams {
			if n < len(b) {
				return n, io.ErrShortWrite
			}
			break
		}
	}
	return sent, nil
}

// callSend calls the device, in a turn for writing.
func (s *devSocket) callSend(b []byte, to netip.AddrPort, until instant) (n int, err error) {
	n, err = s.trySend(b, to, until)
	if s.panicked[1] {
		s.panicked[1] = false
		return 0, errPanicked
	}
	return n, err
}

func (s *devSocket) trySend(b []byte, to netip.AddrPort, until instant) (n int, err error) {
	defer s.caught(writing)
	raceRelease()
	if to.IsValid() {
		if d, ok := s.dev.(datagrammer); ok {
			return d.SendTo(s.fd, b, 0, to, until.time())
		}
		if to != s.currentPeer() {
			if err := s.dev.Connect(s.fd, "", to); err != nil {
				return 0, err
			}
			s.mu.Lock()
			s.peer = to
			s.mu.Unlock()
		}
	}
	return s.dev.Send(s.fd, b, 0, until.time())
}

// connect connects to host, which may be empty, at the address to. It returns
// when ctx ends, even if the device does not. After an error the caller
// abandons s, which frees it once the device lets go of it.
func (s *devSocket) connect(ctx context.Context, host string, to netip.AddrPort) error {
	return s.connectBy(ctx, func() error { return s.dev.Connect(s.fd, host, to) })
}

// connectBy is connect by a call of the device.
func (s *devSocket) connectBy(ctx context.Context, call func() error) error {
	if ctx.Done() == nil {
		return s.callConnect(call)
	}
	if t, ok := ctx.Deadline(); ok {
		s.setDeadline(writing, t)
	}
	done := make(chan error, 1)
	go func() { done <- s.callConnect(call) }()
	select {
	case err := <-done:
		if err != nil {
			if ctx.Err() != nil {
				err = mapErr(ctx.Err())
			}
			return err
		}
		return s.setDeadline(writing, time.Time{})
	case <-ctx.Done():
		return mapErr(ctx.Err())
	}
}

func (s *devSocket) callConnect(call func() error) (err error) {
	if err := s.enter(writing); err != nil {
		return err
	}
	defer s.leave(writing)
	defer recovered(&err)
	raceRelease()
	return call()
}

func (s *devSocket) bind(addr netip.AddrPort) (err error) {
	defer recovered(&err)
	s.bound = addr
	return s.dev.Bind(s.fd, addr)
}

func (s *devSocket) listen() (err error) {
	defer recovered(&err)
	s.listening = true
	return s.dev.Listen(s.fd, deviceBacklog)
}

// tells reports whether the device knows the local address of a socket.
func (s *devSocket) tells() bool {
	_, ok := s.dev.(localAddrer)
	return ok
}

// localAddr returns the socket's local address as far as it can be known: from
// a device that does not tell, it is the address at which the peer remote, if
// there is one, reaches it, with the port that the socket was bound to.
func (s *devSocket) localAddr(bound netip.AddrPort, remote netip.Addr) (addr netip.AddrPort) {
	var err error
	defer recovered(&err)
	if d, ok := s.dev.(localAddrer); ok {
		if addr, err = d.LocalAddr(s.fd); err == nil {
			return unmap(addr)
		}
	}
	addr = bound
	if !isWildcard(bound.Addr()) {
		return addr
	}
	if remote = remote.Unmap(); remote.IsLoopback() {
		return netip.AddrPortFrom(remote, bound.Port())
	}
	if ip, err := s.dev.Addr(); err == nil {
		addr = unmap(netip.AddrPortFrom(ip, bound.Port()))
	}
	return addr
}

func (s *devSocket) shutdown(how int) (err error) {
	d, ok := s.dev.(shutdowner)
	if !ok {
		return errNoShutdown
	}
	if err := s.enter(0); err != nil {
		return err
	}
	defer s.leave(0)
	defer recovered(&err)
	raceRelease()
	return d.Shutdown(s.fd, how)
}

func (s *devSocket) setOption(level, opt int, value any) (err error) {
	if err := s.enter(0); err != nil {
		return err
	}
	defer s.leave(0)
	defer recovered(&err)
	return s.dev.SetSockOpt(s.fd, level, opt, value)
}
