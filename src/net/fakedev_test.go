package net

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// fakeDevice is a network device in memory, with the eleven methods of
// netdev.Netdever and no more. The test plays the network: it puts in what
// arrives and looks at what was sent.
type fakeDevice struct {
	mu      sync.Mutex
	changed *sync.Cond
	socks   map[int]*fakeSock
	calls   []string // names of the methods called
	nextFd  int

	// fail gives the error of a method by its name.
	fail map[string]error
	// stuck, while not closed, keeps Connect from returning.
	stuck chan struct{}
	// mostPerSend is how much one Send takes, 0 for all.
	mostPerSend int
	hosts       map[string][]netip.Addr
	hostOf      map[int]string // the host that Connect got
	options     map[[2]int]any
	ipv6        bool // it has IPv6 and dual stack
}

type fakeSock struct {
	domain, stype int
	protocol      int
	local, peer   netip.AddrPort
	in, out       []byte
	inbox, outbox []fakeDatagram
	backlog       []netip.AddrPort
	ended         bool // the peer sends no more
	shut          bool // Shutdown(SHUT_WR) was called
	closed        bool
	listening     bool
	rd, wd        time.Time // for fullDevice
}

type fakeDatagram struct {
	peer netip.AddrPort
	data []byte
}

var (
	errFakeTimeout = os.ErrDeadlineExceeded
	errFakeClosed  = errors.New("fake: no such socket")
	errFakeInUse   = errors.New("fake: port in use")
	errFake        = errors.New("fake: told to fail")
	fakeAddr       = netip.MustParseAddr("10.0.0.2")
	fakePeer       = netip.MustParseAddrPort("10.0.0.1:7000")
)

func newFakeDevice(t *testing.T) *fakeDevice {
	d := &fakeDevice{
		socks:   map[int]*fakeSock{},
		nextFd:  3,
		fail:    map[string]error{},
		hosts:   map[string][]netip.Addr{},
		hostOf:  map[int]string{},
		options: map[[2]int]any{},
	}
	d.changed = sync.NewCond(&d.mu)
	t.Cleanup(func() { d.wantSockets(t, 0) })
	return d
}

// use makes dev the device for the time of the test.
func use(t *testing.T, dev any) {
	old := tinynetDevice
	tinynetDevice = dev
	t.Cleanup(func() { tinynetDevice = old })
}

// wantSockets waits until n sockets are open, which Close may be a moment late
// to reach.
func (d *fakeDevice) wantSockets(t *testing.T, n int) {
	t.Helper()
	for range 2000 {
		d.mu.Lock()
		open := len(d.socks)
		d.mu.Unlock()
		if open == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t.Errorf("%d sockets are open on the device, want %d", len(d.socks), n)
}

// do runs f with the lock held and wakes everybody.
func (d *fakeDevice) do(f func()) {
	d.mu.Lock()
	f()
	d.changed.Broadcast()
	d.mu.Unlock()
}

// only returns the one open socket.
func (d *fakeDevice) only(t *testing.T) (fd int, s *fakeSock) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.socks) != 1 {
		t.Fatalf("%d sockets are open on the device, want 1", len(d.socks))
	}
	for fd, s = range d.socks {
	}
	return fd, s
}

// enter locks the device and says how a method begins.
func (d *fakeDevice) enter(name string) error {
	d.mu.Lock()
	d.calls = append(d.calls, name)
	return d.fail[name]
}

func (d *fakeDevice) called(name string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.calls {
		if c == name {
			n++
		}
	}
	return n
}

// wait waits until ready, the socket is closed or the deadline that it asks for
// each time has passed.
func (d *fakeDevice) wait(s *fakeSock, deadline func() time.Time, ready func() bool) error {
	for !ready() {
		if s.closed {
			return errFakeClosed
		}
		if t := deadline(); !t.IsZero() {
			left := time.Until(t)
			if left <= 0 {
				return errFakeTimeout
			}
			timer := time.AfterFunc(left, func() { d.do(func() {}) })
			d.changed.Wait()
			timer.Stop()
			continue
		}
		d.changed.Wait()
	}
	return nil
}

// earlier returns the earlier one of two deadlines.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (d *fakeDevice) GetHostByName(name string) (netip.Addr, error) {
	err := d.enter("GetHostByName")
	defer d.mu.Unlock()
	if err != nil {
		return netip.Addr{}, err
	}
	if a := d.hosts[name]; len(a) > 0 {
		return a[0], nil
	}
	return netip.Addr{}, errors.New("fake: no such host")
}

func (d *fakeDevice) Addr() (netip.Addr, error) { return fakeAddr, nil }

func (d *fakeDevice) Socket(domain int, stype int, protocol int) (int, error) {
	err := d.enter("Socket")
	defer d.mu.Unlock()
	if err != nil {
		return -1, err
	}
	if domain == afInet6 && !d.ipv6 {
		return -1, errors.ErrUnsupported
	}
	fd := d.nextFd
	d.nextFd++
	d.socks[fd] = &fakeSock{domain: domain, stype: stype, protocol: protocol}
	return fd, nil
}

func (d *fakeDevice) Bind(sockfd int, ip netip.AddrPort) error {
	err := d.enter("Bind")
	defer d.mu.Unlock()
	if err != nil {
		return err
	}
	for _, s := range d.socks {
		if s.local.Port() == ip.Port() && !s.peer.IsValid() {
			return errFakeInUse
		}
	}
	d.socks[sockfd].local = ip
	return nil
}

func (d *fakeDevice) Connect(sockfd int, host string, ip netip.AddrPort) error {
	err := d.enter("Connect")
	stuck := d.stuck
	if stuck != nil {
		d.mu.Unlock()
		<-stuck
		d.mu.Lock()
	}
	defer d.mu.Unlock()
	if err != nil {
		return err
	}
	s := d.socks[sockfd]
	if s == nil {
		return errFakeClosed
	}
	s.peer = ip
	d.hostOf[sockfd] = host
	return nil
}

func (d *fakeDevice) Listen(sockfd int, backlog int) error {
	err := d.enter("Listen")
	defer d.mu.Unlock()
	if err == nil {
		d.socks[sockfd].listening = true
	}
	return err
}

func (d *fakeDevice) Accept(sockfd int) (int, netip.AddrPort, error) {
	return d.accept(sockfd, func(*fakeSock) time.Time { return time.Time{} })
}

func (d *fakeDevice) accept(sockfd int, deadline func(*fakeSock) time.Time) (int, netip.AddrPort, error) {
	err := d.enter("Accept")
	defer d.mu.Unlock()
	s := d.socks[sockfd]
	if err == nil && s == nil {
		err = errFakeClosed
	}
	if err == nil {
		err = d.wait(s, func() time.Time { return deadline(s) }, func() bool { return len(s.backlog) > 0 })
	}
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	peer := s.backlog[0]
	s.backlog = s.backlog[1:]
	fd := d.nextFd
	d.nextFd++
	d.socks[fd] = &fakeSock{domain: s.domain, stype: s.stype, local: netip.AddrPortFrom(fakeAddr, s.local.Port()), peer: peer}
	return fd, peer, nil
}

func (d *fakeDevice) Send(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	return d.send(sockfd, buf, netip.AddrPort{}, func(*fakeSock) time.Time { return deadline })
}

func (d *fakeDevice) send(sockfd int, buf []byte, to netip.AddrPort, deadline func(*fakeSock) time.Time) (int, error) {
	if d.mostPerSend > 0 {
		runtime.Gosched() // between the pieces others have their chance
	}
	err := d.enter("Send")
	defer d.mu.Unlock()
	s := d.socks[sockfd]
	if err == nil && s == nil {
		err = errFakeClosed
	}
	if err != nil {
		return -1, err
	}
	if s.stype == sockDgram {
		if !to.IsValid() {
			to = s.peer
		}
		s.outbox = append(s.outbox, fakeDatagram{to, append([]byte(nil), buf...)})
		return len(buf), nil
	}
	const room = 1 << 16
	if err := d.wait(s, func() time.Time { return deadline(s) }, func() bool { return len(s.out) < room }); err != nil {
		return 0, err
	}
	n := min(len(buf), room-len(s.out))
	if d.mostPerSend > 0 {
		n = min(n, d.mostPerSend)
	}
	s.out = append(s.out, buf[:n]...)
	return n, nil
}

func (d *fakeDevice) Recv(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	n, _, err := d.recv(sockfd, buf, func(*fakeSock) time.Time { return deadline })
	return n, err
}

func (d *fakeDevice) recv(sockfd int, buf []byte, deadline func(*fakeSock) time.Time) (int, netip.AddrPort, error) {
	err := d.enter("Recv")
	defer d.mu.Unlock()
	s := d.socks[sockfd]
	if err == nil && s == nil {
		err = errFakeClosed
	}
	if err == nil {
		err = d.wait(s, func() time.Time { return deadline(s) },
			func() bool { return len(s.in) > 0 || len(s.inbox) > 0 || s.ended })
	}
	switch {
	case err != nil:
		return -1, netip.AddrPort{}, err
	case len(s.inbox) > 0:
		g := s.inbox[0]
		s.inbox = s.inbox[1:]
		return copy(buf, g.data), g.peer, nil
	case len(s.in) == 0:
		return 0, netip.AddrPort{}, io.EOF
	}
	n := copy(buf, s.in)
	s.in = s.in[n:]
	return n, s.peer, nil
}

func (d *fakeDevice) Close(sockfd int) error {
	err := d.enter("Close")
	defer d.mu.Unlock()
	s := d.socks[sockfd]
	if s == nil {
		return errFakeClosed
	}
	delete(d.socks, sockfd)
	s.closed = true
	d.changed.Broadcast()
	return err
}

func (d *fakeDevice) SetSockOpt(sockfd int, level int, opt int, value interface{}) error {
	err := d.enter("SetSockOpt")
	defer d.mu.Unlock()
	d.options[[2]int{level, opt}] = value
	return err
}

// fullDevice is a fakeDevice with all optional interfaces.
type fullDevice struct{ *fakeDevice }

func (d fullDevice) LocalAddr(sockfd int) (netip.AddrPort, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.socks[sockfd]
	if s == nil {
		return netip.AddrPort{}, errFakeClosed
	}
	port := s.local.Port()
	if port == 0 {
		port = 55555
	}
	return netip.AddrPortFrom(fakeAddr, port), nil
}

func (d fullDevice) SetReadDeadline(sockfd int, t time.Time) error {
	return d.setDeadline(sockfd, func(s *fakeSock) { s.rd = t })
}

func (d fullDevice) SetWriteDeadline(sockfd int, t time.Time) error {
	return d.setDeadline(sockfd, func(s *fakeSock) { s.wd = t })
}

func (d fullDevice) setDeadline(sockfd int, set func(*fakeSock)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.socks[sockfd]
	if s == nil {
		return errFakeClosed
	}
	set(s)
	d.changed.Broadcast()
	return nil
}

func (d fullDevice) Shutdown(sockfd int, how int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if how == shutWr {
		d.socks[sockfd].shut = true
	}
	return nil
}

func (d fullDevice) Accept(sockfd int) (int, netip.AddrPort, error) {
	return d.accept(sockfd, func(s *fakeSock) time.Time { return s.rd })
}

func (d fullDevice) Send(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	return d.send(sockfd, buf, netip.AddrPort{}, func(s *fakeSock) time.Time { return earlier(s.wd, deadline) })
}

func (d fullDevice) Recv(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	n, _, err := d.recv(sockfd, buf, func(s *fakeSock) time.Time { return earlier(s.rd, deadline) })
	return n, err
}

func (d fullDevice) SendTo(sockfd int, buf []byte, flags int, to netip.AddrPort, deadline time.Time) (int, error) {
	return d.send(sockfd, buf, to, func(s *fakeSock) time.Time { return earlier(s.wd, deadline) })
}

func (d fullDevice) RecvFrom(sockfd int, buf []byte, flags int, deadline time.Time) (int, netip.AddrPort, error) {
	return d.recv(sockfd, buf, func(s *fakeSock) time.Time { return earlier(s.rd, deadline) })
}

func (d fullDevice) LookupHost(network, name string, deadline time.Time) ([]netip.Addr, error) {
	err := d.enter("LookupHost:" + network)
	defer d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if a := d.hosts[name]; len(a) > 0 {
		return a, nil
	}
	return nil, errors.New("fake: no such host")
}

// onBoth runs a test on a device without and with the optional interfaces.
func onBoth(t *testing.T, test func(t *testing.T, d *fakeDevice)) {
	t.Run("plain", func(t *testing.T) {
		d := newFakeDevice(t)
		use(t, d)
		test(t, d)
	})
	t.Run("full", func(t *testing.T) {
		d := newFakeDevice(t)
		use(t, fullDevice{d})
		test(t, d)
	})
}
