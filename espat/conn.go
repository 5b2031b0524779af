package espat

import (
	"tinynet/offload"
)

// conn is a socket as the driver knows it; its index is the socket's Handle. The module
// has links, numbered 0 to 4, which come and go by themselves and are then used for
// something else. A conn has a link or none, so that a link's number never reaches
// the wrong socket.
type conn struct {
	state   connState
	link    int8 // noLink if it has none
	kind    offload.Kind
	age     uint8  // of one that waits for Accept
	size    uint16 // of the data that the module has, as it said; for datagrams
	avail   bool   // the module has data
	small   bool   // it refused to give them out: fewer at a time
	reset   bool   // data are lost: unread at the end, or on the wire, or not sent
	missed  bool   // it was not in the last list of links
	checked bool   // it ended, and not for the loss of the network
	cut     bool   // the network was lost, and may be there again
	blocked bool   // a call waits for the module to be free
	opts    uint8
	news    uint8 // when it was known what the module has, in ticks
}

// Options of a conn, and what is known of it.
const (
	optGroup = 1 << iota // has joined a multicast group
	optDelay             // TCP: gathers small segments
	optAlive             // TCP: probes when idle
	optFar               // a send waited for the peer
)

type connState uint8

const (
	connFree connState = iota
	connNew            // without a link
	connStarting
	connOpen
	connPending // accepted by the module and not yet by the program
	connListening
	connClosed  // by the peer or the module
	connRefused // could not be started
)

const (
	noLink = -1
	noConn = -1

	// maxSockets is the size of the engine's table: five links, a listener, and one
	// whose link has ended that is still to be closed.
	maxSockets = 7
	// maxConns: those, and links that wait for Accept while the sockets have none.
	// There may be two more, which are then refused.
	maxConns = maxSockets + maxLinks - 2
)

// renew makes a conn a new one, without a link.
//
//go:noinline
func (k *conn) renew(st connState, kind offload.Kind) {
	*k = conn{}
	k.state, k.link, k.kind = st, noLink, kind
}

// newConn returns a conn that is free, or noConn.
func (c *chip) newConn(st connState, kind offload.Kind) int {
	for i := range c.conns {
		if c.conns[i].state == connFree {
			if c.sentConn == int8(i) {
				c.sentConn = noConn
			}
			c.conns[i].renew(st, kind)
			return i
		}
	}
	return noConn
}

// connOf returns the conn that has a link.
func (c *chip) connOf(link int) int {
	for i := range c.conns {
		if k := &c.conns[i]; k.state != connFree && k.link == int8(link) {
			return i
		}
	}
	return noConn
}

// of returns a socket's conn.
func (c *chip) of(s *offload.Socket) *conn { return &c.conns[s.Handle] }

// bit is a link in a set of links.
func bit(link int) uint8 { return 1 << (uint(link) & 7) }

// freeLink returns a link that nothing uses. The module gives accepted connections
// the lowest that is free, so the highest come first; and not the one that was
// used last, of which news may still come.
func (c *chip) freeLink() int {
	for i := 1; i <= maxLinks; i++ {
		link := (int(c.lastLink) + maxLinks - i) % maxLinks
		if c.orphans&bit(link) == 0 && c.connOf(link) == noConn {
			c.lastLink = uint8(link)
			return link
		}
	}
	return noLink
}

// notify says that a conn's socket is ready.
func (c *chip) notify(i int, r offload.Ready) {
	if s := c.eng.Socket(offload.Handle(i)); s != nil {
		c.eng.Notify(s, r)
	}
}

// unblock lets those calls go on that the module was too busy for.
func (c *chip) unblock() {
	for i := range c.conns {
		if k := &c.conns[i]; k.blocked {
			k.blocked = false
			c.notify(i, offload.Readable|offload.Writable)
		}
	}
}

// is reports whether the state is one that only servers have, connListening or connPending.
func (k *conn) is(st connState) bool { return needServer && k.state == st }

// # What the module tells

// connected takes the news that a link is open.
func (c *chip) connected(link int) {
	if c.job == jobStart && c.jobLink == int8(link) {
		c.up = true // its OK is still to come
		return
	}
	c.accepted(link, new(place))
}

// linked takes the long form of the same:
// <status>,<link>,"<type>",<0 client, 1 server>,"<ip>",<port>,<local port>.
func (c *chip) linked(p string) {
	f := fields{p}
	if f.num() != 0 {
		return
	}
	link := f.num()
	f.text()
	server := f.num()
	from := f.peer()
	switch port := f.num(); {
	case uint(link) >= maxLinks:
	case server == 1:
		c.accepted(link, &from)
	case server == 0 && c.job == jobStart && c.jobLink == int8(link):
		c.up = true
		if port > 0 && port <= 0xFFFF {
			c.localPort = uint16(port)
		}
	}
}

// accepted takes the news that the server has accepted a connection.
func (c *chip) accepted(link int, from *place) {
	if i := c.connOf(link); i != noConn {
		if c.conns[i].state == connStarting {
			// Somebody was faster: the command will fail.
			c.conns[i].link = noLink
			c.up = false
		} else {
			c.closed(link) // which was lost on the wire
		}
	}
	if !needServer || c.server == noConn {
		c.orphans |= bit(link)
		return
	}
	i := c.newConn(connPending, c.conns[c.server].kind)
	if i == noConn {
		c.orphans |= bit(link)
		return
	}
	k := &c.conns[i]
	k.link = int8(link)
	c.ages++
	k.age = c.ages
	c.peers[link] = *from
	c.notify(int(c.server), offload.Readable)
}

// closed takes the news that a link has ended.
func (c *chip) closed(link int) {
	c.orphans &^= bit(link)
	i := c.connOf(link)
	if i == noConn {
		return
	}
	if c.closing == int8(link) {
		c.conns[i].reset = true // it was meant for the one before, and is no end
	}
	switch k := &c.conns[i]; {
	case k.state == connStarting:
		c.up, c.down = false, c.up
	case k.state == connNew || k.state == connRefused:
		k.link = noLink
	case k.is(connPending):
		if k.link = noLink; !c.pool.holds(i) {
			k.state = connFree
		}
	default:
		c.end(i)
	}
}

// end marks a conn whose link has ended.
func (c *chip) end(i int) {
	k := &c.conns[i]
	// A stream ends once all of it is read, unless it was reset.
	// Of TLS it announces more than can be read.
	k.reset = k.reset || k.avail && !k.kind.IsDatagram() && !k.kind.IsTLS()
	k.state, k.link, k.avail = connClosed, noLink, false
	c.notify(i, offload.Readable|offload.Writable)
}

// lose ends a conn with the module's restart.
func (c *chip) lose(i int) {
	switch k := &c.conns[i]; {
	case k.state == connFree || k.state == connNew || k.state == connRefused:
	case k.is(connPending):
		c.dropData(i)
		k.renew(connFree, 0)
	default:
		k.reset = true
		c.end(i)
	}
}

// spoil marks a stream of which data are lost.
func (c *chip) spoil(i int) {
	if k := &c.conns[i]; k.state != connFree && !k.kind.IsDatagram() {
		k.reset = true
		c.notify(i, offload.Readable|offload.Writable)
	}
}

// spoilSent is spoil for who sent last.
func (c *chip) spoilSent() {
	if c.sentConn != noConn {
		c.spoil(int(c.sentConn))
	}
}

// noticed takes the notice that a link has data.
func (c *chip) noticed(h *header) {
	if i := c.connOf(h.link); i != noConn && h.size > 0 {
		c.conns[i].avail, c.conns[i].size = true, uint16(h.size)
		c.notify(i, offload.Readable)
	}
}

// listed takes a line of the list of links:
// <link>,"<type>","<ip>",<port>,<local port>,<0 client, 1 server>.
func (c *chip) listed(p string) {
	f := fields{p}
	link := f.num()
	if uint(link) >= maxLinks {
		return
	}
	c.seen |= bit(link)
	f.text()
	from := f.peer()
	f.num()
	server := f.num() == 1
	i := c.connOf(link)
	switch {
	case i != noConn:
		if needServer && server && !c.peers[link].known() {
			c.peers[link] = from
		}
	case server:
		c.accepted(link, &from) // the news of it was lost
	default:
		c.orphans |= bit(link)
	}
}

// # Data

// pushed takes the head of data that the module sends unasked.
func (c *chip) pushed(h *header) {
	w := &c.wire
	w.sink = sinkNowhere
	c.dataConn = int8(c.connOf(h.link))
	if c.dataConn == noConn || h.size == 0 {
		return
	}
	if c.pool.buf == nil {
		c.makePool()
	}
	i := int(c.dataConn)
	switch dgram := c.conns[i].kind.IsDatagram(); {
	case !dgram && c.conns[i].reset: // something is missing before it
	case c.pool.begin(i, h.size, &h.from, dgram):
		w.sink = sinkPool
	case !dgram: // which is lost, as datagrams may
		w.sink = sinkFull
	}
}

// dropData drops the data of a conn, also those that are still to come: the next of that
// number must not get them.
func (c *chip) dropData(i int) {
	c.pool.drop(i)
	if c.dataConn == int8(i) {
		c.dataConn = noConn
		if c.wire.sink >= sinkPool {
			c.wire.sink = sinkNowhere
		}
	}
}

// makePool makes the buffer for what comes unasked, when it is needed first.
func (c *chip) makePool() { c.pool.buf = make([]byte, 0, c.cfg.Buffer) }

// replied takes the head of data that were asked for.
func (c *chip) replied(h *header) {
	w := &c.wire
	if i := c.connOf(int(c.readLink)); i != noConn && i != int(c.readConn) {
		// The link has ended, and was given to another before the command arrived.
		c.conns[i].avail = false
		h.link = int(c.readLink)
		c.pushed(h)
		return
	}
	c.dataConn, c.from, c.got = c.readConn, h.from, h.size
	w.sink, w.reply = sinkNowhere, true
	if w.dst != nil {
		w.sink = sinkCaller
	}
	if h.size > c.most {
		c.got = -1 // more than was asked for
	}
}

// received is called at the end of data.
func (c *chip) received() {
	w := &c.wire
	if w.sink >= sinkPool {
		c.pool.close()
		c.notify(int(c.dataConn), offload.Readable)
	}
	if w.sink == sinkCaller {
		w.dst = nil
	}
	w.sink = sinkNowhere
}

// overrun marks the stream for whose data there is no room.
func (c *chip) overrun() {
	c.pool.close()
	c.wire.sink = sinkNowhere // there may be room again, for what comes behind the gap
	if i := int(c.dataConn); i != noConn {
		c.conns[i].reset = true
		c.notify(i, offload.Readable)
	}
}

// misframed takes note that data did not come as their head said: the stream they
// are of is broken.
func (c *chip) misframed() {
	c.wire.need, c.wire.reply = 0, false
	c.pool.undo()
	c.received()
	if i := int(c.dataConn); i != noConn {
		c.spoil(i)
	}
	c.unsure = true
}

// garbled takes note of bytes that make no sense. Where data are pushed they may have been
// some of any stream, of which nothing else would tell.
func (c *chip) garbled() {
	if c.passive {
		return
	}
	for i := range c.conns {
		if st := c.conns[i].state; st == connOpen || c.conns[i].is(connPending) {
			c.spoil(i)
		}
	}
}

// # Sockets

// open makes a socket, for which the module does nothing yet.
func (c *chip) open(s *offload.Socket) fault {
	i := c.newConn(connNew, s.Kind)
	if i == noConn {
		return errNoMoreSockets
	}
	s.Handle = offload.Handle(i)
	s.Signalled = true
	return 0
}

// closeSocket closes a socket.
func (c *chip) closeSocket(s *offload.Socket) fault {
	i := int(s.Handle)
	k := &c.conns[i]
	c.pump()
	st, link := k.state, k.link
	c.dropData(i)
	if c.job != jobPlain && c.jobConn == int8(i) {
		c.jobConn = noConn // who gets the result closes the link
	}
	k.renew(connFree, 0)
	c.pace()
	switch {
	case needServer && st == connListening:
		c.unlisten()
	case link == noLink || st == connStarting:
		return 0
	default:
		c.orphans |= bit(int(link))
	}
	// Should the module be occupied, it is closed later.
	if c.step == stepIdle || c.await(c.step, 10*c.lim().prompt, never) == 0 {
		return c.ready()
	}
	return 0
}

// drain discards data that the module has: it would reset the connection, and what was
// sent last be lost.
func (c *chip) drain(s *offload.Socket) (bool, fault) {
	k := c.of(s)
	if !c.free() || k.state != connOpen || !k.avail {
		return false, 0
	}
	n, err := c.read(int(s.Handle), nil, c.fw.recvMax())
	return n > 0, err
}

// verdict says how a stream has failed, nil if it has not.
func (c *chip) verdict(k *conn) fault {
	switch {
	case c.ill == errRebooted:
		return errRebooted
	case k.reset:
		return errDataLost
	}
	return 0
}

// why returns the error of a stream that has ended: whether for the loss of the
// network, the module is asked, since the news of that may come last.
func (c *chip) why(k *conn, otherwise fault) fault {
	if !k.checked {
		if c.step == stepIdle && !c.isAP() {
			up, err := c.look()
			if c.eng.Interrupted() != nil {
				return 0 // the next call finds out
			}
			if err != 0 {
				return err
			}
			if !up {
				return errLost
			}
		}
		k.checked = true
	}
	if k.cut || !c.joined && !c.isAP() {
		return errLost
	}
	return otherwise
}

// cutOff takes the news that the station has lost the network, with all streams.
func (c *chip) cutOff() {
	c.joined = false
	if c.isAP() {
		return
	}
	for i := range c.conns {
		k := &c.conns[i]
		k.cut = k.cut || !k.checked && !k.kind.IsDatagram() && (k.state == connOpen || k.state == connClosed)
	}
	c.eng.CheckSoon()
}

// poll says what a socket is ready for, without asking the module.
func (c *chip) poll(s *offload.Socket, want offload.Ready) (offload.Ready, fault) {
	i := int(s.Handle)
	k := &c.conns[i]
	c.pump()
	if err := c.state(); err != 0 {
		return 0, err
	}
	switch {
	case k.is(connListening):
		if c.pending() != noConn {
			return offload.Readable, 0
		}
		return 0, 0
	case k.state == connStarting:
		return 0, 0
	case k.state == connRefused || k.state == connNew:
		return 0, c.refusal(k)
	case k.state == connClosed:
		return offload.Readable | offload.Writable, 0
	}
	r := offload.Ready(0)
	if c.step == stepIdle {
		r = offload.Writable
		if k.avail {
			r |= offload.Readable
		}
		if !k.kind.IsDatagram() && !k.avail && want&offload.Readable != 0 {
			c.doubt(k)
		}
	}
	if c.pool.holds(i) || k.reset {
		r |= offload.Readable
	}
	return r, 0
}

// doubt asks the module what it has if a call has waited for long, should a notice be
// lost; not while one may be coming in.
func (c *chip) doubt(k *conn) {
	if c.passive && c.wire.n == 0 && c.tick()-k.news >= doubtAfter {
		c.lengths()
	}
}

// tick is the time in units of 268 ms, in which a conn keeps it.
func (c *chip) tick() uint8 { return uint8(c.eng.Elapsed() >> 28) }

// doubtAfter is how many of them a call waits before what it waits for is asked for.
const doubtAfter = 4

// lengths asks how much data the module has.
func (c *chip) lengths() {
	now := c.tick()
	for i := range c.conns {
		c.conns[i].news = now
	}
	if c.at("+CIPRECVLEN?").ask("+CIPRECVLEN:") != 0 {
		return
	}
	f := fields{c.answer}
	for link := range maxLinks {
		if f.num() <= 0 {
			continue // or it is -1 for none
		}
		if i := c.connOf(link); i != noConn {
			if k := &c.conns[i]; !k.avail {
				k.avail = true
				c.notify(i, offload.Readable)
			}
		}
	}
}
