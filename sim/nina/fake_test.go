package nina

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"tinynet/sim/network"
)

// fakeStation is a network on which the test says what happens.
type fakeStation struct {
	mu        sync.Mutex
	params    network.Params
	ap        *network.AccessPoint // that the chip is; nil if it has joined one
	frame     func()
	link      func()
	away      bool // the access point is gone
	joined    int  // stations, in access-point mode
	up        bool
	closed    bool
	rtt       time.Duration
	open      map[netip.AddrPort]bool // who accepts a connection
	silent    map[netip.AddrPort]bool // who does not even refuse
	conns     []*fakeConn             // that the chip opened
	listeners map[uint16]*fakeListener
	packets   map[uint16]*fakePacket
	hosts     map[string]netip.Addr
	dnsSilent bool
}

func newFakeStation() *fakeStation {
	return &fakeStation{
		up:        true,
		open:      map[netip.AddrPort]bool{},
		silent:    map[netip.AddrPort]bool{},
		listeners: map[uint16]*fakeListener{},
		packets:   map[uint16]*fakePacket{},
		hosts:     map[string]netip.Addr{},
	}
}

func (s *fakeStation) Addr() netip.Addr {
	if s.ap != nil {
		return s.ap.Addr.Addr()
	}
	return netip.MustParseAddr("10.0.0.2")
}
func (s *fakeStation) Netmask() netip.Addr { return netip.MustParseAddr("255.255.255.0") }
func (s *fakeStation) Gateway() netip.Addr { return netip.MustParseAddr("10.0.0.1") }
func (s *fakeStation) DNS() netip.Addr     { return netip.MustParseAddr("10.0.0.53") }

func (s *fakeStation) OnFrame(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frame = f
}

func (s *fakeStation) InRange() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.away
}

func (s *fakeStation) Stations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.joined
}

func (s *fakeStation) OnLink(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link = f
}

// Ping is answered by the gateway and the name server.
func (s *fakeStation) Ping(ctx context.Context, to netip.Addr) error {
	if to == s.Gateway() || to == s.DNS() {
		time.Sleep(s.rtt)
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

// change changes what InRange and Stations say, and tells the chip.
func (s *fakeStation) change(away bool, joined int) {
	s.mu.Lock()
	s.away, s.joined = away, joined
	f := s.link
	s.mu.Unlock()
	if f != nil {
		f()
	}
}

// came tells the chip that a frame came.
func (s *fakeStation) came() {
	s.mu.Lock()
	f := s.frame
	s.mu.Unlock()
	if f != nil {
		f()
	}
}

func (s *fakeStation) Connect(ctx context.Context, to netip.AddrPort) (network.Conn, error) {
	s.mu.Lock()
	up, open, silent := s.up, s.open[to], s.silent[to]
	s.mu.Unlock()
	d, err := s.rtt, error(nil)
	switch {
	case !up:
		return nil, network.ErrDown
	case silent:
		d, err = time.Duration(s.params.SynTimeout)*time.Millisecond, network.ErrUnreachable
	case !open:
		err = network.ErrRefused
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := newFakeConn(s, netip.AddrPortFrom(s.Addr(), uint16(50000+len(s.conns))), to)
	s.conns = append(s.conns, c)
	return c, nil
}

func (s *fakeStation) Listen(port uint16, backlog int) (network.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if port == 0 {
		port = 60000
	}
	if s.listeners[port] != nil {
		return nil, network.ErrInUse
	}
	l := &fakeListener{s: s, port: port, backlog: backlog}
	s.listeners[port] = l
	return l, nil
}

func (s *fakeStation) ListenPacket(port uint16) (network.PacketConn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if port == 0 {
		port = 61000
	}
	if s.packets[port] != nil {
		return nil, network.ErrInUse
	}
	p := &fakePacket{s: s, port: port}
	s.packets[port] = p
	return p, nil
}

func (s *fakeStation) Lookup(ctx context.Context, name string) (netip.Addr, error) {
	if s.dnsSilent {
		<-ctx.Done()
		return netip.Addr{}, ctx.Err()
	}
	if a, ok := s.hosts[name]; ok {
		return a, nil
	}
	return netip.Addr{}, network.ErrUnknownHost
}

func (s *fakeStation) SetLink(up bool) {
	s.mu.Lock()
	s.up = up
	conns := append([]*fakeConn(nil), s.conns...)
	for _, l := range s.listeners {
		conns = append(conns, l.all...)
	}
	s.mu.Unlock()
	for _, c := range conns {
		if !up {
			c.end(true)
		}
	}
}

func (s *fakeStation) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// fakeConn is a connection; the test is its peer.
type fakeConn struct {
	s             *fakeStation
	mu            sync.Mutex
	local, remote netip.AddrPort
	segs          []fakeSegment
	half          bool // segs[0] was read in part
	fin, reset    bool
	buffer        int    // bytes that Write takes until the peer reads
	sent          []byte // what the chip wrote
	room          chan struct{}
	closed        string // "FIN" or "RST" once the chip closed
}

type fakeSegment struct {
	data string
	push bool
}

func newFakeConn(s *fakeStation, local, remote netip.AddrPort) *fakeConn {
	return &fakeConn{s: s, local: local, remote: remote, buffer: 1 << 30, room: make(chan struct{})}
}

// send is one write of the peer: a segment with PSH.
func (c *fakeConn) send(data string) { c.segment(data, true) }

// segment is a single segment.
func (c *fakeConn) segment(data string, push bool) {
	c.mu.Lock()
	c.segs = append(c.segs, fakeSegment{data, push})
	c.mu.Unlock()
	c.s.came()
}

// end is the peer's FIN or RST.
func (c *fakeConn) end(reset bool) {
	c.mu.Lock()
	if reset {
		c.reset = true
	} else {
		c.fin = true
	}
	c.wakeWriter()
	c.mu.Unlock()
	c.s.came()
}

func (c *fakeConn) wakeWriter() {
	close(c.room)
	c.room = make(chan struct{})
}

// allow lets the chip write n more bytes.
func (c *fakeConn) allow(n int) {
	c.mu.Lock()
	c.buffer += n
	c.wakeWriter()
	c.mu.Unlock()
	c.s.came()
}

func (c *fakeConn) got() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.sent)
}

func (c *fakeConn) how() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *fakeConn) LocalAddr() netip.AddrPort  { return c.local }
func (c *fakeConn) RemoteAddr() netip.AddrPort { return c.remote }

func (c *fakeConn) Buffered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, s := range c.segs {
		n += len(s.data)
	}
	return n
}

func (c *fakeConn) Read(p []byte) (int, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed != "":
		return 0, false, net.ErrClosed
	case c.reset && !c.half:
		c.segs = nil
		return 0, false, network.ErrReset
	case len(c.segs) == 0 && c.fin:
		return 0, false, io.EOF
	case len(c.segs) == 0:
		return 0, false, network.ErrWouldBlock
	}
	s := &c.segs[0]
	n := copy(p, s.data)
	s.data = s.data[n:]
	if s.data != "" {
		c.half = true
		return n, false, nil
	}
	push := s.push
	c.half = false
	c.segs = c.segs[1:]
	return n, push, nil
}

func (c *fakeConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed != "":
		return 0, net.ErrClosed
	case c.reset:
		return 0, network.ErrReset
	case c.buffer == 0:
		return 0, network.ErrWouldBlock
	}
	n := min(len(p), c.buffer)
	c.buffer -= n
	c.sent = append(c.sent, p[:n]...)
	return n, nil
}

func (c *fakeConn) WaitWritable(ctx context.Context) error {
	for {
		c.mu.Lock()
		ok := c.buffer > 0 || c.reset || c.closed != ""
		room := c.room
		c.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *fakeConn) Ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fin || c.reset
}

func (c *fakeConn) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == "" {
		c.closed = "FIN"
		if c.half || c.reset {
			c.closed = "RST"
		}
		c.wakeWriter()
	}
}

type fakeListener struct {
	s       *fakeStation
	mu      sync.Mutex
	port    uint16
	backlog int
	waiting []*fakeConn
	all     []*fakeConn
	closed  bool
}

// dial is a client that connects.
func (l *fakeListener) dial(from string) *fakeConn {
	c := newFakeConn(l.s, netip.AddrPortFrom(l.s.Addr(), l.port), netip.MustParseAddrPort(from))
	l.mu.Lock()
	l.waiting = append(l.waiting, c)
	l.all = append(l.all, c)
	l.mu.Unlock()
	l.s.came()
	return c
}

func (l *fakeListener) Port() uint16 { return l.port }

func (l *fakeListener) Pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting) > 0
}

func (l *fakeListener) Accept() (network.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil, network.ErrWouldBlock
	}
	c := l.waiting[0]
	l.waiting = l.waiting[1:]
	return c, nil
}

func (l *fakeListener) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.s.listeners[l.port] == l {
		delete(l.s.listeners, l.port)
	}
}

type fakePacket struct {
	s      *fakeStation
	mu     sync.Mutex
	port   uint16
	queue  []fakeDatagram
	sent   []fakeDatagram
	groups []netip.Addr
}

type fakeDatagram struct {
	data string
	peer string
}

// deliver is a datagram that arrives.
func (p *fakePacket) deliver(data, from string) {
	p.mu.Lock()
	if len(p.queue) < 6 {
		p.queue = append(p.queue, fakeDatagram{data, from})
	}
	p.mu.Unlock()
	p.s.came()
}

func (p *fakePacket) Port() uint16 { return p.port }

func (p *fakePacket) Pending() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return -1
	}
	return len(p.queue[0].data)
}

func (p *fakePacket) ReadFrom(b []byte) (int, netip.AddrPort, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return 0, netip.AddrPort{}, network.ErrWouldBlock
	}
	d := p.queue[0]
	p.queue = p.queue[1:]
	return copy(b, d.data), netip.MustParseAddrPort(d.peer), nil
}

func (p *fakePacket) WriteTo(b []byte, to netip.AddrPort) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(b) > 1472 {
		return network.ErrTooLong
	}
	p.sent = append(p.sent, fakeDatagram{string(b), to.String()})
	return nil
}

func (p *fakePacket) JoinGroup(g netip.Addr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups = append(p.groups, g)
	return nil
}

func (p *fakePacket) Close() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.s.packets[p.port] == p {
		delete(p.s.packets, p.port)
	}
}
