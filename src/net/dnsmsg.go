package net

// DNS messages as they are on the wire (RFC 1035, section 4), as far as the
// client needs them: it writes queries and reads answers.

// Types of records (IANA's registry of DNS parameters).
const (
	dnsA     = 1
	dnsNS    = 2
	dnsCNAME = 5
	dnsPTR   = 12
	dnsMX    = 15
	dnsTXT   = 16
	dnsAAAA  = 28
	dnsSRV   = 33
	dnsOPT   = 41 // RFC 6891
)

const dnsClassIN = 1

// Bits of the header's second word (RFC 1035, section 4.1.1; RFC 4035 for AD).
const (
	dnsResponse           = 1 << 15
	dnsAuthoritative      = 1 << 10
	dnsTruncated          = 1 << 9
	dnsRecursionDesired   = 1 << 8
	dnsRecursionAvailable = 1 << 7
	dnsAuthenticData      = 1 << 5
	dnsRcodeMask          = 0xf
)

// Response codes (RFC 1035, section 4.1.1).
const (
	dnsSuccess       = 0
	dnsServerFailure = 2
	dnsNameError     = 3
)

const (
	dnsHeaderLen  = 12
	dnsMaxName    = 254  // a name in text with its last dot: 255 bytes on the wire
	dnsMaxLabel   = 63   // the two bits above are a pointer's
	dnsMaxPacket  = 1232 // that passes everywhere, by dnsflagday.net/2020
	dnsMaxPointer = 10   // pointers followed in one name
)

// dnsQuery returns a query for a name that ends in a dot, behind the two bytes of
// length that a stream wants. It reports false for a name that cannot be.
func dnsQuery(id uint16, name string, qtype uint16, ad bool) ([]byte, bool) {
	bits := uint16(dnsRecursionDesired)
	if ad {
		bits |= dnsAuthenticData
	}
	b := make([]byte, 2, 2+dnsHeaderLen+len(name)+1+4+11)
	extra := uint16(0)
	if edns0() {
		extra = 1
	}
	for _, v := range [...]uint16{id, bits, 1, 0, 0, extra} {
		b = appendUint16(b, v)
	}
	if len(name) > dnsMaxName || name == "" || name[len(name)-1] != '.' {
		return nil, false
	}
	for start, i := 0, 0; i < len(name) && name != "."; i++ {
		if name[i] != '.' {
			continue
		}
		if i == start || i-start > dnsMaxLabel {
			return nil, false
		}
		b = append(b, byte(i-start))
		b = append(b, name[start:i]...)
		start = i + 1
	}
	b = append(b, 0)
	b = appendUint16(appendUint16(b, qtype), dnsClassIN)
	if extra > 0 {
		// A pseudo-record of the root says how long a datagram may be.
		b = append(b, 0)
		b = appendUint16(appendUint16(b, dnsOPT), dnsMaxPacket)
		b = append(b, 0, 0, 0, 0, 0, 0)
	}
	b[0], b[1] = byte((len(b)-2)>>8), byte(len(b)-2)
	return b, true
}

func appendUint16(b []byte, v uint16) []byte { return append(b, byte(v>>8), byte(v)) }

// Sections of a message.
const (
	dnsQuestions = iota
	dnsAnswers
	dnsAuthorities
	dnsAdditionals
)

// A dnsMessage is a message that is being read. A copy of it reads on by itself.
type dnsMessage struct {
	b    []byte
	id   uint16
	bits uint16
	left [4]uint16 // records of each section that were not read yet
	off  int       // of the next record
}

// A dnsRecord is the head of a record. Its data is b[data:end] of the message,
// which may be shorter than that.
type dnsRecord struct {
	name      string
	typ       uint16
	class     uint16
	ttl       uint32
	data, end int
}

// parseDNS begins to read a message.
func parseDNS(b []byte) (m dnsMessage, ok bool) {
	if len(b) < dnsHeaderLen {
		return m, false
	}
	m = dnsMessage{b: b, off: dnsHeaderLen}
	m.id, _ = m.uint16(0)
	m.bits, _ = m.uint16(2)
	for i := range m.left {
		m.left[i], _ = m.uint16(4 + 2*i)
	}
	return m, true
}

func (m *dnsMessage) uint16(off int) (uint16, bool) {
	if off+2 > len(m.b) {
		return 0, false
	}
	return uint16(m.b[off])<<8 | uint16(m.b[off+1]), true
}

// skipName returns where the name ends that begins at off.
func (m *dnsMessage) skipName(off int) (next int, ok bool) {
	for off < len(m.b) {
		n := int(m.b[off])
		switch {
		case n == 0:
			return off + 1, true
		case n >= 0xc0:
			return off + 2, true
		case n > dnsMaxLabel:
			return 0, false
		}
		off += 1 + n
	}
	return 0, false
}

// name returns the name that begins at off, with a dot at its end, and where
// it ends.
//
// It is not inlined, so that its frame is not on the stack beneath a connection.
//
//go:noinline
func (m *dnsMessage) name(off int) (name string, next int, ok bool) {
	if next, ok = m.skipName(off); !ok {
		return "", 0, false
	}
	var buf [dnsMaxName]byte
	length := 0
	for pointers := 0; off < len(m.b); {
		n := int(m.b[off])
		off++
		switch {
		case n == 0:
			if length == 0 {
				return ".", next, true
			}
			return string(buf[:length]), next, true
		case n >= 0xc0:
			// Pointers may go round in a circle.
			if pointers++; pointers > dnsMaxPointer || off == len(m.b) {
				return "", 0, false
			}
			off = n&^0xc0<<8 | int(m.b[off])
			continue
		case n > dnsMaxLabel || off+n > len(m.b) || length+n+1 > len(buf):
			return "", 0, false
		}
		for _, c := range m.b[off : off+n] {
			if c == '.' { // which in text would make two labels of it
				return "", 0, false
			}
			buf[length] = c
			length++
		}
		buf[length] = '.'
		length++
		off += n
	}
	return "", 0, false
}

// question reads the next question.
func (m *dnsMessage) question() (q dnsRecord, ok bool) {
	if m.left[dnsQuestions] == 0 {
		return q, false
	}
	if q.name, m.off, ok = m.name(m.off); !ok {
		return q, false
	}
	q.typ, _ = m.uint16(m.off)
	q.class, ok = m.uint16(m.off + 2)
	m.off += 4
	m.left[dnsQuestions]--
	return q, ok
}

// next reads the head of the next record of a section. more is false at the
// section's end. The sections before have to be read to theirs.
func (m *dnsMessage) next(section int) (r dnsRecord, more, ok bool) {
	if m.left[section] == 0 {
		return r, false, true
	}
	if r.name, r.data, ok = m.name(m.off); !ok {
		return r, true, false
	}
	ok = m.rest(section, &r)
	return r, true, ok
}

// rest reads what comes after a record's name.
func (m *dnsMessage) rest(section int, r *dnsRecord) bool {
	length, ok := m.uint16(r.data + 8)
	if !ok {
		return false
	}
	r.typ, _ = m.uint16(r.data)
	r.class, _ = m.uint16(r.data + 2)
	hi, _ := m.uint16(r.data + 4)
	lo, _ := m.uint16(r.data + 6)
	r.ttl = uint32(hi)<<16 | uint32(lo)
	r.data += 10
	r.end = r.data + int(length)
	m.off = r.end
	m.left[section]--
	return true
}

// complete reports whether all of the record's data is there.
func (m *dnsMessage) complete(r dnsRecord) bool { return r.end <= len(m.b) }

// skip goes to the end of a section. It does not mind bad names.
func (m *dnsMessage) skip(section int) (ok bool) {
	for m.left[section] > 0 {
		var r dnsRecord
		if r.data, ok = m.skipName(m.off); !ok || !m.rest(section, &r) || !m.complete(r) {
			return false
		}
	}
	return true
}

// rcode returns the response code, with the bits that the OPT record adds to it
// (RFC 6891, section 6.1.3), and whether there are additional records. The answers
// must not have been read yet.
func (m dnsMessage) rcode() (code int, additional bool) {
	code = int(m.bits & dnsRcodeMask)
	if !m.skip(dnsAnswers) || !m.skip(dnsAuthorities) {
		return code, false
	}
	for {
		r, more, ok := m.next(dnsAdditionals)
		if !more || !ok {
			return code, additional
		}
		additional = true
		if r.typ == dnsOPT {
			if r.ttl>>16&0xff == 0 { // version 0
				code |= int(r.ttl >> 24 << 4)
			}
			return code, true
		}
		if !m.complete(r) {
			return code, true
		}
	}
}

// text returns the strings of a TXT record as one.
func (m *dnsMessage) text(r dnsRecord) (string, bool) {
	if !m.complete(r) {
		return "", false
	}
	var text []byte
	for data := m.b[r.data:r.end]; len(data) > 0; {
		n := 1 + int(data[0])
		if n > len(data) {
			return "", false
		}
		text = append(text, data[1:n]...)
		data = data[n:]
	}
	return string(text), true
}

// isDomainName reports whether s is the name of a host, or one with underscores
// as those of services have, with or without a dot at its end. A name of digits
// alone is none.
func isDomainName(s string) bool {
	if s == "." {
		return true
	}
	if s != "" && s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	if s == "" || len(s) >= dnsMaxName {
		return false
	}
	named := false
	for start, i := 0, 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '.' {
			if n := i - start; n == 0 || n > dnsMaxLabel || s[start] == '-' || s[i-1] == '-' {
				return false
			}
			start = i + 1
			continue
		}
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == '-':
			named = true
		case '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return named
}

// equalFold reports whether a and b are equal but for the case of the letters A
// to Z.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}
