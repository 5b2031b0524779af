package offload

import "net/netip"

// ring is a socket's receive buffer, for chips that send data unasked.
type ring struct {
	buf  []byte
	head int // next to be read
	n    int // bytes in it
}

// put appends as much of p as fits.
func (r *ring) put(p []byte) int {
	p = p[:min(len(p), len(r.buf)-r.n)]
	for done := 0; done < len(p); {
		at := (r.head + r.n) % len(r.buf)
		k := copy(r.buf[at:], p[done:])
		r.n += k
		done += k
	}
	return len(p)
}

// take removes bytes into p.
func (r *ring) take(p []byte) int {
	done := 0
	for done < len(p) && r.n > 0 {
		k := copy(p[done:], r.buf[r.head:min(r.head+r.n, len(r.buf))])
		r.skip(k)
		done += k
	}
	return done
}

// skip removes n bytes.
func (r *ring) skip(n int) {
	r.head = (r.head + n) % len(r.buf)
	r.n -= n
}

// A datagram is kept behind a head of its length, address and port.
const datagramHead = 2 + 16 + 2

// putDatagram appends a datagram, wholly or not at all.
func (r *ring) putDatagram(p []byte, from netip.AddrPort) int {
	if len(p) > 0xFFFF || datagramHead+len(p) > len(r.buf)-r.n {
		return 0
	}
	var head [datagramHead]byte
	head[0], head[1] = byte(len(p)>>8), byte(len(p))
	ip := from.Addr().As16()
	copy(head[2:], ip[:])
	head[18], head[19] = byte(from.Port()>>8), byte(from.Port())
	r.put(head[:])
	r.put(p)
	return len(p)
}

// takeDatagram removes a datagram into p; what does not fit is lost.
func (r *ring) takeDatagram(p []byte, from *netip.AddrPort) (n int, ok bool) {
	if r.n == 0 {
		return 0, false
	}
	var head [datagramHead]byte
	r.take(head[:])
	size := int(head[0])<<8 | int(head[1])
	n = r.take(p[:min(size, len(p))])
	r.skip(size - n)
	ip := netip.AddrFrom16([16]byte(head[2:18])).Unmap()
	*from = netip.AddrPortFrom(ip, uint16(head[18])<<8|uint16(head[19]))
	return n, true
}
