package espat

// pool keeps data that the module sent unasked until they are received: datagrams,
// and the streams of modules that keep nothing. It is one buffer for all of them, a
// sequence of records in the order in which they came.
//
// A record is a head of its owner, its size, and the sender of a datagram, then the
// data. Data that are coming in are added to the last record, which is open.
type pool struct {
	buf   []byte // of the capacity from Config, used up to its length
	last  int    // the last record, while it is open or fresh
	open  bool   // it is still coming in
	fresh bool   // it has come, and nothing of it was taken
	hold  bool   // nor is to be
}

const recordHead = 1 + 2 + 16 + 2

// begin opens a record of owner k. If the record is to be whole, which datagrams are, it
// returns false without room for size bytes.
func (p *pool) begin(k int, size int, from *place, whole bool) bool {
	room := cap(p.buf) - len(p.buf) - recordHead
	if room < 0 || whole && room < size {
		return false
	}
	p.last, p.open, p.fresh = len(p.buf), true, false
	p.buf = p.buf[:p.last+recordHead]
	h := p.buf[p.last:]
	h[0], h[1], h[2] = byte(k), 0, 0
	if needDatagrams && from != nil {
		copy(h[3:], from.ip[:])
		h[19], h[20] = byte(from.port>>8), byte(from.port)
	}
	return true
}

// nobody owns what is reserved.
const nobody = 0xFF

// reserve returns size bytes until nobody's are dropped, nil if there are not as
// many.
func (p *pool) reserve(size int) []byte {
	if p.open || !p.begin(nobody, size, nil, true) {
		return nil
	}
	at := len(p.buf)
	p.buf = p.buf[:at+size]
	p.resize(p.last, size)
	p.close()
	return p.buf[at:]
}

// add adds as much of b as there is room for.
func (p *pool) add(b []byte) int {
	if !p.open {
		return len(b)
	}
	at := len(p.buf)
	n := min(len(b), cap(p.buf)-at)
	p.buf = append(p.buf, b[:n]...)
	p.resize(p.last, at+n-p.last-recordHead)
	return n
}

// undo removes the last record, if it is open or fresh.
func (p *pool) undo() {
	if p.open || p.fresh {
		p.buf = p.buf[:p.last]
		p.open, p.fresh = false, false
	}
}

// close ends the open record.
func (p *pool) close() { p.open, p.fresh = false, p.open }

func (p *pool) size(at int) int         { return int(p.buf[at+1])<<8 | int(p.buf[at+2]) }
func (p *pool) resize(at, n int)        { p.buf[at+1], p.buf[at+2] = byte(n>>8), byte(n) }
func (p *pool) isOpen(at int) bool      { return (p.open || p.fresh && p.hold) && at == p.last }
func (p *pool) next(at int) int         { return at + recordHead + p.size(at) }
func (p *pool) owns(at int, k int) bool { return p.buf[at] == byte(k) }
func (p *pool) from(at int) place {
	h := p.buf[at:]
	return place{[16]byte(h[3:19]), uint16(h[19])<<8 | uint16(h[20])}
}

// cut removes the bytes from i to j.
func (p *pool) cut(i, j int) {
	p.buf = append(p.buf[:i], p.buf[j:]...)
	if p.last >= j {
		p.last -= j - i
	} else {
		p.fresh = false
	}
}

// stream takes data of owner k's into b; of the open record only if they have to make
// room, since it may turn out not to be what its head said.
func (p *pool) stream(k int, b []byte) (n int) {
	for at := 0; at < len(p.buf) && n < len(b); {
		if !p.owns(at, k) || p.isOpen(at) && len(p.buf) < cap(p.buf) {
			at = p.next(at)
			continue
		}
		size := p.size(at)
		i := at + recordHead
		m := copy(b[n:], p.buf[i:i+size])
		n += m
		switch {
		case m == size && !p.isOpen(at):
			p.cut(at, i+size)
		default:
			p.resize(at, size-m)
			p.cut(i, i+m)
			at = p.next(at)
		}
	}
	return n
}

// datagram takes the next whole datagram of owner k's; what does not fit into b is
// lost.
func (p *pool) datagram(k int, b []byte) (n int, from place, ok bool) {
	for at := 0; at < len(p.buf); at = p.next(at) {
		if p.owns(at, k) && !p.isOpen(at) {
			i := at + recordHead
			n, from = copy(b, p.buf[i:i+p.size(at)]), p.from(at)
			p.cut(at, p.next(at))
			return n, from, true
		}
	}
	return 0, from, false
}

// holds reports whether there are data of owner k's.
func (p *pool) holds(k int) bool {
	for at := 0; at < len(p.buf); at = p.next(at) {
		if p.owns(at, k) && !p.isOpen(at) {
			return true
		}
	}
	return false
}

// drop removes all of owner k's. An open record stays for what is still to come, and
// belongs to nobody.
func (p *pool) drop(k int) {
	for at := 0; at < len(p.buf); {
		switch {
		case !p.owns(at, k):
			at = p.next(at)
		case p.isOpen(at):
			p.open = false
			fallthrough
		default:
			p.cut(at, p.next(at))
		}
	}
}
