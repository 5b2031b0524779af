package net

import (
	"context"
	"io"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// ResolveTCPAddr returns the address "host:port" as a TCPAddr. network is "tcp",
// "tcp4" or "tcp6". Of several addresses of a host it takes the first IPv4 one.
func ResolveTCPAddr(network, address string) (*TCPAddr, error) {
	if network == "" {
		network = "tcp"
	}
	proto, family, err := parseNetwork(network)
	if err != nil || proto != "tcp" {
		return nil, UnknownNetworkError(network)
	}
	addr, err := resolveOne(proto, family, address)
	if err != nil {
		return nil, err
	}
	return TCPAddrFromAddrPort(addr), nil
}

// TCPConn is a TCP connection, of the device or in memory.
type TCPConn struct {
	conn
}

// tcpState is all that a TCP connection consists of, but for what is behind its
// socket: one piece of memory, since each piece costs a board more than what is in it,
// and is one more that the collector may keep by mistake.
type tcpState struct {
	connState
	conn  TCPConn
	local tcpEnd
	peer  tcpEnd
}

// tcpEnd is an address with room for the bytes of an IPv4 one.
type tcpEnd struct {
	TCPAddr
	ip4 [IPv4len]byte
}

// set returns addr as the TCPAddr that e is, or nil if it is not valid.
func (e *tcpEnd) set(addr netip.AddrPort) Addr {
	if !addr.IsValid() {
		return nil
	}
	ip := addr.Addr()
	e.Port = int(addr.Port())
	if ip.Is4() {
		e.ip4 = ip.As4()
		e.IP = e.ip4[:]
	} else {
		e.IP, e.Zone = ip.AsSlice(), ip.Zone()
	}
	return &e.TCPAddr
}

// open returns the connection that s is.
func (s *tcpState) open(network string, local, remote netip.AddrPort) *TCPConn {
	s.net, s.laddr, s.raddr = network, s.local.set(local), s.peer.set(remote)
	s.conn.p = unsafe.Pointer(&s.connState)
	return &s.conn
}

func newTCPConn(sock socket, network string, local, remote netip.AddrPort) *TCPConn {
	return (&tcpState{connState: connState{socket: sock}}).open(network, local, remote)
}

// stream is a TCP connection and the device's socket behind it.
type stream struct {
	tcpState
	sock devSocket
}

// newStream returns the stream for a socket of that number. Before it is opened it
// is the socket alone.
func newStream(dev netdever, fd, domain int) *stream {
	s := new(stream)
	s.sock.init(dev, fd, domain, sockStream)
	s.dev = &s.sock
	return s
}

// DialTCP connects to raddr. network is "tcp", "tcp4" or "tcp6"; laddr may be
// nil. No IP in raddr means the loopback.
func DialTCP(network string, laddr, raddr *TCPAddr) (*TCPConn, error) {
	var d Dialer
	c, err := d.dialTCPAddr(context.Background(), network, laddr, raddr)
	if err != nil {
		return nil, &OpError{Op: "dial", Net: network, Source: laddr.opAddr(), Addr: raddr.opAddr(), Err: err}
	}
	return c, nil
}

func (d *Dialer) dialTCPAddr(ctx context.Context, network string, laddr, raddr *TCPAddr) (*TCPConn, error) {
	if raddr == nil {
		return nil, errMissingAddress
	}
	if laddr == nil {
		laddr = &TCPAddr{}
	}
	local, remote, err := ends("tcp", network, laddr.IP, laddr.Port, laddr.Zone, raddr.IP, raddr.Port, raddr.Zone)
	if err != nil {
		return nil, err
	}
	return d.dialTCP(ctx, network, "", &local, remote)
}

// dialTCP connects to one address. Its arguments are those of a dialFunc.
func (d *Dialer) dialTCP(ctx context.Context, network, host string, local *netip.AddrPort, remote netip.AddrPort) (*TCPConn, error) {
	if err := ctxErr(ctx); err != nil {
		return nil, err
	}
	remote = toLoopback(network, remote)
	if loopbackInMemory(remote.Addr()) {
		if loopDial == nil {
			return nil, errLoopRefused()
		}
		return loopDial(d, ctx, network, local, remote)
	}
	dev, err := currentDevice()
	if err != nil {
		return nil, err
	}
	proto := protoTCP
	var from netip.AddrPort
	if d != nil {
		if d.tls {
			proto = protoTLS
		}
		if from, err = localFor(*local, remote.Addr()); err != nil {
			return nil, err
		}
	}
	domain := domainOf(remote.Addr())
	fd, err := socketNumber(dev, domain, sockStream, proto)
	if err != nil {
		return nil, err
	}
	st := newStream(dev, fd, domain)
	s := &st.sock
	if d != nil {
		err = d.control(ctx, network, remote, s)
	}
	if err == nil && (d != nil || !s.tells()) {
		from, err = s.bindDialer(from, remote.Addr())
	}
	if err == nil {
		err = s.connect(ctx, host, remote)
	}
	if err != nil {
		s.abandon()
		return nil, err
	}
	c := st.open(network, s.localAddr(from, remote.Addr()), remote)
	if d != nil {
		c.keepAlive(d.KeepAlive, d.KeepAliveConfig)
	} else {
		c.keepAliveByDefault()
	}
	return c, nil
}

// loopDial is dialTCP for the loopback in memory. With TinyGo it is nil in a program
// that does not listen, which has no use for it.
var loopDial func(d *Dialer, ctx context.Context, network string, local *netip.AddrPort, remote netip.AddrPort) (*TCPConn, error)

func (d *Dialer) dialMemory(ctx context.Context, network string, local *netip.AddrPort, remote netip.AddrPort) (*TCPConn, error) {
	var from netip.AddrPort
	if d != nil {
		if d.tls {
			return nil, errNoTLS
		}
		var err error
		if from, err = localFor(*local, remote.Addr()); err != nil {
			return nil, err
		}
		if err := d.control(ctx, network, remote, nil); err != nil {
			return nil, err
		}
	}
	l := findListener(remote)
	if l == nil {
		return nil, errLoopRefused()
	}
	c, err := dialLoopback(l, from, remote)
	if err != nil {
		return nil, err
	}
	return newTCPConn(c.socket(), network, c.local, c.remote), nil
}

// ReadFrom sends what it reads from r until its end.
func (c *TCPConn) ReadFrom(r io.Reader) (int64, error) {
	if !c.ok() {
		return 0, errInvalid
	}
	n, sent, err := c.spliceFrom(r)
	if !sent {
		n, sent, err = c.sendFile(r)
	}
	if !sent {
		n, err = copyAll(&c.conn, r)
	}
	if err != nil && !isEOF(err) {
		err = c.fail("readfrom", err)
	}
	return n, err
}

// WriteTo writes to w what it receives until the end of the stream.
func (c *TCPConn) WriteTo(w io.Writer) (int64, error) {
	if !c.ok() {
		return 0, errInvalid
	}
	n, sent, err := c.spliceTo(w)
	if !sent {
		n, err = copyAll(w, &c.conn)
	}
	if err != nil && !isEOF(err) {
		err = c.fail("writeto", err)
	}
	return n, err
}

// copyAll copies with a buffer that fits the memory there is. It is written out
// since io.CopyBuffer compares interfaces, 10 KB of TinyGo's reflect and strconv.
func copyAll(w io.Writer, r io.Reader) (n int64, err error) {
	buf := make([]byte, copyBuffer)
	for {
		got, err := r.Read(buf)
		if got > 0 {
			put, werr := w.Write(buf[:got])
			if werr == nil && put != got {
				werr = io.ErrShortWrite
			}
			n += int64(max(0, min(put, got)))
			if werr != nil {
				return n, werr
			}
		}
		if err != nil {
			if isEOF(err) {
				err = nil
			}
			return n, err
		}
	}
}

// CloseRead shuts the receiving side of the connection.
func (c *TCPConn) CloseRead() error { return c.shutdown(shutRd) }

// CloseWrite shuts the sending side: the peer reads the end of the stream. A
// device that cannot do it gives errors.ErrUnsupported.
func (c *TCPConn) CloseWrite() error { return c.shutdown(shutWr) }

// SetLinger says what Close does with data that was not sent yet: drop it after
// that many seconds, at once for 0; go on sending for a negative number.
func (c *TCPConn) SetLinger(sec int) error { return c.setOption(solSocket, soLinger, sec) }

// SetNoDelay says whether small segments are sent at once. Which is the
// default is the device's choice.
func (c *TCPConn) SetNoDelay(noDelay bool) error { return c.setOption(solTCP, tcpNodelay, noDelay) }

// SetKeepAlive says whether an idle connection is probed.
func (c *TCPConn) SetKeepAlive(keepalive bool) error {
	return c.setOption(solSocket, soKeepalive, keepalive)
}

// SetKeepAlivePeriod sets how long the connection is idle before it is probed.
func (c *TCPConn) SetKeepAlivePeriod(d time.Duration) error {
	switch {
	case d == 0:
		d = defaultKeepAlive
	case d < 0: // it stays as it is
		if !c.ok() {
			return errInvalid
		}
		return nil
	}
	return c.setOption(solTCP, tcpKeepidle, d)
}

// defaultKeepAlive is how long a connection is idle before it is probed, and
// how long a probe waits for its answer.
const defaultKeepAlive = 15 * time.Second

// KeepAliveConfig says how an idle connection is probed. Zero fields stand for
// 15 s, 15 s and 9; negative ones leave the device's setting.
type KeepAliveConfig struct {
	Enable   bool          // probe at all
	Idle     time.Duration // before the first probe
	Interval time.Duration // between probes
	Count    int           // probes without an answer before the connection is dropped
}

// SetKeepAliveConfig says how an idle connection is probed.
func (c *TCPConn) SetKeepAliveConfig(config KeepAliveConfig) error {
	if err := c.SetKeepAlive(config.Enable); err != nil {
		return err
	}
	for _, o := range [...]struct {
		opt  int
		time time.Duration
	}{{tcpKeepidle, config.Idle}, {tcpKeepintvl, config.Interval}} {
		if o.time == 0 {
			o.time = defaultKeepAlive
		}
		if o.time > 0 {
			if err := c.setOption(solTCP, o.opt, o.time); err != nil {
				return err
			}
		}
	}
	if config.Count == 0 {
		config.Count = 9
	}
	if config.Count > 0 {
		return c.setOption(solTCP, tcpKeepcnt, config.Count)
	}
	return nil
}

// keepAlive does what a Dialer or ListenConfig asks for: probing, unless the
// period is negative. A device that cannot is no error: the connection works
// without.
func (c *TCPConn) keepAlive(period time.Duration, config KeepAliveConfig) {
	if !config.Enable && period >= 0 {
		config = KeepAliveConfig{Enable: true, Idle: period}
	}
	if config.Enable {
		c.SetKeepAliveConfig(config)
	}
}

// MultipathTCP reports false: devices do not have it.
func (c *TCPConn) MultipathTCP() (bool, error) {
	if !c.ok() {
		return false, errInvalid
	}
	return false, nil
}

// TCPListener is a listener for TCP connections, on the device, in memory or
// both.
type TCPListener struct {
	p unsafe.Pointer // *loopListener, or nil; see conn
}

// ListenTCP listens at laddr. network is "tcp", "tcp4" or "tcp6". A nil laddr
// or one without an IP stands for all addresses; port 0 is any free one.
func ListenTCP(network string, laddr *TCPAddr) (*TCPListener, error) {
	l, err := listenTCPAddr(network, laddr)
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Addr: laddr.opAddr(), Err: err}
	}
	return l, nil
}

func listenTCPAddr(network string, laddr *TCPAddr) (*TCPListener, error) {
	if laddr == nil {
		laddr = &TCPAddr{}
	}
	b, err := bindingFor("tcp", network, laddr.IP, laddr.Port, laddr.Zone)
	if err != nil {
		return nil, err
	}
	return (*ListenConfig)(nil).listenTCP(network, b, laddr.AddrPort())
}

// listenTCP listens at a binding for the address at. lc may be nil for the zero
// ListenConfig.
func (lc *ListenConfig) listenTCP(network string, b *binding, at netip.AddrPort) (*TCPListener, error) {
	l := newLoopListener(b, network)
	memory, device := b.where()
	if memory {
		b.listener = l
		listenInMemory()
	}
	if device {
		var err error
		if l.dev, err = b.open(); err != nil {
			return nil, err
		}
		if memory && l.dev.timed() {
			l.dev.pending = l.pending
		}
	}
	var err error
	if lc != nil {
		l.keepAlive = lc.keepAlive
		err = lc.control(network, b.domain(), TCPAddrFromAddrPort(at), l.dev)
	}
	if err == nil {
		err = b.bind(l.dev)
		if err == nil && l.dev != nil {
			if err = l.dev.listen(); err != nil {
				b.release()
			}
		}
	}
	if err != nil {
		if l.dev != nil {
			l.dev.abandon()
		}
		return nil, err
	}
	l.laddr = TCPAddrFromAddrPort(b.local)
	return &TCPListener{unsafe.Pointer(l)}, nil
}

func (lc *ListenConfig) keepAlive(c *TCPConn) { c.keepAlive(lc.KeepAlive, lc.KeepAliveConfig) }

func (l *TCPListener) ok() bool { return l != nil && l.p != nil }

func (l *TCPListener) state() *loopListener { return (*loopListener)(l.p) }

func (l *TCPListener) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	s := l.state()
	return &OpError{Op: op, Net: s.net, Addr: s.laddr, Err: err}
}

// AcceptTCP waits for a connection. After the deadline the error is
// os.ErrDeadlineExceeded, after Close it is ErrClosed, both wrapped.
func (l *TCPListener) AcceptTCP() (*TCPConn, error) {
	if !l.ok() {
		return nil, errInvalid
	}
	s := l.state()
	c, err := s.accept()
	if err != nil {
		return nil, l.fail("accept", err)
	}
	if s.keepAlive != nil {
		s.keepAlive(c)
	} else {
		c.keepAliveByDefault()
	}
	return c, nil
}

// Accept is AcceptTCP.
func (l *TCPListener) Accept() (Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Close ends the listening. Blocked Accepts return; connections that were
// accepted stay.
func (l *TCPListener) Close() error {
	if !l.ok() {
		return errInvalid
	}
	return l.fail("close", l.state().close())
}

// Addr returns the address that it listens on, a *TCPAddr with the real port.
// Callers share it and must not change it.
func (l *TCPListener) Addr() Addr {
	if !l.ok() {
		return nil
	}
	return l.state().laddr
}

// SetDeadline sets the deadline of Accept, for blocked ones too.
func (l *TCPListener) SetDeadline(t time.Time) error {
	if !l.ok() {
		return errInvalid
	}
	return l.fail("set", l.state().setDeadline(t))
}

// File returns a duplicate of the listener's descriptor as a file, which the
// caller closes; closing one does not affect the other. Where the listener has
// no descriptor it fails with errors.ErrUnsupported.
func (l *TCPListener) File() (*os.File, error) {
	if !l.ok() {
		return nil, errInvalid
	}
	s := l.state()
	f, err := socketFile(s.dev, s.net, s.laddr, nil)
	if err != nil {
		return nil, l.fail("file", err)
	}
	return f, nil
}

// SyscallConn returns access to the listener's descriptor, for Control alone.
// Where it has none SyscallConn fails with errors.ErrUnsupported.
func (l *TCPListener) SyscallConn() (syscall.RawConn, error) {
	if !l.ok() {
		return nil, errInvalid
	}
	s := l.state()
	raw, err := newRawConn(s.dev, s.net, s.laddr, nil)
	if err != nil {
		return nil, l.fail("raw-control", err)
	}
	return rawListener{raw}, nil
}
