package nina

import "net/netip"

// client is the firmware's WiFiClient: a descriptor, -1 for none. Nothing
// tells it when the descriptor is closed elsewhere and handed out again.
type client struct{ fd int }

// connect leaves behind whatever the client held before.
func (c *client) connect(t *task, to netip.AddrPort) bool {
	fd := t.socket(sockStream)
	c.fd = fd
	if fd < 0 {
		return false
	}
	if t.connect(fd, to) < 0 {
		t.close(fd)
		c.fd = -1
		return false
	}
	t.setNonblocking(fd, true)
	return true
}

func (c *client) write(t *task, p []byte) int {
	if c.fd == -1 {
		return 0
	}
	return max(t.send(c.fd, p), 0)
}

func (c *client) available(t *task) int {
	if c.fd == -1 {
		return 0
	}
	n := t.readable(c.fd)
	if n < 0 {
		c.drop(t)
		return 0
	}
	return n
}

// read returns -1 if there is nothing. A read that fails, or that returns 0
// with anything but EAGAIN left in errno, closes the socket; that happens also
// to a read of 0 bytes.
func (c *client) read(t *task, p []byte) int {
	if c.available(t) == 0 {
		return -1
	}
	n, _ := t.recv(c.fd, p, true)
	if n <= 0 && t.errno != eAGAIN {
		c.drop(t)
		return 0
	}
	if n == 0 {
		return -1
	}
	return n
}

// peek returns 0xff if there is nothing, and closes the socket at its end.
func (c *client) peek(t *task) byte {
	b, n := t.peek(c.fd)
	if n > 0 {
		return b
	}
	if t.errno != eAGAIN {
		c.drop(t)
	}
	return 0xff
}

func (c *client) drop(t *task) {
	t.close(c.fd)
	c.fd = -1
}

func (c *client) stop(t *task) {
	if c.fd != -1 {
		c.drop(t)
	}
}

func (c *client) connected(t *task) bool {
	if c.fd != -1 && c.available(t) == 0 {
		c.peek(t)
	}
	return c.fd != -1
}
