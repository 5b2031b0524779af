package nina

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

// Size of the TCP/IP stack (nina-fw 2.0.0 sdkconfig).
const (
	tcpMSS      = 1436  // TCP_MSS
	tcpSegments = 4     // of window and send buffer: TCP_WND_DEFAULT, TCP_SND_BUF_DEFAULT
	recvMailbox = 6     // TCP_RECVMBOX_SIZE, UDP_RECVMBOX_SIZE and the accept mailbox
	maxDatagram = 1472  // no IP fragments: LWIP_IP_FRAG off
	synTimeout  = 18500 // ms: 7 SYNs 3 s apart, TCP_SYNMAXRTX=6
	timeWait    = 120 * time.Second
	fdSetSize   = 64 // descriptors are the last below it
	tcpMostTLS  = 3  // connections that there is memory for
)

// stack is the size of a variant's TCP/IP stack.
func (v *variant) stack() network.Params {
	return network.Params{
		MSS:           v.mss,
		Window:        tcpSegments * v.mss,
		SendBuffer:    tcpSegments * v.mss,
		SegmentQueue:  recvMailbox,
		DatagramQueue: recvMailbox,
		MaxDatagram:   maxDatagram,
		SynTimeout:    synTimeout,
		CloseDrains:   true,
	}
}

// Numbers of newlib's errno.h.
const (
	eIO          = 5
	eBADF        = 9
	eAGAIN       = 11
	eINVAL       = 22
	eNFILE       = 23
	eNOSYS       = 88
	eOPNOTSUPP   = 95
	eCONNRESET   = 104
	eNOPROTOOPT  = 109
	eADDRINUSE   = 112
	eCONNABORTED = 113
	eHOSTUNREACH = 118
	eINPROGRESS  = 119
	eALREADY     = 120
	eDESTADDRREQ = 121
	eMSGSIZE     = 122
	eISCONN      = 127
	eNOTCONN     = 128
)

// lwip is the table of lwIP's sockets.
type lwip struct {
	table   []*socket
	first   int   // descriptor
	unused  []int // never-used descriptors first, then the one free for longest
	lingers []lingering
}

// lingering is a local port that lwIP still holds in TIME-WAIT.
type lingering struct {
	port  uint16
	until time.Time
}

// linger keeps the port of a connection that this side closed first.
// lwIP has LWIP_MAX_ACTIVE_TCP=16 control blocks and gives up the oldest.
func (l *lwip) linger(port uint16, until time.Time) {
	if len(l.lingers) == 16 {
		l.lingers = append(l.lingers[:0], l.lingers[1:]...)
	}
	l.lingers = append(l.lingers, lingering{port, until})
}

type sockKind byte

const (
	sockStream sockKind = 1
	sockDgram  sockKind = 2
	sockRaw    sockKind = 3
)

// socket is one of lwIP's sockets.
type socket struct {
	kind      sockKind
	nonblock  bool
	reuse     bool
	options   uint32 // other flags, by the bit that names them
	timeout   time.Duration
	port      uint16 // local, 0 for any
	bound     bool
	listening bool
	backlog   int
	peer      netip.AddrPort
	err       int  // SO_ERROR
	errored   bool // an error event came

	connecting bool
	conn       network.Conn
	listener   network.Listener
	packet     network.PacketConn
	groups     []netip.Addr

	// peeked is a byte taken from conn but not yet from the socket.
	peeked     []byte
	peekedPush bool
}

func (l *lwip) init(n int) {
	l.table = make([]*socket, n)
	l.first = fdSetSize - n
	for i := range n {
		l.unused = append(l.unused, i)
	}
}

func (l *lwip) get(fd int) *socket {
	if fd < l.first || fd >= l.first+len(l.table) {
		return nil
	}
	return l.table[fd-l.first]
}

func (l *lwip) add(s *socket) int {
	if len(l.unused) == 0 {
		return -1
	}
	i := l.unused[0]
	l.unused = l.unused[1:]
	l.table[i] = s
	return l.first + i
}

// remove frees a descriptor and returns its socket.
func (l *lwip) remove(fd int) *socket {
	s := l.get(fd)
	if s != nil {
		l.table[fd-l.first] = nil
		l.unused = append(l.unused, fd-l.first)
	}
	return s
}

// task is a FreeRTOS task that calls lwIP. errno belongs to the task: lwIP
// sets it on an error and leaves it alone otherwise.
type task struct {
	f     *firmware
	errno int
}

// fail sets errno and returns -1.
func (t *task) fail(errno int) int {
	t.errno = errno
	return -1
}

// sock returns the socket of a descriptor; nil, and EBADF, if there is none.
func (t *task) sock(fd int) *socket {
	s := t.f.lwip.get(fd)
	if s == nil {
		t.errno = eBADF
	}
	return s
}

func (t *task) socket(kind sockKind) int {
	if kind < sockStream || kind > sockRaw {
		return t.fail(eINVAL)
	}
	fd := t.f.lwip.add(&socket{kind: kind})
	if fd < 0 {
		return t.fail(eNFILE)
	}
	return fd
}

func (t *task) close(fd int) int {
	if t.sock(fd) == nil {
		return -1
	}
	t.f.release(t.f.lwip.remove(fd))
	return 0
}

// release ends a socket that no descriptor names any more.
func (f *firmware) release(s *socket) {
	s.connecting = false
	if s.listener != nil {
		s.listener.Close()
	}
	if s.packet != nil {
		s.packet.Close()
	}
	if s.conn != nil {
		if !s.conn.Ended() {
			f.lwip.linger(s.conn.LocalAddr().Port(), f.c.clk.Now().Add(timeWait))
		}
		s.conn.Close()
	}
}

func (t *task) setNonblocking(fd int, on bool) int {
	s := t.sock(fd)
	if s == nil {
		return -1
	}
	s.nonblock = on
	return 0
}

// portTaken is the check of tcp_bind: any TCP socket, listening, open or in
// TIME-WAIT, with the same local port, unless both have SO_REUSEADDR.
func (f *firmware) portTaken(port uint16, self *socket) bool {
	for _, s := range f.lwip.table {
		if s == nil || s == self || s.kind != sockStream {
			continue
		}
		local := s.port
		if s.conn != nil {
			local = s.conn.LocalAddr().Port()
		}
		if (s.bound || s.conn != nil) && local == port && !(s.reuse && self.reuse) {
			return true
		}
	}
	now := f.c.clk.Now()
	live := f.lwip.lingers[:0]
	taken := false
	for _, l := range f.lwip.lingers {
		if l.until.After(now) {
			live = append(live, l)
			taken = taken || l.port == port && !self.reuse
		}
	}
	f.lwip.lingers = live
	return taken
}

func (t *task) bind(fd int, port uint16) int {
	s := t.sock(fd)
	if s == nil {
		return -1
	}
	switch s.kind {
	case sockStream:
		if s.bound || s.conn != nil || s.listening {
			return t.fail(eINVAL)
		}
		if port != 0 && t.f.portTaken(port, s) {
			return t.fail(eADDRINUSE)
		}
	case sockDgram:
		for _, o := range t.f.lwip.table {
			if o != nil && o != s && o.kind == sockDgram && o.bound && port != 0 && o.port == port {
				return t.fail(eADDRINUSE)
			}
		}
		if s.packet != nil {
			s.packet.Close()
			s.packet = nil
		}
		if err := t.f.openPacket(s, port); err != nil {
			return t.fail(errnoOf(err))
		}
	}
	s.port, s.bound = port, true
	return 0
}

// openPacket gives a datagram socket its end on the network, if there is a
// network yet.
func (f *firmware) openPacket(s *socket, port uint16) error {
	if f.wifi.station == nil {
		return nil
	}
	p, err := f.wifi.station.ListenPacket(port)
	if err != nil {
		return err
	}
	s.packet = p
	for _, g := range s.groups {
		if err := p.JoinGroup(g); err != nil {
			f.c.note("cannot join group " + g.String() + ": " + err.Error())
		}
	}
	return nil
}

// openListener gives a listening socket its end on the network, if there is a
// network yet.
func (f *firmware) openListener(s *socket) error {
	if f.wifi.station == nil {
		return nil
	}
	backlog := recvMailbox
	if f.c.cfg.Readings.StrictBacklog {
		backlog = max(s.backlog, 1)
	}
	l, err := f.wifi.station.Listen(s.port, backlog)
	if err != nil {
		return err
	}
	s.listener = l
	s.port = l.Port()
	return nil
}

// detached forgets what was open on a network that is gone.
func (f *firmware) detached() {
	for _, s := range f.lwip.table {
		if s != nil {
			s.listener, s.packet = nil, nil
		}
	}
}

// attached opens what was asked for before there was a network.
func (f *firmware) attached() {
	for _, s := range f.lwip.table {
		var err error
		switch {
		case s == nil:
		case s.listening && s.listener == nil:
			err = f.openListener(s)
		case s.kind == sockDgram && s.bound && s.packet == nil:
			err = f.openPacket(s, s.port)
		}
		if err != nil {
			f.c.note("cannot open port: " + err.Error())
		}
	}
}

func (t *task) listen(fd, backlog int) int {
	s := t.sock(fd)
	if s == nil {
		return -1
	}
	if s.kind != sockStream {
		return t.fail(eOPNOTSUPP)
	}
	if s.conn != nil || s.connecting {
		return t.fail(eINVAL)
	}
	if s.listening {
		return 0
	}
	for _, o := range t.f.lwip.table {
		if o != nil && o != s && o.listening && o.port == s.port && s.port != 0 {
			return t.fail(eADDRINUSE)
		}
	}
	s.backlog = backlog
	if err := t.f.openListener(s); err != nil {
		return t.fail(errnoOf(err))
	}
	s.listening = true
	return 0
}

// accept takes a connection that waits. Without a free socket it is taken and
// dropped.
func (t *task) accept(fd int) int {
	s := t.sock(fd)
	if s == nil {
		return -1
	}
	if s.kind != sockStream {
		return t.fail(eOPNOTSUPP)
	}
	if !s.listening {
		if s.nonblock {
			return t.fail(eAGAIN)
		}
		return t.fail(eNOTCONN)
	}
	var conn network.Conn
	errno := t.f.wait(s, s.nonblock, func() bool {
		if s.listener == nil {
			return false
		}
		var err error
		conn, err = s.listener.Accept()
		return err == nil
	})
	if errno != 0 {
		return t.fail(errno)
	}
	// An accepted socket blocks, whatever its listener does, and inherits
	// SO_REUSEADDR.
	n := &socket{kind: sockStream, conn: conn, port: conn.LocalAddr().Port(), peer: conn.RemoteAddr(), reuse: s.reuse}
	got := t.f.lwip.add(n)
	if got < 0 {
		t.f.c.note("no free socket: dropped the connection from " + conn.RemoteAddr().String())
		t.f.release(n)
		return t.fail(eNFILE)
	}
	return got
}

// wait tries until it succeeds. Unless dontwait, it waits for frames between
// tries, as long as the socket's receive timeout allows. It returns an errno,
// 0 for success.
func (f *firmware) wait(s *socket, dontwait bool, try func() bool) int {
	if try() {
		return 0
	}
	if dontwait {
		return eAGAIN
	}
	var late chan struct{}
	var timer clock.Timer
	if s.timeout > 0 {
		late = make(chan struct{})
		timer = f.c.clk.AfterFunc(s.timeout, func() { close(late) })
		defer timer.Stop()
	}
	for {
		errno := 0
		f.block(func() {
			select {
			case <-f.frame:
			case <-late:
				errno = eAGAIN
			case <-f.ctx.Done():
				errno = eCONNABORTED
			}
		})
		if try() {
			return 0
		}
		if errno != 0 {
			return errno
		}
	}
}

// connect opens a connection. It waits for the peer unless the socket is
// non-blocking.
func (t *task) connect(fd int, to netip.AddrPort) int {
	f := t.f
	s := t.sock(fd)
	if s == nil {
		return -1
	}
	if s.kind != sockStream {
		if s.kind == sockDgram && s.packet == nil {
			if err := f.openPacket(s, s.port); err != nil {
				return t.fail(errnoOf(err))
			}
			s.bound = true
		}
		s.peer = to
		return 0
	}
	switch {
	case s.connecting:
		return t.fail(eALREADY)
	case s.conn != nil || s.listening:
		return t.fail(eISCONN)
	case !f.wifi.online():
		return t.fail(eHOSTUNREACH)
	}
	s.connecting = true
	if s.nonblock {
		f.c.tasks.Add(1)
		go func() {
			defer f.c.tasks.Done()
			f.c.lock()
			f.dial(s, to, 0)
			f.c.unlock()
			f.frameIn()
		}()
		return t.fail(eINPROGRESS)
	}
	if errno := f.dial(s, to, 0); errno != 0 {
		return t.fail(errno)
	}
	return 0
}

// connectWithin is connect on a socket that blocks, but not for longer than d.
func (t *task) connectWithin(fd int, to netip.AddrPort, d time.Duration) int {
	s := t.sock(fd)
	switch {
	case s == nil:
		return -1
	case !t.f.wifi.online():
		return t.fail(eHOSTUNREACH)
	}
	s.connecting = true
	if errno := t.f.dial(s, to, d); errno != 0 {
		return t.fail(errno)
	}
	return 0
}

// dial connects s, unlocked meanwhile, and returns an errno. The link going
// down ends it, and so does a time of d if that is not 0.
func (f *firmware) dial(s *socket, to netip.AddrPort, d time.Duration) int {
	station := f.wifi.station
	ctx, cancel := context.WithCancel(f.wifi.linkCtx)
	defer cancel()
	if d > 0 {
		defer f.c.clk.AfterFunc(d, cancel).Stop()
	}
	var conn network.Conn
	var err error
	f.block(func() { conn, err = station.Connect(ctx, to) })
	if err == nil && !s.connecting { // closed meanwhile
		conn.Close()
		return eCONNABORTED
	}
	s.connecting = false
	if err != nil {
		s.errored = true
		s.err = errnoOf(err)
		return s.err
	}
	s.conn, s.peer = conn, to
	return 0
}

// readable returns what FIONREAD says, -1 with EBADF for a bad descriptor.
func (t *task) readable(fd int) int {
	s := t.sock(fd)
	if s == nil {
		return -1
	}
	switch {
	case s.conn != nil:
		return len(s.peeked) + s.conn.Buffered()
	case s.packet != nil:
		return max(s.packet.Pending(), 0)
	}
	return 0
}

// recv reads from a stream, or a datagram whose rest is lost. From a stream it
// goes over several segments, but stops after one that carried PSH. 0 with
// errno ENOTCONN is the end of the stream.
func (t *task) recv(fd int, p []byte, dontwait bool) (int, netip.AddrPort) {
	s := t.sock(fd)
	if s == nil {
		return -1, netip.AddrPort{}
	}
	dontwait = dontwait || s.nonblock
	if s.kind != sockStream {
		return t.recvDatagram(s, p, dontwait)
	}
	if s.conn == nil {
		if dontwait && !s.errored {
			return t.fail(eAGAIN), netip.AddrPort{}
		}
		if s.errored {
			return t.fail(s.err), netip.AddrPort{}
		}
		return t.fail(eNOTCONN), netip.AddrPort{}
	}
	n, errno := 0, 0
	if len(s.peeked) > 0 && len(p) > 0 {
		n = copy(p, s.peeked)
		s.peeked = nil
		if s.peekedPush || n == len(p) {
			return n, s.peer
		}
	}
	waited := t.f.wait(s, dontwait || n > 0, func() bool {
		if s.conn == nil {
			errno = eNOTCONN
			return true
		}
		if len(p) == 0 {
			return s.conn.Buffered() > 0 || s.conn.Ended()
		}
		var ended bool
		var more int
		more, ended, errno = s.read(p[n:])
		n += more
		return n > 0 || ended || errno != 0
	})
	switch {
	case n > 0:
		return n, s.peer
	case waited != 0:
		return t.fail(waited), s.peer
	case errno == eNOTCONN:
		t.errno = eNOTCONN
		return 0, s.peer
	case errno != 0:
		return t.fail(errno), s.peer
	}
	return 0, s.peer
}

// read takes what is there, until p is full or a segment carried PSH.
func (s *socket) read(p []byte) (n int, ended bool, errno int) {
	for n < len(p) {
		got, push, err := s.conn.Read(p[n:])
		if got > 0 {
			n += got
			if push {
				break
			}
		}
		switch {
		case err == nil:
			if got == 0 {
				return n, false, 0
			}
		case errors.Is(err, network.ErrWouldBlock):
			return n, false, 0
		case errors.Is(err, io.EOF):
			return n, true, eNOTCONN
		default:
			s.errored = true
			s.err = errnoOf(err)
			return n, true, s.err
		}
	}
	return n, false, 0
}

func (t *task) recvDatagram(s *socket, p []byte, dontwait bool) (n int, from netip.AddrPort) {
	errno := t.f.wait(s, dontwait, func() bool {
		if s.packet == nil {
			return false
		}
		var err error
		n, from, err = s.packet.ReadFrom(p)
		return err == nil
	})
	if errno != 0 {
		return t.fail(errno), netip.AddrPort{}
	}
	return n, from
}

// peek looks at the next byte of a stream without waiting: 1 if there is one,
// 0 at its end, -1 if not.
func (t *task) peek(fd int) (byte, int) {
	s := t.sock(fd)
	if s == nil {
		return 0, -1
	}
	if s.kind != sockStream || s.conn == nil {
		return 0, t.fail(eAGAIN)
	}
	if len(s.peeked) == 0 {
		var b [1]byte
		n, push, err := s.conn.Read(b[:])
		switch {
		case n == 1:
			s.peeked, s.peekedPush = b[:], push
		case errors.Is(err, io.EOF):
			t.errno = eNOTCONN
			return 0, 0
		case err == nil || errors.Is(err, network.ErrWouldBlock):
			return 0, t.fail(eAGAIN)
		default:
			s.errored, s.err = true, errnoOf(err)
			return 0, t.fail(s.err)
		}
	}
	return s.peeked[0], 1
}

// send queues p on a stream: what there is room for if the socket does not
// block, or with dontwait, all of it otherwise.
func (t *task) send(fd int, p []byte, dontwait bool) int {
	s := t.sock(fd)
	if s == nil {
		return -1
	}
	if s.kind != sockStream {
		if !s.peer.IsValid() {
			return t.fail(eDESTADDRREQ)
		}
		return t.sendTo(fd, p, s.peer)
	}
	if len(p) == 0 {
		return 0
	}
	sent := 0
	dontwait = dontwait || s.nonblock
	for {
		if s.conn == nil {
			return t.fail(eNOTCONN)
		}
		n, err := s.conn.Write(p[sent:])
		sent += n
		switch {
		case err != nil && !errors.Is(err, network.ErrWouldBlock):
			s.err = errnoOf(err)
			return t.fail(s.err)
		case sent == len(p):
			return sent
		case dontwait && sent > 0:
			return sent
		case dontwait:
			return t.fail(eAGAIN)
		}
		conn := s.conn
		t.f.block(func() { err = conn.WaitWritable(t.f.ctx) })
		if t.f.ctx.Err() != nil {
			return t.fail(eCONNABORTED)
		}
	}
}

// waitWritable waits until a stream takes something, or fails, but not for
// longer than d. It reports whether that came.
func (t *task) waitWritable(fd int, d time.Duration) bool {
	s := t.sock(fd)
	if s == nil || s.conn == nil {
		return true
	}
	ctx, cancel := context.WithCancel(t.f.ctx)
	defer cancel()
	defer t.f.c.clk.AfterFunc(d, cancel).Stop()
	conn := s.conn
	var err error
	t.f.block(func() { err = conn.WaitWritable(ctx) })
	return err == nil
}

func (t *task) sendTo(fd int, p []byte, to netip.AddrPort) int {
	s := t.sock(fd)
	if s == nil {
		return -1
	}
	if s.kind == sockStream {
		return t.send(fd, p, false)
	}
	if !t.f.wifi.online() || s.kind != sockDgram {
		return t.fail(eHOSTUNREACH)
	}
	if s.packet == nil {
		if err := t.f.openPacket(s, s.port); err != nil {
			return t.fail(errnoOf(err))
		}
		s.bound = true
	}
	if err := s.packet.WriteTo(p, to); err != nil {
		return t.fail(errnoOf(err))
	}
	return len(p)
}

// joinGroup makes a datagram socket receive a multicast group.
func (t *task) joinGroup(fd int, group netip.Addr) {
	s := t.sock(fd)
	if s == nil {
		return
	}
	s.groups = append(s.groups, group)
	if s.packet != nil {
		if err := s.packet.JoinGroup(group); err != nil {
			t.errno = errnoOf(err)
		}
	}
}

// peerName returns the other end of a connection.
func (t *task) peerName(fd int) (netip.AddrPort, int) {
	s := t.sock(fd)
	if s == nil {
		return netip.AddrPort{}, -1
	}
	if !s.peer.IsValid() {
		return netip.AddrPort{}, t.fail(eNOTCONN)
	}
	return s.peer, 0
}

// closeConnected is handleWiFiDisconnect: every socket with a local address is
// closed, and nobody who holds its descriptor is told.
func (f *firmware) closeConnected() {
	for i, s := range f.lwip.table {
		if s != nil && (s.conn != nil || s.connecting) {
			f.event.close(f.lwip.first + i)
		}
	}
}

// pollable returns what select says of a socket: readable, writable, error.
func (s *socket) pollable() (r, w, e bool) {
	switch {
	case s.packet != nil:
		r, w = s.packet.Pending() >= 0, true
	case s.kind != sockStream:
		w = true
	case s.listener != nil:
		r = s.listener.Pending()
	case s.conn != nil:
		r = len(s.peeked) > 0 || s.conn.Buffered() > 0 || s.conn.Ended()
		done, cancel := context.WithCancel(context.Background())
		cancel()
		w = s.conn.WaitWritable(done) == nil
	default:
		r, w = s.errored, s.errored
	}
	return r, w, s.errored
}

// errnoOf is err_to_errno of lwIP for what a station says. A refused connect
// ends with a reset, so it reads as ECONNRESET.
func errnoOf(err error) int {
	switch {
	case errors.Is(err, network.ErrWouldBlock):
		return eAGAIN
	case errors.Is(err, network.ErrRefused), errors.Is(err, network.ErrReset):
		return eCONNRESET
	case errors.Is(err, network.ErrUnreachable), errors.Is(err, context.Canceled):
		return eCONNABORTED
	case errors.Is(err, network.ErrInUse):
		return eADDRINUSE
	case errors.Is(err, network.ErrNoSockets):
		return eNFILE
	case errors.Is(err, network.ErrDown):
		return eHOSTUNREACH
	case errors.Is(err, network.ErrTooLong):
		return eMSGSIZE
	case errors.Is(err, net.ErrClosed):
		return eNOTCONN
	}
	return eIO
}
