package espat

import (
	"net/netip"
	"time"

	"tinynet/offload"
)

// bind gives a socket its local port: a datagram socket gets its link, a listener
// the port to listen on. Of a connection the module chooses the port.
func (c *chip) bind(s *offload.Socket, port uint16) fault {
	if s.IsDatagram() {
		return c.bindDatagram(s, port)
	}
	return 0
}

// connect begins to connect a stream.
func (c *chip) connect(s *offload.Socket, host string, to netip.AddrPort) (bool, fault) {
	i := int(s.Handle)
	if s.IsTLS() && !to.Addr().IsValid() && len(host) > hostMax {
		ip, err := c.resolve(host, 0)
		if err != 0 {
			return false, err
		}
		to = netip.AddrPortFrom(ip, to.Port())
	}
	for try := 0; try < maxLinks; try++ {
		// A connection that comes in may take the link first: then with another.
		if err := c.ready(); err != 0 {
			return false, err
		}
		link := c.freeLink()
		if link == noLink {
			return false, errNoMoreSockets
		}
		if err := c.passiveLink(link); err != 0 {
			return false, err
		}
		kind := `,"TCP`
		if s.IsTLS() {
			kind = `,"SSL`
			if err := c.configureTLS(link, host); err != 0 {
				return false, err
			}
		}
		c.at("+CIPSTART=").num(link).raw(kind)
		if to.Addr().Is6() {
			c.raw("v6")
		}
		c.raw(`",`)
		if to.Addr().IsValid() {
			c.ip(to.Addr())
		} else {
			c.text(host)
		}
		c.char(',').num(int(to.Port()))
		if err := c.start(i, link, c.lim().dial); err != 0 {
			return false, err
		}
		// That it is busy the module says at once.
		if c.await(stepFinal, c.byteTime(c.outn)+5*millisecond, never) != 0 {
			return false, 0
		}
		switch k := &c.conns[i]; k.state {
		case connRefused:
			// So it is, too, if the module has the link open and the driver has lost
			// sight of it.
			if _, err := c.look(); err != 0 || c.seen&bit(link) == 0 {
				return false, c.refusal(k)
			}
		case connNew:
		default:
			return true, 0
		}
	}
	return false, errNoMoreSockets
}

// start sends the command that was built, which opens a link.
func (c *chip) start(i, link int, limit span) fault {
	if err := c.issue(jobStart, stepFinal, wantNothing, "", limit); err != 0 {
		return err
	}
	k := &c.conns[i]
	k.state, k.link = connStarting, int8(link)
	c.jobConn, c.jobLink = int8(i), int8(link)
	c.up, c.down, c.localPort = false, false, 0
	return 0
}

// started takes the result of it. Without a conn nobody wants the link any more.
func (c *chip) started(i int8, r result) {
	link := c.jobLink
	c.jobLink = noLink
	if i == noConn {
		if r != resultError {
			c.orphans |= bit(int(link))
		}
		return
	}
	k := &c.conns[i]
	switch {
	case k.link != link:
		k.state = connNew // the link was another's
	case r == resultOK:
		k.state = connOpen
		c.pace()
		if s := c.eng.Socket(offload.Handle(i)); s != nil && !k.kind.IsDatagram() {
			c.eng.SetPort(s, c.localPort)
		}
		if c.down {
			c.end(int(i))
		}
	default:
		k.state, k.link = connRefused, noLink
		if k.reset = r == resultLost; k.reset {
			c.orphans |= bit(int(link))
		}
	}
	c.notify(int(i), offload.Writable)
}

// refusal says why a connection could not be made.
func (c *chip) refusal(k *conn) fault {
	switch {
	case !c.joined && !c.isAP():
		return errLost
	case k.reset:
		return errNoAnswer
	case k.kind.IsTLS():
		return c.because(errTLS)
	}
	return errNoRoute
}

// listen makes a socket the server.
func (c *chip) listen(s *offload.Socket) fault {
	if err := c.ready(); err != 0 { // and stops the last
		return err
	}
	needingServer()
	if c.server != noConn {
		return c.because(errOneServer)
	}
	if s.Port == 0 {
		return errAddrInUse
	}
	if n := c.cfg.MaxConns; n > 0 && n < maxLinks {
		if err := c.at("+CIPSERVERMAXCONN=").num(n).run(); err != 0 {
			return err
		}
	}
	c.server = int8(s.Handle)
	err := c.serve(s)
	if err == errRefused {
		// One may run that the driver has lost sight of.
		c.short("AT+CIPSERVER=", 0)
		err = c.serve(s)
	}
	if err != 0 {
		switch c.server = noConn; err {
		case errRefused:
			err = errAddrInUse
		case errNoAnswer:
			c.orphans |= orphanServer // it may run
		}
		return err
	}
	c.of(s).state = connListening
	c.pace()
	// The firmware's own default closes idle connections, on some versions.
	err = c.at("+CIPSTO=").num(min(int(c.cfg.IdleTimeout/time.Second), 7200)).run()
	if err == errRefused {
		err = 0
	}
	return err
}

func (c *chip) serve(s *offload.Socket) fault {
	c.at("+CIPSERVER=1,").num(int(s.Port))
	if !s.IsTLS() {
		if s.V6 {
			c.raw(`,"TCPv6"`)
		}
	} else {
		if c.fw.esp8266 || !c.fw.least(2, 1) {
			return c.because(errNoTLSServer)
		}
		c.raw(`,"SSL`)
		if s.V6 {
			c.raw("v6")
		}
		c.char('"')
		if t := c.cfg.TLS; needTLS && t != nil && t.ServerVerify {
			c.raw(",1")
		}
	}
	return c.run()
}

// unlisten stops the server, in a while, and closes what it has accepted and the
// program has not.
func (c *chip) unlisten() {
	c.server = noConn
	c.orphans |= orphanServer
	for i := range c.conns {
		if k := &c.conns[i]; k.state == connPending {
			if k.link != noLink {
				c.orphans |= bit(int(k.link))
			}
			c.dropData(i)
			k.renew(connFree, 0)
		}
	}
}

const orphanServer = 1 << 7

// pending returns the connection that has waited longest for Accept.
func (c *chip) pending() int {
	best := noConn
	for i := range c.conns {
		if k := &c.conns[i]; k.state == connPending && (best == noConn || int8(k.age-c.conns[best].age) < 0) {
			best = i
		}
	}
	return best
}

// accept takes a connection that the server has accepted.
func (c *chip) accept(l, s *offload.Socket) (bool, fault) {
	c.pump()
	if err := c.state(); err != 0 {
		return false, err
	}
	i := c.pending()
	if i == noConn {
		return false, 0
	}
	k := &c.conns[i]
	if k.link != noLink && (!c.peers[k.link].known() || c.active&bit(int(k.link)) != 0) {
		if !c.free() {
			c.of(l).blocked = true
			return false, 0
		}
		link := int(k.link)
		if !c.peers[link].known() {
			if _, err := c.look(); err != 0 {
				return false, err
			}
		}
		if err := c.passiveLink(link); err != 0 {
			return false, err
		}
		if k.state != connPending {
			return false, 0 // it ended meanwhile
		}
	}
	s.Peer = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	if k.link != noLink {
		if from := &c.peers[k.link]; from.known() {
			s.Peer = from.addrPort()
		}
		k.state = connOpen
	} else {
		k.state = connClosed
	}
	s.Handle = offload.Handle(i)
	s.Signalled = true
	return true, 0
}

// send sends on a stream. Once the module has the data it may still be at it, and
// the next command waits for that.
func (c *chip) send(s *offload.Socket, p []byte) (int, fault) {
	i := int(s.Handle)
	k := &c.conns[i]
	if !c.free() {
		k.blocked = c.state() == 0
		return 0, c.state()
	}
	if err := c.verdict(k); err != 0 {
		return 0, err
	}
	if k.state != connOpen {
		return 0, c.why(k, errConnReset)
	}
	n := min(len(p), c.fw.sendMax())
	if k.opts&optFar != 0 && c.fw.esp8266 && !c.fw.nonos() || c.pushing() {
		n = min(n, shortSend)
	}
	if k.kind.IsTLS() {
		n = min(n, tlsSend)
	}
	if string(p[:n]) == "+++" {
		n = 2 // alone it would end data mode
	}
	c.at("+CIPSEND=").num(int(k.link)).char(',').num(n)
	if err := c.deliver(i, p[:n]); err != 0 {
		if !c.mine { // nothing was sent, since the call has to end
			k.blocked = c.state() == 0
			return 0, c.state()
		}
		if err == errRefused { // there is no such link
			c.pump()
			err = c.why(k, errConnReset)
		}
		return 0, err
	}
	return n, 0
}

// shortSend is half the send buffer of the ESP8266's ESP-AT 2. Once the peer is so far away
// that sends wait for its acknowledgements, two such halves make best use of it; of two
// sends of the most that CIPSEND takes, the second would wait with most of itself. And
// while one lasts, the pool has to have room for what is pushed.
const shortSend = 1440

// tlsSend and what two records add to it fit into the send buffer. What does not would wait
// for the peer.
const tlsSend = 5600

// pushing reports whether data may come that were not asked for.
func (c *chip) pushing() bool {
	for i := range c.conns {
		if k := &c.conns[i]; k.kind.IsDatagram() && k.state == connOpen {
			return true
		}
	}
	return !c.passive
}

// pace has the UART looked at as often as it has to be if data may come unasked.
func (c *chip) pace() {
	t := time.Second
	if !c.flow && c.pushing() {
		t = c.byteTime(ringHalf).duration()
	}
	c.eng.SetSignalTime(t)
}

// deliver sends the command that was built, one of CIPSEND, and then its data.
func (c *chip) deliver(i int, p []byte) fault {
	link := c.conns[i].link
	c.sending = len(p)
	if err := c.issue(jobSend, stepPrompt, wantNothing, "", c.lim().answer); err != 0 {
		return err
	}
	c.jobConn, c.sentConn = int8(i), int8(i)
	if c.await(stepPrompt, 0, c.lim().grace) != 0 {
		c.late()
	}
	if c.step != stepData {
		return c.outcome()
	}
	if j := c.connOf(int(link)); j != noConn && j != i {
		// The link has ended, and was given to another before the command arrived: it
		// would get the data.
		c.late()
		return errDataLost
	}
	// All of it, even if the link has ended meanwhile: the module waits for it. What
	// comes meanwhile has to be taken, since the UART keeps little.
	c.sending = len(p)
	c.within(2*c.byteTime(len(p)) + c.lim().answer)
	for ; len(p) > ringHalf && c.step == stepData; p = p[ringHalf:] {
		c.write(p[:ringHalf])
		c.pump()
	}
	if c.step != stepData {
		return errDataLost // the module has restarted
	}
	c.write(p)
	c.step = stepRecv
	if c.await(stepRecv, 0, c.lim().grace) != 0 {
		return errNoAnswer // and it stays outstanding: see watch
	}
	if c.step == stepIdle {
		if c.result == resultOK {
			return 0
		}
		return errDataLost
	}
	c.within(c.lim().send)
	return 0
}

// recv receives what the module has of a stream.
func (c *chip) recv(s *offload.Socket, p []byte) (int, fault) {
	i := int(s.Handle)
	k := &c.conns[i]
	c.pump()
	c.awaitNext(i)
	k.news = c.tick()
	for again := false; ; again = true {
		if n := c.pool.stream(i, p); n > 0 {
			return n, 0
		}
		if err := c.verdict(k); err != 0 {
			return 0, err
		}
		if again || k.state != connOpen {
			break
		}
		c.awaitNotice(i)
	}
	if k.state == connOpen && k.avail {
		if !c.free() {
			k.blocked = c.state() == 0
			return 0, c.state()
		}
		return c.read(i, p, c.fw.recvMax())
	}
	if k.state == connClosed {
		return 0, c.why(k, errEOF)
	}
	return 0, 0
}

// awaitNext waits, right after data were pushed, for the first bytes of what follows: if
// a byte of the data is lost, they had to take its place.
func (c *chip) awaitNext(i int) {
	w := &c.wire
	most := c.byteTime(3) + spanOf(50*time.Microsecond)
	var n nap
	for w.fresh && c.pool.fresh && c.dataConn == int8(i) && c.since(w.heard) < most {
		c.sleep(&n)
		c.pump()
	}
}

// awaitNotice waits, right after data were read, for the notice of the next, which
// comes close behind: that is quicker than to be told by the engine.
func (c *chip) awaitNotice(i int) {
	if c.readConn != int8(i) {
		return
	}
	k := &c.conns[i]
	most := spanOf(300*time.Microsecond) + c.byteTime(25)
	var n nap
	for !k.avail && k.state == connOpen && c.since(c.readAt) < most {
		c.sleep(&n)
		c.pump()
	}
}

// read asks for data of a conn's link: at most most bytes, into p, or to be
// discarded if that is nil.
func (c *chip) read(i int, p []byte, most int) (int, fault) {
	k := &c.conns[i]
	if k.small {
		most = min(most, smallRead)
	}
	if p != nil {
		most = min(most, len(p))
		p = p[:most]
	}
	if k.state != connOpen || most == 0 {
		return 0, 0
	}
	if needDatagrams && c.untold {
		if err := c.tell(); err != 0 && err != errRefused {
			return 0, err
		}
		if k.state != connOpen {
			return 0, 0
		}
	}
	w := &c.wire
	k.avail = false
	c.readConn, c.readLink, c.most, c.got, w.dst = int8(i), k.link, most, 0, p
	c.at("+CIPRECVDATA=").num(int(k.link)).char(',').num(most)
	err := c.exchange(wantData, "", c.lim().answer+c.byteTime(most))
	c.readAt = c.now()
	w.dst = nil
	switch {
	case !c.mine: // it was not sent, since the call has to end
		k.avail, k.blocked = true, c.state() == 0
		return 0, c.state()
	case (err == errRefused && !k.kind.IsDatagram() && !k.kind.IsTLS() || err == 0 && c.got == 0) && k.state != connOpen:
		err = errDataLost // it was reset, with what was announced
	case err == errRefused:
		// There is nothing, or no memory for so much of it: see doubt, too.
		if k.small = true; most > smallRead && !k.kind.IsDatagram() {
			return c.read(i, p, most)
		}
		return 0, 0
	case err != 0:
	case c.got > 0 && !k.reset:
		k.small = k.small && c.got == most // there is more
		return c.got, 0
	default:
		c.dataConn = int8(i)
		c.misframed()
		c.untold = c.untold || c.tells // that may be why
		err = errDataLost
	}
	if k.state != connFree && !k.kind.IsDatagram() {
		k.reset = true
	}
	return 0, err
}

// smallRead is how much is asked for after a read was refused.
const smallRead = 512
