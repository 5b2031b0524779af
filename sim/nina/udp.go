package nina

import "net/netip"

// datagrams is a slot's UDP socket. The remote address is both that of the
// last sender and that of the next datagram sent.
type datagrams interface {
	begin(t *task, port uint16) bool
	beginMulticast(t *task, group netip.Addr, port uint16) bool
	beginPacket(t *task, ip [4]byte, port uint16) bool
	insert(t *task, p []byte) bool
	send(t *task) bool
	// available returns the unread bytes of the current datagram, parse takes
	// the next one. The GPIO0 task calls parse only where open.
	available() int
	open() bool
	parse(t *task) bool
	read(p []byte) int
	getByte(peek bool) byte
	remote() (ip [4]byte, port uint16)
	stop(t *task)
}

// newUDP makes a slot's UDP socket.
func (v *variant) newUDP() datagrams {
	if v.networkUDP {
		return &networkUDP{udp: udp{fd: -1}}
	}
	return &udp{fd: -1}
}

// udpBuffer is the size of WiFiUDP's two buffers.
const udpBuffer = 1500

// udp is nina-fw's WiFiUDP.
type udp struct {
	fd   int
	ip   [4]byte
	port uint16
	in   []byte // unread bytes of the current datagram
	out  []byte
	buf  [udpBuffer]byte
}

func (u *udp) begin(t *task, port uint16) bool {
	u.fd = t.socket(sockDgram)
	if u.fd < 0 {
		return false
	}
	if t.bind(u.fd, port) < 0 {
		t.close(u.fd)
		u.fd = -1
		return false
	}
	t.setNonblocking(u.fd, true)
	return true
}

// beginMulticast does not look whether it could join.
func (u *udp) beginMulticast(t *task, group netip.Addr, port uint16) bool {
	if !u.begin(t, port) {
		return false
	}
	t.joinGroup(u.fd, group)
	return true
}

// stop keeps the unread bytes and the address.
func (u *udp) stop(t *task) {
	t.close(u.fd)
	u.fd = -1
}

func (u *udp) beginPacket(_ *task, ip [4]byte, port uint16) bool {
	u.ip, u.port = ip, port
	u.out = u.out[:0]
	return true
}

func (u *udp) insert(t *task, p []byte) bool {
	if len(u.out)+len(p) > udpBuffer {
		t.f.hang("%d bytes overrun the UDP buffer of %d that holds %d", len(p), udpBuffer, len(u.out))
		return false
	}
	u.out = append(u.out, p...)
	return len(p) != 0
}

// send keeps the buffer.
func (u *udp) send(t *task) bool {
	return t.sendTo(u.fd, u.out, netip.AddrPortFrom(netip.AddrFrom4(u.ip), u.port)) >= 0
}

func (u *udp) available() int                    { return len(u.in) }
func (u *udp) open() bool                        { return u.fd != -1 }
func (u *udp) remote() (ip [4]byte, port uint16) { return u.ip, u.port }

// parse makes the datagram visible from the next tick on: the task that calls
// sleeps until then, and sets the address only after that.
func (u *udp) parse(t *task) bool {
	u.in = nil
	var p [udpBuffer]byte
	n, from := t.recv(u.fd, p[:], true)
	if n <= 0 {
		return false
	}
	if !t.f.v.udpUnhurried {
		t.f.block(func() { t.f.sleep(t.f.untilTick()) })
	}
	u.take(p[:n], from)
	return true
}

func (u *udp) take(p []byte, from netip.AddrPort) {
	u.in = u.buf[:copy(u.buf[:], p)]
	u.ip, u.port = as4(from.Addr()), from.Port()
}

func (u *udp) read(p []byte) int {
	n := copy(p, u.in)
	u.in = u.in[n:]
	return n
}

// getByte returns 0xff if there is none.
func (u *udp) getByte(peek bool) byte {
	if len(u.in) == 0 {
		return 0xff
	}
	b := u.in[0]
	if !peek {
		u.in = u.in[1:]
	}
	return b
}

// networkUDP is arduino-esp32's NetworkUDP, of Adafruit's 3.3 (libraries/
// Network, NetworkUdp.cpp). It needs no bind before it sends, closes what it
// held before it binds, and sends by itself what has filled its buffer.
type networkUDP struct {
	udp
	buffer bool // has been allocated
}

// networkUDPBuffer is the size of both buffers: longer datagrams are cut.
const networkUDPBuffer = 1460

func (u *networkUDP) begin(t *task, port uint16) bool {
	u.stop(t)
	u.buffer = true
	if !u.udp.begin(t, port) {
		u.stop(t)
		return false
	}
	return true
}

func (u *networkUDP) beginMulticast(t *task, group netip.Addr, port uint16) bool {
	if !u.begin(t, port) || !group.IsMulticast() {
		return false // with a socket, if it is only the group
	}
	t.joinGroup(u.fd, group)
	return true
}

func (u *networkUDP) stop(t *task) {
	u.in, u.out, u.buffer = nil, u.out[:0], false
	if u.fd >= 0 {
		u.udp.stop(t)
	}
}

func (u *networkUDP) beginPacket(t *task, ip [4]byte, port uint16) bool {
	u.ip, u.port = ip, port
	if port == 0 {
		return false
	}
	u.buffer = true
	u.out = u.out[:0]
	if u.fd < 0 {
		if u.fd = t.socket(sockDgram); u.fd < 0 {
			return false
		}
		t.setNonblocking(u.fd, true)
	}
	return true
}

func (u *networkUDP) insert(t *task, p []byte) bool {
	if !u.buffer && len(p) > 0 {
		t.f.hang("there is no UDP buffer before 28 or 2D, or after 2E")
		return false
	}
	for _, b := range p {
		if len(u.out) == networkUDPBuffer {
			u.send(t)
			u.out = u.out[:0]
		}
		u.out = append(u.out, b)
	}
	return len(p) != 0
}

func (u *networkUDP) open() bool { return true }

// parse takes a datagram only once the last one was read.
func (u *networkUDP) parse(t *task) bool {
	if len(u.in) > 0 {
		return false
	}
	var p [networkUDPBuffer]byte
	n, from := t.recv(u.fd, p[:], true)
	if n <= 0 {
		return false
	}
	u.take(p[:n], from)
	return true
}
