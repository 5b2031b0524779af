package espat

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

type linkKind byte

const (
	linkFree linkKind = iota
	linkTCP
	linkSSL
	linkUDP
)

// link is one of the five connections. A link that is reserved is being opened
// and has neither conn nor packet.
type link struct {
	id       int
	kind     linkKind
	gen      uint64 // counts uses of the id
	v6       bool
	server   bool // it was accepted
	open     bool
	ctx      context.Context // of this use
	cancel   context.CancelFunc
	conn     network.Conn
	peeked   []byte // taken from conn to find out how it ended
	ssl      *sslEnd
	packet   network.PacketConn
	station  network.Station
	peer     netip.AddrPort // of UDP: where sends go
	mode     int            // of UDP: 0 peer fixed, 1 changes once, 2 follows
	changed  bool           // mode 1 has
	dgrams   []dgram        // of UDP in passive mode
	offset   int            // read of dgrams[0]
	announce bool           // the host was told of data
	active   time.Time      // last traffic, for CIPSTO
	idle     clock.Timer
}

// dgram is a datagram that waits.
type dgram struct {
	data []byte
	from netip.AddrPort
}

// take reserves the id for a new use.
func (l *link) take(f *firmware, kind linkKind) {
	gen := l.gen + 1
	*l = link{id: l.id, kind: kind, gen: gen}
	l.ctx, l.cancel = context.WithCancel(f.ctx)
}

// release frees the id.
func (l *link) release() {
	if l.cancel != nil {
		l.cancel()
	}
	if l.idle != nil {
		l.idle.Stop()
	}
	if l.ssl != nil {
		l.ssl.close()
	}
	if l.conn != nil {
		l.conn.Close()
	}
	if l.packet != nil {
		l.packet.Close()
	}
	*l = link{id: l.id, gen: l.gen + 1}
}

// touch restarts the idle time of an accepted link.
func (l *link) touch(f *firmware) { l.active = f.c.clk.Now() }

// kindName is the type as CIPSTART has it.
func (l *link) kindName() string {
	name := [...]string{"", "TCP", "SSL", "UDP"}[l.kind]
	if l.v6 {
		name += "v6"
	}
	return name
}

// remote is the peer: of UDP, where sends go.
func (l *link) remote() netip.AddrPort {
	if l.conn != nil {
		return l.conn.RemoteAddr()
	}
	return l.peer
}

func (l *link) localPort() uint16 {
	switch {
	case l.conn != nil:
		return l.conn.LocalAddr().Port()
	case l.packet != nil:
		return l.packet.Port()
	}
	return 0
}

// available returns how many bytes can be read.
func (l *link) available() int {
	switch {
	case l.ssl != nil:
		return l.ssl.available()
	case l.conn != nil:
		return len(l.peeked) + l.conn.Buffered()
	}
	n := -l.offset
	for _, d := range l.dgrams {
		n += len(d.data)
	}
	return max(n, 0)
}

// ended reports whether the stream is over and nothing is left to be read. A
// reset throws away what is unread.
func (l *link) ended() bool {
	switch {
	case l.ssl != nil:
		return l.ssl.ended()
	case l.conn == nil || !l.conn.Ended():
		return false
	}
	if len(l.peeked) == 0 && l.conn.Buffered() > 0 {
		var b [1]byte
		n, _, err := l.conn.Read(b[:])
		if n == 0 {
			return err != nil && !errors.Is(err, network.ErrWouldBlock)
		}
		l.peeked = b[:n]
	}
	return len(l.peeked) == 0
}

// read takes bytes of a stream, over several segments.
func (l *link) read(p []byte) int {
	if l.ssl != nil {
		return l.ssl.read(p)
	}
	n := copy(p, l.peeked)
	l.peeked = l.peeked[n:]
	for n < len(p) {
		m, _, err := l.conn.Read(p[n:])
		n += m
		if err != nil || m == 0 {
			break
		}
	}
	return n
}

// tcpip is the firmware's TCP/IP commands and links.
type tcpip struct {
	mux      bool
	links    [maxLinks]link
	dinfo    bool
	passive  [maxLinks]bool
	report   [maxLinks]bool // CIPRECVTYPE's third: lengths are of the next datagram
	server   server
	persist  bool
	opt      [maxLinks]tcpOpt
	ssl      [maxLinks]sslConf
	maxConn  int
	everOpen bool
}

// tcpOpt is what CIPTCPOPT sets.
type tcpOpt struct {
	linger, nodelay, sndtimeo, keepalive int
}

func (t *tcpip) init(f *firmware) {
	for i := range t.links {
		t.links[i].id = i
		t.opt[i].linger = -1
	}
	t.maxConn = maxLinks
}

// end closes everything, in silence.
func (t *tcpip) end() {
	t.server.close()
	for i := range t.links {
		t.links[i].release()
	}
}

// linkLost is what the loss of the station's address does to its links. UDP
// links stay.
func (t *tcpip) linkLost(f *firmware) {
	for i := range t.links {
		l := &t.links[i]
		if l.kind == linkFree || l.kind == linkUDP || l.station != f.wifi.station {
			continue
		}
		switch {
		case !l.open:
			l.cancel() // a CIPSTART is under way, and will fail
		case !t.persist:
			f.closed(l)
		}
	}
}

// stationGone closes what was on a network that is no longer there.
func (t *tcpip) stationGone(f *firmware, st network.Station) {
	for i := range t.links {
		l := &t.links[i]
		if l.station != st {
			continue
		}
		if l.open {
			f.closed(l)
		} else {
			l.cancel()
		}
	}
	t.server.forget(st)
}

// prefix is what stands before a message about a link.
func (f *firmware) prefix(l *link) string {
	if f.tcp.mux {
		return fmt.Sprintf("%d,", l.id)
	}
	return ""
}

// closed frees a link and says so.
func (f *firmware) closed(l *link) {
	f.out(f.prefix(l) + "CLOSED\r\n")
	l.release()
	f.poke() // the server may have room again
}

// opened says that a link is open.
func (f *firmware) opened(l *link) {
	l.open = true
	f.tcp.everOpen = true
	l.touch(f)
	if f.sysmsg&2 == 0 {
		f.out(f.prefix(l) + "CONNECT\r\n")
		return
	}
	r := l.remote()
	f.out(fmt.Sprintf("+LINK_CONN:0,%d,%s,%d,%s,%d,%d\r\n", l.id, quote(l.kindName()), b2i(l.server),
		quote(f.addrText(l, r.Addr())), r.Port(), l.localPort()))
}

// anyOpen reports whether a link is in use.
func (t *tcpip) anyOpen() bool {
	for i := range t.links {
		if t.links[i].kind != linkFree {
			return true
		}
	}
	return false
}

// linkID reads the link's number that commands begin with if there are several
// links. most is the highest.
func (f *firmware) linkID(a *args, most int) int {
	if !f.tcp.mux {
		return 0
	}
	return a.number(0, most)
}

func (f *firmware) cmdCIPMUX(r request) fault {
	t := &f.tcp
	if r.form == formQuery {
		f.reply(r, "%d", b2i(t.mux))
		return 0
	}
	a := args{list: r.params}
	on := a.number(0, 1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	if t.anyOpen() || on == 0 && t.server.on {
		if t.anyOpen() {
			f.logs("link is builded")
		}
		return failed
	}
	t.mux = on == 1
	return 0
}

// cmdCIPMODE knows no passthrough.
func (f *firmware) cmdCIPMODE(r request) fault {
	if r.form == formQuery {
		f.reply(r, "0")
		return 0
	}
	a := args{list: r.params}
	mode := a.number(0, 1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	if mode != 0 {
		f.note("passthrough is not simulated")
		return failed
	}
	return 0
}

func (f *firmware) cmdCIPSTART(r request) fault {
	return f.startLink(args{list: r.params}, false)
}

func (f *firmware) cmdCIPSTARTEX(r request) fault {
	if !f.tcp.mux {
		return failed
	}
	return f.startLink(args{list: r.params}, true)
}

const hostMost = 64 // bytes of a name in CIPSTART (esp-at docs)

// linkTypes are the first words of CIPSTART, in capitals.
var linkTypes = map[string]linkKind{"TCP": linkTCP, "SSL": linkSSL, "UDP": linkUDP}

func (f *firmware) startLink(a args, lowest bool) fault {
	t := &f.tcp
	id := 0
	switch {
	case lowest:
		for id < maxLinks && t.links[id].kind != linkFree {
			id++
		}
		if id == maxLinks {
			return failed
		}
	case t.mux:
		id = a.number(0, maxLinks-1)
	}
	kindText := a.str(5)
	base, v6 := strings.CutSuffix(kindText, "v6")
	kind, known := linkTypes[base]
	if a.bad == 0 && (!known || v6 && (f.v.esp8266() || !f.v.since(2, 2))) {
		a.fail(subInvalid)
	}
	host := a.str(hostMost)
	port := a.number(0, 65535)
	var lport, mode, timeout int
	if kind == linkUDP {
		lport = a.numberOr(0, 65535, 0)
		mode = a.numberOr(0, 2, 0)
	} else {
		keepalive := 7200
		a.numberOr(0, keepalive, 0)
	}
	if f.v.since(2, 2) && !f.v.esp8266() {
		a.strOr(45, "") // local address
	}
	if f.v.since(4, 1) {
		timeout = a.numberOr(0, 60000, 0)
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	if !f.online() && !f.ap.on {
		f.logs("no ip")
		return failed
	}
	l := &t.links[id]
	if l.kind != linkFree {
		f.logs("ALREADY CONNECTED")
		return failed
	}
	if v6 && !f.wifi.ipv6 || port == 0 && kind != linkUDP {
		return failed
	}
	if kind == linkSSL && t.count(linkSSL) >= f.v.sslLinks() {
		f.note("no memory for another SSL link")
		return failed
	}
	l.take(f, kind)
	l.v6 = v6
	gen := l.gen
	err := f.openLink(l, host, uint16(port), uint16(lport), mode, time.Duration(timeout)*time.Millisecond)
	if f.dead() {
		return finished
	}
	if err != nil {
		f.note("link %d: %v", id, err)
		f.errno = errnoOf(err)
		if l.gen == gen {
			l.release()
		}
		f.poke()
		if f.odd.hit(OddLateClosed) {
			f.after = append(f.after, func() { f.out(f.prefix(l) + "CLOSED\r\n") })
		}
		return failed
	}
	f.opened(l)
	f.after = append(f.after, f.poke)
	return 0
}

func (t *tcpip) count(kind linkKind) int {
	n := 0
	for i := range t.links {
		if t.links[i].kind == kind {
			n++
		}
	}
	return n
}

// openLink opens a link that was taken. It waits as long as that takes.
func (f *firmware) openLink(l *link, host string, port, lport uint16, mode int, timeout time.Duration) error {
	ctx, gen := l.ctx, l.gen
	addr, err := f.resolve(ctx, host, l.v6)
	if err != nil {
		return err
	}
	if f.dead() || l.gen != gen {
		return context.Canceled
	}
	st := f.stationFor(addr)
	l.station = st
	if l.kind == linkUDP {
		if st == nil {
			return network.ErrDown
		}
		p, err := st.ListenPacket(lport)
		if err != nil {
			return err
		}
		l.packet, l.peer, l.mode = p, netip.AddrPortFrom(addr, port), mode
		if addr.IsMulticast() {
			if err := p.JoinGroup(addr); err != nil {
				f.note("join %v: %v", addr, err)
			}
		}
		return nil
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		defer f.c.clk.AfterFunc(timeout, cancel).Stop()
	}
	if st == nil {
		f.c.block(func() { <-ctx.Done() })
		return network.ErrUnreachable
	}
	var conn network.Conn
	f.c.block(func() { conn, err = st.Connect(ctx, netip.AddrPortFrom(addr, port)) })
	if err != nil {
		return err
	}
	if f.dead() || l.gen != gen || l.ctx.Err() != nil {
		conn.Close()
		return context.Canceled
	}
	l.conn = conn
	if l.kind == linkSSL {
		return f.handshakeClient(l)
	}
	return nil
}

// stationFor returns the network that an address is on.
func (f *firmware) stationFor(addr netip.Addr) network.Station {
	if f.ap.station != nil {
		bits := maskBits(f.ap.addr.mask)
		if p, err := f.ap.addr.ip.Prefix(bits); err == nil && p.Contains(addr) || !f.online() {
			return f.ap.station
		}
	}
	if !f.online() {
		return nil
	}
	return f.wifi.station
}

// Errors of +ERRNO: lwIP's.
const (
	errnoTimeout = 0x74
	errnoReset   = 0x68
	errnoHost    = 0x76
	errnoDNS     = 0xca
	errnoTLS     = 0x8004
)

func errnoOf(err error) uint32 {
	var bad *handshakeError
	switch {
	case errors.As(err, &bad):
		return errnoTLS
	case errors.Is(err, network.ErrRefused), errors.Is(err, network.ErrReset):
		return errnoReset
	case errors.Is(err, network.ErrUnknownHost):
		return errnoDNS
	case errors.Is(err, network.ErrDown):
		return errnoHost
	}
	return errnoTimeout
}

func (f *firmware) cmdCIPCLOSE(r request) fault {
	t := &f.tcp
	a := args{list: r.params}
	if t.mux != (r.form == formSet) {
		return failed
	}
	id := f.linkID(&a, maxLinks)
	if bad := a.end(); bad != 0 {
		return bad
	}
	if id == maxLinks {
		for i := range t.links {
			if l := &t.links[i]; l.open {
				f.closed(l)
			}
		}
		return 0
	}
	l := &t.links[id]
	if !l.open {
		f.logs("link is not")
		return failed
	}
	f.closed(l)
	return 0
}

// linkLine is a line of CIPSTATE and CIPSTATUS.
func (f *firmware) linkLine(l *link) string {
	r := l.remote()
	return fmt.Sprintf("%d,%s,%s,%d,%d,%d", l.id, quote(l.kindName()), quote(f.addrText(l, r.Addr())), r.Port(), l.localPort(), b2i(l.server))
}

func (f *firmware) cmdCIPSTATE(r request) fault {
	for i := range f.tcp.links {
		if l := &f.tcp.links[i]; l.open {
			f.reply(r, "%s", f.linkLine(l))
		}
	}
	return 0
}

func (f *firmware) cmdCIPSTATUS(r request) fault {
	t := &f.tcp
	n := 5
	open := false
	for i := range t.links {
		open = open || t.links[i].open
	}
	switch {
	case f.wifi.mode == 0:
		n = 0
	case open:
		n = 3
	case f.online() && t.everOpen:
		n = 4
	case f.online():
		n = 2
	case f.v.since(2, 1) && f.wifi.state == linkNever:
		n = 1
	}
	f.print(fmt.Sprintf("STATUS:%d\r\n", n))
	for i := range t.links {
		if l := &t.links[i]; l.open {
			f.reply(r, "%s", f.linkLine(l))
		}
	}
	return 0
}

func (f *firmware) cmdCIPTCPOPT(r request) fault {
	t := &f.tcp
	if r.form == formQuery {
		for i := range t.opt {
			o := &t.opt[i]
			if f.v.since(2, 2) {
				f.reply(r, "%d,%d,%d,%d,%d", i, o.linger, o.nodelay, o.sndtimeo, o.keepalive)
			} else {
				f.reply(r, "%d,%d,%d,%d", i, o.linger, o.nodelay, o.sndtimeo)
			}
		}
		return 0
	}
	a := args{list: r.params}
	id := f.linkID(&a, maxLinks)
	o := tcpOpt{
		linger:   a.numberOr(-1, 65535, -1),
		nodelay:  a.numberOr(0, 1, 0),
		sndtimeo: a.numberOr(0, 1<<31-1, 0),
	}
	if f.v.since(2, 2) {
		o.keepalive = a.numberOr(0, 7200, 0)
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	for i := range t.opt {
		if i == id || id == maxLinks || !t.mux {
			t.opt[i] = o
		}
	}
	return 0
}

func (f *firmware) cmdCIPCONNPERSIST(r request) fault {
	if r.form == formQuery {
		f.reply(r, "%d", b2i(f.tcp.persist))
		return 0
	}
	a := args{list: r.params}
	on := a.number(0, 1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.tcp.persist = on == 1
	return 0
}

// netTask looks after the links whenever something came in.
func (f *firmware) netTask() {
	for !f.dead() {
		f.c.block(func() {
			select {
			case <-f.frame:
			case <-f.ctx.Done():
			}
		})
		if f.dead() {
			return
		}
		f.oddHold()
		f.scan()
	}
}

// scan tells the host of what has come in.
func (f *firmware) scan() {
	for i := range f.tcp.links {
		l := &f.tcp.links[i]
		if l.open {
			f.receive(l)
		}
		if f.dead() {
			return
		}
	}
	f.serve()
}
