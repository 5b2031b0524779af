package nina

import "net/netip"

// udpBuffer is the size of WiFiUDP's two buffers.
const udpBuffer = 1500

// udp is the firmware's WiFiUDP. The address is both that of the last sender
// and that of the next datagram sent.
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

// stop keeps the unread bytes and the address.
func (u *udp) stop(t *task) {
	t.close(u.fd)
	u.fd = -1
}

func (u *udp) beginPacket(ip [4]byte, port uint16) {
	u.ip, u.port = ip, port
	u.out = u.out[:0]
}

// send keeps the buffer.
func (u *udp) send(t *task) bool {
	return t.sendTo(u.fd, u.out, netip.AddrPortFrom(netip.AddrFrom4(u.ip), u.port)) >= 0
}

func (u *udp) available() int { return len(u.in) }

// parse takes the next datagram. It is visible from the next tick on: the task
// that calls sleeps until then, and sets the address only after that.
func (u *udp) parse(t *task) bool {
	u.in = nil
	var p [udpBuffer]byte
	n, from := t.recv(u.fd, p[:], true)
	if n <= 0 {
		return false
	}
	t.f.block(func() { t.f.sleep(t.f.untilTick()) })
	u.in = u.buf[:copy(u.buf[:], p[:n])]
	u.ip, u.port = as4(from.Addr()), from.Port()
	return true
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
