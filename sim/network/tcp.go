package network

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// segment is what TCP puts into one frame.
type segment struct {
	data []byte
	push bool
	fin  bool
}

// end is one end of a TCP connection. Its methods are called with the fabric
// locked, unless their comments say otherwise.
//
// There is no congestion control and no delayed acknowledgement, and
// acknowledgements are never lost.
type end struct {
	signal // readable, writable, ended
	f      *fabric
	node   *node
	peer   *end
	local  netip.AddrPort
	remote netip.AddrPort

	// Two ways to the peer, since a segment that is retransmitted holds up the
	// data behind it but no acknowledgements.
	data, acks line

	// Sending.
	mss     int
	unsent  []segment
	queued  int // bytes in unsent
	unacked int // bytes on their way, or their acknowledgement is
	credit  int // bytes that the peer's window, as known here, has room for
	finning bool
	finSent bool

	// Receiving.
	segs     []segment
	held     []segment // arrived, but segs is full
	off      int       // bytes of segs[0] that were read
	buffered int       // bytes in segs that were not
	owed     int       // window that was freed but not yet told to the peer
	finIn    bool
	readAt   time.Time // when a slow reader reads next

	reset    bool         // the connection is gone
	cutOff   bool         // it went without the peer's knowledge
	closed   bool         // by our side's program
	listener *tcpListener // where the end waits to be accepted; nil afterwards

	onReset func() // called without the lock; nil for nothing
}

func newEnd(n *node, local, remote netip.AddrPort) *end {
	e := &end{
		f: n.f, node: n, local: local, remote: remote,
		mss:  n.p.MSS,
		data: n.f.newLine("tcp " + local.String() + " " + remote.String()),
		acks: n.f.newLine(""),
	}
	n.conns[e] = struct{}{}
	return e
}

// join makes the two ends of a connection know each other.
func join(a, b *end) {
	a.peer, b.peer = b, a
	a.mss = min(a.mss, b.mss)
	b.mss = a.mss
	a.credit, b.credit = b.node.p.Window, a.node.p.Window
}

// room returns how many bytes write takes.
func (e *end) room() int { return e.node.p.SendBuffer - e.queued - e.unacked }

// write queues what there is room for. last tells that p ends what the program
// wrote in one go, so that its last segment carries PSH.
func (e *end) write(p []byte, last bool) (int, error) {
	switch {
	case e.closed || e.finning:
		return 0, net.ErrClosed
	case e.reset:
		return 0, ErrReset
	case len(p) == 0:
		return 0, nil
	}
	n := min(len(p), e.room())
	if n <= 0 {
		return 0, ErrWouldBlock
	}
	last = last && n == len(p)
	p = append([]byte(nil), p[:n]...)
	for len(p) > 0 {
		cut := min(len(p), e.mss)
		e.unsent = append(e.unsent, segment{data: p[:cut], push: last && cut == len(p)})
		p = p[cut:]
	}
	e.queued += n
	e.pump()
	return n, nil
}

// fits returns how much of a segment of n bytes may be sent now: all, nothing,
// or a part if that is half the peer's window or more (RFC 1122, 4.2.3.4).
func (e *end) fits(n int) int {
	switch {
	case e.credit >= n:
		return n
	case e.credit > 0 && e.credit >= e.peer.node.p.Window/2:
		return e.credit
	}
	return 0
}

// pump sends what the peer's window has room for.
func (e *end) pump() {
	for len(e.unsent) > 0 {
		s := e.unsent[0]
		n := e.fits(len(s.data))
		if n == 0 {
			return
		}
		if n < len(s.data) {
			e.unsent[0].data = s.data[n:]
			s = segment{data: s.data[:n]}
		} else {
			e.unsent[0] = segment{}
			e.unsent = e.unsent[1:]
		}
		e.queued -= n
		e.unacked += n
		e.credit -= n
		e.transmit(s)
	}
	if e.finning && !e.finSent {
		e.finSent = true
		e.transmit(segment{fin: true})
		e.finish()
	}
}

func (e *end) transmit(s segment) {
	// What is sent carries the window too.
	e.tellWindow(0)
	e.data.sendReliably(func() { e.peer.receive(s) })
}

// tellWindow sends an acknowledgement of n bytes, and the window with it.
func (e *end) tellWindow(n int) {
	owed := e.owed
	if n+owed == 0 {
		return
	}
	e.owed = 0
	e.acks.send(func() {
		p := e.peer
		if p.reset {
			return
		}
		p.unacked -= n
		p.credit += owed
		p.pump()
		p.wake()
	})
}

// receive takes a segment that has arrived.
func (e *end) receive(s segment) {
	switch {
	case e.cutOff:
		if e.f.up(e.local.Addr()) {
			e.sendReset()
		}
		return
	case e.reset:
		return // the peer will know soon
	case e.closed && len(s.data) > 0:
		e.abort() // data that nobody will read
		return
	}
	e.tellWindow(len(s.data))
	e.held = append(e.held, s)
	e.admit()
	e.finish()
}

// admit moves segments to where the program can read them.
func (e *end) admit() {
	moved := false
	for len(e.held) > 0 {
		s := e.held[0]
		if !s.fin && e.node.p.SegmentQueue > 0 && len(e.segs) >= e.node.p.SegmentQueue {
			break
		}
		e.held[0] = segment{}
		e.held = e.held[1:]
		if s.fin {
			e.finIn = true
		} else {
			e.segs = append(e.segs, s)
			e.buffered += len(s.data)
		}
		moved = true
	}
	if moved {
		e.wake()
		e.node.frame()
	}
}

// read takes bytes of the oldest segment; see Conn.Read.
func (e *end) read(p []byte) (n int, push bool, err error) {
	if e.closed {
		return 0, false, net.ErrClosed
	}
	// lwIP looks for an error before it takes a new segment, Linux after.
	if len(e.segs) > 0 && (!e.reset || e.off > 0 || e.node.host) {
		s := e.segs[0]
		n = copy(p, s.data[e.off:])
		e.off += n
		e.buffered -= n
		e.owed += n
		if e.off == len(s.data) {
			push = s.push
			e.off = 0
			e.segs[0] = segment{}
			e.segs = e.segs[1:]
			e.admit()
			e.peer.wake() // a bridge may wait for room in segs
		}
		if !e.reset && e.owed >= min(e.node.p.Window/4, e.mss) {
			e.tellWindow(0)
		}
		return n, push, nil
	}
	switch {
	case e.reset:
		e.segs, e.held, e.off, e.buffered = nil, nil, 0, 0
		return 0, false, ErrReset
	case e.finIn:
		return 0, false, io.EOF
	}
	return 0, false, ErrWouldBlock
}

// readStream reads from as many segments as p has room for.
func (e *end) readStream(p []byte) (n int, err error) {
	for n < len(p) {
		var m int
		m, _, err = e.read(p[n:])
		if n += m; err != nil {
			break
		}
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

// readSlowly is readStream at the rate at which the fabric's machines read.
func (e *end) readSlowly(p []byte) (n int, err error) {
	rate := e.f.readRate
	if rate == 0 {
		return e.readStream(p)
	}
	now := e.f.clk.Now()
	if wait := e.readAt.Sub(now); wait > 0 {
		e.f.clk.AfterFunc(wait, func() {
			e.f.lock()
			defer e.f.unlock()
			e.wake()
		})
		return 0, ErrWouldBlock
	}
	n, err = e.readStream(p[:min(len(p), max(1, rate/20))])
	e.readAt = now.Add(time.Duration(n) * time.Second / time.Duration(rate))
	return n, err
}

// shutdown sends FIN after what is queued.
func (e *end) shutdown() error {
	switch {
	case e.closed:
		return net.ErrClosed
	case e.reset:
		return ErrReset
	}
	e.finning = true
	e.pump()
	e.wake()
	return nil
}

// close is the program's last call.
func (e *end) close() error {
	if e.closed {
		return net.ErrClosed
	}
	e.closed = true
	unread := e.buffered > 0
	if e.node.p.CloseDrains {
		unread = e.off > 0 || len(e.held) > 0
		e.owed += e.buffered
	}
	e.segs, e.held, e.off, e.buffered = nil, nil, 0, 0
	switch {
	case e.reset:
	case unread:
		e.abort()
	default:
		e.finning = true
		e.tellWindow(0)
		e.pump()
	}
	e.finish()
	e.wake()
	return nil
}

// abort ends the connection with a reset.
func (e *end) abort() {
	if e.reset {
		return
	}
	e.die()
	if e.peer != nil {
		e.sendReset()
	}
}

func (e *end) sendReset() { e.data.send(e.peer.receiveReset) }

func (e *end) receiveReset() {
	if !e.reset {
		e.die()
		e.node.frame()
	}
}

// cut ends the connection because the link is gone.
func (e *end) cut() {
	if e.reset {
		return
	}
	e.die()
	if e.peer == nil || e.peer.reset {
		return
	}
	if !e.f.silent {
		e.sendReset()
		return
	}
	e.cutOff = true
	e.f.ghosts[e.local.Addr()] = append(e.f.ghosts[e.local.Addr()], e)
}

func (e *end) die() {
	e.reset = true
	e.unsent, e.queued, e.unacked = nil, 0, 0
	if l := e.listener; l != nil {
		l.drop(e)
	}
	if e.onReset != nil {
		e.f.calls = append(e.f.calls, e.onReset)
		e.onReset = nil
	}
	delete(e.node.conns, e)
	e.wake()
}

// finish forgets a connection that has ended on both sides.
func (e *end) finish() {
	if e.closed && e.finSent && e.finIn {
		delete(e.node.conns, e)
	}
}

// tcpListener is a listening socket.
type tcpListener struct {
	signal   // something to accept, or room for more
	f        *fabric
	node     *node
	port     uint16
	backlog  int
	pending  []*end
	promised int      // connections whose handshake is under way
	waiting  []func() // SYNs that come again until there is room
	closed   bool
}

func (n *node) listen(port uint16, backlog int) (*tcpListener, error) {
	if n.closed {
		return nil, ErrDown
	}
	if port == 0 {
		var err error
		if port, err = n.freePort(n.tcpPortUsed); err != nil {
			return nil, err
		}
	}
	if n.listeners[port] != nil {
		return nil, fmt.Errorf("TCP port %d of %v: %w", port, n.addr, ErrInUse)
	}
	if err := n.take(); err != nil {
		return nil, err
	}
	l := &tcpListener{f: n.f, node: n, port: port, backlog: max(backlog, 1)}
	n.listeners[port] = l
	return l, nil
}

func (l *tcpListener) full() bool { return len(l.pending)+l.promised >= l.backlog }

// deliver makes a connection that is established wait to be accepted.
func (l *tcpListener) deliver(e *end) {
	e.listener = l
	l.pending = append(l.pending, e)
	l.wake()
	l.node.frame()
}

// drop forgets a connection whose handshake was under way. One that waits to
// be accepted stays, to be found dead.
func (l *tcpListener) drop(e *end) {
	for _, p := range l.pending {
		if p == e {
			return
		}
	}
	e.listener = nil
	l.promised--
	l.admit()
}

// admit lets SYNs in that have been waiting.
func (l *tcpListener) admit() {
	for len(l.waiting) > 0 && !l.full() {
		syn := l.waiting[0]
		l.waiting = l.waiting[1:]
		syn()
	}
	l.wake()
}

func (l *tcpListener) accept() (*end, error) {
	if l.closed {
		return nil, net.ErrClosed
	}
	if len(l.pending) == 0 {
		return nil, ErrWouldBlock
	}
	e := l.pending[0]
	l.pending = l.pending[1:]
	e.listener = nil
	l.admit()
	if err := l.node.take(); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (l *tcpListener) close() error {
	if l.closed {
		return net.ErrClosed
	}
	l.closed = true
	l.node.release()
	delete(l.node.listeners, l.port)
	for _, e := range l.pending {
		e.abort()
	}
	l.pending = nil
	for _, syn := range l.waiting {
		syn()
	}
	l.waiting = nil
	l.wake()
	return nil
}

// dial is a connect under way.
type dial struct {
	e      *end
	result chan error // of capacity 1
	over   bool
}

func (d *dial) end(err error) {
	if !d.over {
		d.over = true
		d.result <- err
	}
}

// connect opens a connection from a node to another, or to nobody. It blocks
// and is called without the lock. The caller
// has taken the socket.
func (f *fabric) connect(ctx context.Context, n *node, remote netip.AddrPort) (*end, error) {
	f.lock()
	port, err := n.freePort(n.tcpPortUsed)
	if err != nil {
		f.unlock()
		return nil, err
	}
	down := n.down
	d := &dial{
		e:      newEnd(n, netip.AddrPortFrom(n.addr, port), remote),
		result: make(chan error, 1),
	}
	d.e.data.sendReliably(func() { f.syn(d) })
	timeout := f.clk.AfterFunc(time.Duration(n.p.SynTimeout)*time.Millisecond, func() {
		f.lock()
		defer f.unlock()
		d.end(ErrUnreachable)
	})
	f.unlock()
	defer timeout.Stop()

	select {
	case err = <-d.result:
	case <-ctx.Done():
		err = ctx.Err()
	case <-down:
		err = ErrDown
	}
	f.lock()
	defer f.unlock()
	select {
	case err = <-d.result: // both at once
	default:
	}
	select {
	case <-down:
		err = ErrDown
	default:
	}
	if err != nil {
		d.over = true
		d.e.abort()
		return nil, err
	}
	return d.e, nil
}

// syn is a connect's first frame, arrived.
func (f *fabric) syn(d *dial) {
	c := d.e
	addr := c.remote.Addr()
	if d.over || c.reset || !f.up(addr) {
		return
	}
	n := f.nodes[addr]
	l := n.listeners[c.remote.Port()]
	switch {
	case l == nil:
		reply := f.newLine("")
		reply.send(func() { d.end(ErrRefused) })
		return
	case l.full():
		l.waiting = append(l.waiting, func() { f.syn(d) })
		return
	}
	s := newEnd(n, c.remote, c.local)
	join(c, s)
	s.listener = l
	l.promised++
	s.data.sendReliably(func() {
		if d.over || c.reset {
			// To nobody who is there, but the server would give up as well.
			c.sendReset()
			return
		}
		d.end(nil)
		c.data.sendReliably(func() {
			if s.reset {
				return
			}
			l.promised--
			s.listener = nil
			if l.closed {
				s.abort()
				return
			}
			l.deliver(s)
		})
	})
}
