package net

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// socketOps are what can be done with a socket that is no stream of the device's:
// one end of a loopback connection, or a socket for datagrams. Their errors are
// bare: the connection makes OpErrors of them.
//
// This is no interface, since of a type that is put into one TinyGo links all
// methods, in programs too that turn out later to make no socket of the kind.
type socketOps struct {
	// recv reads at most len(b) bytes of a stream, whose end is io.EOF, or one
	// datagram.
	recv func(s unsafe.Pointer, b []byte) (int, error)
	// send writes all of b unless there is an error.
	send        func(s unsafe.Pointer, b []byte) (int, error)
	setDeadline func(s unsafe.Pointer, dirs direction, t time.Time) error
	shutdown    func(s unsafe.Pointer, how int) error
	setOption   func(s unsafe.Pointer, level, opt int, value any) error
	close       func(s unsafe.Pointer) error
	device      func(s unsafe.Pointer) *devSocket // behind it, or nil
}

// A socket is what is behind a connection: a stream of the device's, or another
// kind of socket with its operations.
type socket struct {
	dev   *devSocket
	ops   *socketOps
	other unsafe.Pointer
}

func (s *socket) recv(b []byte) (int, error) {
	if s.dev != nil {
		return s.dev.recv(b)
	}
	return s.ops.recv(s.other, b)
}

func (s *socket) send(b []byte) (int, error) {
	if s.dev != nil {
		return s.dev.send(b)
	}
	return s.ops.send(s.other, b)
}

func (s *socket) setDeadline(dirs direction, t time.Time) error {
	if s.dev != nil {
		return s.dev.setDeadline(dirs, t)
	}
	return s.ops.setDeadline(s.other, dirs, t)
}

func (s *socket) shutdown(how int) error {
	if s.dev != nil {
		return s.dev.shutdown(how)
	}
	return s.ops.shutdown(s.other, how)
}

func (s *socket) setOption(level, opt int, value any) error {
	if s.dev != nil {
		return s.dev.setOption(level, opt, value)
	}
	return s.ops.setOption(s.other, level, opt, value)
}

func (s *socket) close() error {
	if s.dev != nil {
		return s.dev.close()
	}
	return s.ops.close(s.other)
}

// device returns the device's socket behind s, or nil.
func (s *socket) device() *devSocket {
	if s.dev != nil {
		return s.dev
	}
	return s.ops.device(s.other)
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
	connected bool // a datagram socket that has one peer for good

	// pending, if not nil, reports whether there is something to receive
	// elsewhere, so that a blocked call has to return errPending. It is
	// called without mu.
	pending func() bool

	msg atomic.Pointer[msgCall] // that is over, for the next to use

	mu        sync.Mutex
	changed   turn // busy, closed or freed changed
	deadlines [2]instant
	busy      direction       // directions in which a call is under way
	users     int             // calls inside the device
	peer      *netip.AddrPort // of a datagram socket, once it has one
	listening bool
	closed    bool
	freed     bool
	freeErr   error
}

// errPending is what receiving calls return when pending reports true.
var errPending = errors.New("there is something to receive elsewhere")

// openSocket makes a socket on dev that fits addr.
func openSocket(dev netdever, addr netip.Addr, stype, proto int) (*devSocket, error) {
	return makeSocket(dev, domainOf(addr), stype, proto)
}

func domainOf(addr netip.Addr) int {
	if addr.Is6() {
		return afInet6
	}
	return afInet
}

func makeSocket(dev netdever, domain, stype, proto int) (*devSocket, error) {
	fd, err := socketNumber(dev, domain, stype, proto)
	if err != nil {
		return nil, err
	}
	return newDevSocket(dev, fd, domain, stype), nil
}

// socketNumber asks the device for a socket.
func socketNumber(dev netdever, domain, stype, proto int) (fd int, err error) {
	fd, err = callSocket(dev, domain, stype, proto)
	if err == nil && fd < 0 {
		err = errBadDevice
	}
	return fd, err
}

func newDevSocket(dev netdever, fd, domain, stype int) *devSocket {
	s := new(devSocket)
	s.init(dev, fd, domain, stype)
	return s
}

func (s *devSocket) init(dev netdever, fd, domain, stype int) {
	s.dev, s.fd, s.domain, s.stype = dev, fd, domain, stype
	s.datagrams = stype == sockDgram || stype == sockRaw
	s.changed.init(&s.mu)
}

// enter is called before a call into the device, and leave after it. dir is
// the direction in which others have to wait for their turn, or 0.
func (s *devSocket) enter(dir direction) error {
	s.mu.Lock()
	for s.busy&dir != 0 && !s.closed {
		s.changed.wait()
	}
	closed := s.closed
	if !closed {
		s.busy |= dir
		s.users++
	}
	s.mu.Unlock()
	if closed {
		return ErrClosed
	}
	return nil
}

func (s *devSocket) leave(dir direction) {
	s.mu.Lock()
	s.busy &^= dir
	s.users--
	free := s.closed && s.users == 0 && !s.freed
	if dir != 0 {
		s.changed.broadcast()
	}
	s.mu.Unlock()
	if free {
		s.free()
	}
}

// free frees the socket on the device. It is called once.
func (s *devSocket) free() {
	raceRelease()
	err := callClose(s.dev, s.fd)
	s.mu.Lock()
	s.freed, s.freeErr = true, err
	s.changed.broadcast()
	s.mu.Unlock()
}

// close wakes all calls on the socket and frees it.
func (s *devSocket) close() error {
	if err := s.abandon(); err != nil {
		return err
	}
	s.mu.Lock()
	// A device with deadlines has been told to return. Others do it in their
	// own time, and the last call frees the socket then.
	for s.timed() && !s.freed {
		s.changed.wait()
	}
	err := s.freeErr
	s.mu.Unlock()
	return err
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
	s.changed.broadcast()
	s.mu.Unlock()
	switch {
	case !blocked:
	case s.timed():
		// Who sets another deadline at the same time looks again, and finds
		// the socket closed.
		callSetDeadline(s.deadliner(), s.fd, reading, longPast)
		callSetDeadline(s.deadliner(), s.fd, writing, longPast)
	case s.listening:
		// Nothing but its end wakes a listener.
		s.free()
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
	at := instantOf(t)
	var err error
	for dir := reading; dir <= writing; dir <<= 1 {
		if dirs&dir == 0 {
			continue
		}
		s.mu.Lock()
		s.deadlines[dir>>1] = at
		s.mu.Unlock()
		if e := s.settle(dir); e != nil {
			err = e
		}
	}
	s.leave(0)
	return err
}

// settle tells the device the deadline of dir that is right now. Several may do
// so at once: whoever comes last looks again whether it still is the right one.
// The caller has entered the device.
func (s *devSocket) settle(dir direction) error {
	if !s.timed() {
		return nil
	}
	for {
		want := s.effective(dir)
		err := callSetDeadline(s.deadliner(), s.fd, dir, want.time())
		if s.effective(dir) == want {
			return err
		}
	}
}

// effective returns the deadline of dir as the device should know it.
func (s *devSocket) effective(dir direction) instant {
	pending := dir == reading && s.pending != nil && s.pending()
	s.mu.Lock()
	at := s.deadlines[dir>>1]
	if s.closed || pending {
		at = longAgo
	}
	s.mu.Unlock()
	return at
}

// wake makes a blocked call that receives return if pending reports true.
func (s *devSocket) wake() {
	if s.enter(0) == nil {
		s.settle(reading)
		s.leave(0)
	}
}

// interrupted returns why a call in direction dir should not go on, if there
// is a reason. A device that knows its deadlines says itself that one has passed.
func (s *devSocket) interrupted(dir direction) error {
	s.mu.Lock()
	at, closed := s.deadlines[dir>>1], s.closed
	s.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if !s.timed() && at.passed() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// again is called after an error of a call in direction dir that did nothing, and
// that a device without deadliner was to end at until. It returns nil if the call
// is to be made again, and otherwise what the error is to be.
func (s *devSocket) again(dir direction, err error, until instant) error {
	if reason := s.interrupted(dir); reason != nil {
		return reason
	}
	if s.timed() || !isTimeout(err) {
		return err
	}
	// The end of a slice. A device that returns too early must not make us spin.
	if until.left() > 0 {
		time.Sleep(time.Millisecond)
	}
	return nil
}

// ready is called before a call that receives, of a socket that may have something
// to receive elsewhere. Its error is why the call should not be made.
func (s *devSocket) ready() error {
	if s.pending == nil || readyElsewhere == nil {
		return s.interrupted(reading)
	}
	return readyElsewhere(s)
}

// receiveAgain is again for such a socket.
func (s *devSocket) receiveAgain(err error, until instant) error {
	if s.pending == nil || againElsewhere == nil || !s.timed() {
		return s.again(reading, err, until)
	}
	return againElsewhere(s, err)
}

// With TinyGo these are nil in a program that has no such socket, or nothing to
// send to one but the device.
var (
	readyElsewhere func(s *devSocket) error
	againElsewhere func(s *devSocket, err error) error
)

func (s *devSocket) readyBeside() error {
	s.settle(reading)
	if s.pending() {
		return errPending
	}
	if err := s.interrupted(reading); err != nil {
		return err
	}
	s.mu.Lock()
	late := s.deadlines[0].passed()
	s.mu.Unlock()
	if late {
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (s *devSocket) againBeside(err error) error {
	if reason := s.ready(); reason != nil {
		return reason
	}
	if !isTimeout(err) {
		return err
	}
	time.Sleep(time.Millisecond) // a wake-up that came late
	return nil
}

// recv reads from a stream.
func (s *devSocket) recv(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	if err := s.enter(reading); err != nil {
		return 0, err
	}
	for {
		if err = s.interrupted(reading); err != nil {
			break
		}
		until := s.slice(reading, recvSlice)
		n, err = callRecv(s.dev, s.fd, b, until.time())
		raceAcquire()
		if err == nil {
			// A stream with nothing to read is at its end or not ready. To
			// pass on "0 bytes, no error" would make io.ReadFull spin.
			if n <= 0 || n > len(b) {
				n, err = 0, errBadDevice
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
		if err = s.again(reading, err, until); err != nil {
			break
		}
	}
	s.leave(reading)
	return n, err
}

// send writes to a stream.
func (s *devSocket) send(b []byte) (sent int, err error) {
	if err := s.enter(writing); err != nil {
		return 0, err
	}
	for sent < len(b) {
		if err = s.interrupted(writing); err != nil {
			break
		}
		until := s.slice(writing, sendSlice)
		raceRelease()
		n, e := callSend(s.dev, s.fd, b[sent:], until.time())
		if n > len(b)-sent || e == nil && n <= 0 {
			err = errBadDevice
			break
		}
		sent += max(n, 0)
		if e == nil {
			continue
		}
		if err = s.again(writing, e, until); err != nil {
			break
		}
		if n < 0 {
			err = e
			break
		}
	}
	s.leave(writing)
	return sent, err
}

// accept waits for a connection and returns its number.
func (s *devSocket) accept() (fd int, from netip.AddrPort, err error) {
	if err := s.enter(reading); err != nil {
		return 0, from, err
	}
	for {
		if err = s.ready(); err != nil {
			break
		}
		until := s.slice(reading, recvSlice)
		fd, from, err = callAccept(s.dev, s.fd)
		raceAcquire()
		if err == nil {
			if fd < 0 {
				err = errBadDevice
			}
			break
		}
		if err = s.receiveAgain(err, until); err != nil {
			break
		}
	}
	s.leave(reading)
	return fd, from, err
}

// slice returns when a call of a device without deadliner is to return. Others
// know their deadlines.
func (s *devSocket) slice(dir direction, slice time.Duration) instant {
	if s.timed() {
		return 0
	}
	until := now() + instant(slice)
	s.mu.Lock()
	at := s.deadlines[dir>>1]
	s.mu.Unlock()
	if at != 0 && at < until {
		return at
	}
	return until
}

// connect connects to host, which may be empty, at the address to. It returns
// when ctx, which may be nil, ends, even if the device does not. After an error
// the caller abandons s, which frees it once the device lets go of it.
func (s *devSocket) connect(ctx context.Context, host string, to netip.AddrPort) error {
	if ctx == nil {
		return s.connectNow(host, to)
	}
	return s.connectBy(ctx, func() error { return s.connectNow(host, to) })
}

func (s *devSocket) connectNow(host string, to netip.AddrPort) error {
	err := s.enter(writing)
	if err == nil {
		raceRelease()
		err = callConnect(s.dev, s.fd, host, to)
		s.leave(writing)
	}
	return err
}

// connectBy is connect by a call of the device.
func (s *devSocket) connectBy(ctx context.Context, call func() error) error {
	if ctx.Done() == nil {
		return call()
	}
	if t, ok := ctx.Deadline(); ok {
		s.setDeadline(writing, t)
	}
	done := make(chan error, 1)
	go func() { done <- call() }()
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

func (s *devSocket) bind(addr netip.AddrPort) error {
	return callBind(s.dev, s.fd, addr)
}

func (s *devSocket) listen() error {
	s.listening = true
	return callListen(s.dev, s.fd)
}

// localAddr returns the socket's local address as far as it can be known: from
// a device that does not tell, it is the address at which the peer remote, if
// there is one, reaches it, with the port that the socket was bound to.
func (s *devSocket) localAddr(bound netip.AddrPort, remote netip.Addr) netip.AddrPort {
	if s.tells() {
		if addr, err := callLocalAddr(s.localAddrer(), s.fd); err == nil {
			return unmap(addr)
		}
		return bound
	}
	if !isWildcard(bound.Addr()) {
		return bound
	}
	if remote = remote.Unmap(); isLoopback(remote) {
		return netip.AddrPortFrom(remote, bound.Port())
	}
	if ip, err := callAddr(s.dev); err == nil {
		return unmap(netip.AddrPortFrom(ip, bound.Port()))
	}
	return bound
}

func (s *devSocket) shutdown(how int) error {
	d, ok := s.dev.(shutdowner)
	if !ok {
		return errNoShutdown
	}
	err := s.enter(0)
	if err == nil {
		raceRelease()
		err = callShutdown(d, s.fd, how)
		s.leave(0)
	}
	return err
}

func (s *devSocket) setOption(level, opt int, value any) error {
	err := s.enter(0)
	if err == nil {
		err = callSetSockOpt(s.dev, s.fd, level, opt, value)
		s.leave(0)
	}
	return err
}
