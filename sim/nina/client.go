package nina

import (
	"net/netip"
	"time"
)

// stream is what a slot reads and writes: a TCP or TLS client.
type stream interface {
	available(t *task) int
	// read returns -1 if there is nothing, and 0 where the firmware's buffer
	// stays as it was.
	read(t *task, p []byte) int
	// getByte returns 0xff if there is none.
	getByte(t *task, peek bool) byte
	write(t *task, p []byte) int
	// writeWaits tells that write may take time.
	writeWaits(f *firmware) bool
	connected(t *task) bool
	stop(t *task)
	descriptor() int
}

// tcpClient is a slot's TCP client.
type tcpClient interface {
	stream
	// connect gives up after d, if that is not 0.
	connect(t *task, to netip.AddrPort, d time.Duration) bool
	// adopt takes a connection that a server has accepted.
	adopt(t *task, fd int)
	// open is whether the firmware takes this for a connection.
	open(t *task) bool
}

// newClient makes a slot's TCP client.
func (v *variant) newClient() tcpClient {
	if v.networkClient {
		return &networkClient{fd: -1}
	}
	return &client{fd: -1}
}

// client is nina-fw's WiFiClient: a descriptor, -1 for none. Nothing tells it
// when the descriptor is closed elsewhere and handed out again.
type client struct{ fd int }

// connect leaves behind whatever the client held before.
func (c *client) connect(t *task, to netip.AddrPort, d time.Duration) bool {
	fd := t.socket(sockStream)
	c.fd = fd
	if fd < 0 {
		return false
	}
	ret := 0
	if d > 0 {
		ret = t.connectWithin(fd, to, d)
	} else {
		ret = t.connect(fd, to)
	}
	if ret < 0 {
		t.close(fd)
		c.fd = -1
		return false
	}
	t.setNonblocking(fd, true)
	return true
}

func (c *client) adopt(_ *task, fd int) { c.fd = fd }
func (c *client) open(*task) bool       { return c.fd != -1 }
func (c *client) descriptor() int       { return c.fd }

// writeWaits: accepted sockets are blocking.
func (c *client) writeWaits(f *firmware) bool {
	k := f.lwip.get(c.fd)
	return k != nil && !k.nonblock && !f.v.writeOnce
}

func (c *client) write(t *task, p []byte) int {
	if c.fd == -1 {
		return 0
	}
	n := t.send(c.fd, p, t.f.v.writeOnce)
	if n < 0 && t.f.v.writeOnce {
		c.stop(t)
	}
	return max(n, 0)
}

func (c *client) available(t *task) int {
	if c.fd == -1 {
		return 0
	}
	n := t.readable(c.fd)
	if n < 0 {
		c.stop(t)
		return 0
	}
	return n
}

// read closes the socket if it fails, or returns 0 with anything but EAGAIN
// left in errno; that happens also to a read of 0 bytes.
func (c *client) read(t *task, p []byte) int {
	if c.available(t) == 0 {
		return -1
	}
	n, _ := t.recv(c.fd, p, true)
	if n <= 0 && t.errno != eAGAIN {
		c.stop(t)
		return 0
	}
	if n == 0 {
		return -1
	}
	return n
}

func (c *client) getByte(t *task, peek bool) byte {
	if peek {
		return c.peek(t)
	}
	var p [1]byte
	switch c.read(t, p[:]) {
	case 1:
		return p[0]
	case 0:
		return byte(t.f.c.rng.Uint32()) // the socket was closed; the byte is never set
	}
	return 0xff
}

// peek closes the socket at its end.
func (c *client) peek(t *task) byte {
	b, n := t.peek(c.fd)
	if n > 0 {
		return b
	}
	if t.errno != eAGAIN {
		c.stop(t)
	}
	return 0xff
}

func (c *client) stop(t *task) {
	if c.fd != -1 {
		t.close(c.fd)
		c.fd = -1
	}
}

func (c *client) connected(t *task) bool {
	if c.fd != -1 && c.available(t) == 0 && !t.f.v.endUnnoticed {
		c.peek(t)
	}
	return c.fd != -1
}

// networkClient is arduino-esp32's NetworkClient, of Adafruit's 3.3 (libraries/
// Network, NetworkClient.cpp). It owns its descriptor, which is closed when it
// gets another one; reads go through a buffer, over segments with PSH too;
// writes wait. The peer's end makes it be no longer connected, though what is
// in the buffer is unread and the descriptor still open.
type networkClient struct {
	fd    int
	alive bool
	buf   []byte // read from the socket, but not yet from here
}

const (
	networkClientTimeout = 3 * time.Second
	networkClientBuffer  = 1436
	networkClientRetries = 10 // of a write, a second each
)

func (c *networkClient) connect(t *task, to netip.AddrPort, _ time.Duration) bool {
	fd := t.socket(sockStream)
	if fd < 0 {
		return false
	}
	if t.connectWithin(fd, to, networkClientTimeout) < 0 {
		t.close(fd)
		return false
	}
	c.adopt(t, fd)
	return true
}

func (c *networkClient) adopt(t *task, fd int) {
	c.stop(t)
	c.fd, c.alive = fd, true
}

func (c *networkClient) open(t *task) bool         { return c.connected(t) }
func (c *networkClient) descriptor() int           { return c.fd }
func (c *networkClient) writeWaits(*firmware) bool { return c.fd >= 0 }

func (c *networkClient) write(t *task, p []byte) int {
	if !c.alive || c.fd < 0 {
		return 0
	}
	sent := 0
	for retry := networkClientRetries; retry > 0 && sent < len(p); retry-- {
		if !t.waitWritable(c.fd, time.Second) {
			if t.f.ctx.Err() != nil {
				return sent
			}
			continue
		}
		n := t.send(c.fd, p[sent:], true)
		switch {
		case n > 0:
			sent += n
			retry = networkClientRetries + 1
		case t.errno != eAGAIN:
			c.stop(t)
			return sent
		}
	}
	return sent
}

// fill reads what is there. It returns false if the socket fails.
func (c *networkClient) fill(t *task) bool {
	n := t.readable(c.fd)
	if n <= 0 {
		return n == 0
	}
	p := make([]byte, networkClientBuffer)
	n, _ = t.recv(c.fd, p, true)
	if n < 0 {
		return t.errno == eAGAIN
	}
	c.buf = p[:n]
	return true
}

func (c *networkClient) available(t *task) int {
	if c.fd < 0 {
		return 0
	}
	n := t.readable(c.fd)
	if n < 0 {
		n = len(c.buf)
		c.stop(t)
		return n
	}
	return len(c.buf) + n
}

func (c *networkClient) read(t *task, p []byte) int {
	if c.fd < 0 {
		return -1
	}
	n := 0
	for n < len(p) {
		if len(c.buf) == 0 {
			if !c.fill(t) {
				c.stop(t)
			}
			if len(c.buf) == 0 {
				break
			}
		}
		m := copy(p[n:], c.buf)
		c.buf = c.buf[m:]
		n += m
	}
	return n
}

func (c *networkClient) getByte(t *task, peek bool) byte {
	if peek {
		if c.fd >= 0 && len(c.buf) == 0 && !c.fill(t) {
			c.stop(t)
		}
		if len(c.buf) > 0 {
			return c.buf[0]
		}
		return 0xff
	}
	var p [1]byte
	if c.read(t, p[:]) == 1 {
		return p[0]
	}
	return 0xff
}

func (c *networkClient) connected(t *task) bool {
	if c.fd < 0 {
		c.alive = false
	}
	if c.alive {
		if _, n := t.peek(c.fd); n <= 0 {
			switch t.errno {
			case eNOTCONN, eCONNRESET, eCONNABORTED:
				c.alive = false
			}
		}
	}
	return c.alive
}

func (c *networkClient) stop(t *task) {
	if c.fd >= 0 {
		t.close(c.fd)
	}
	c.fd, c.alive, c.buf = -1, false, nil
}
