package espat

import (
	"net/netip"
	"unsafe"

	"tinynet/offload"
)

// Pure functions on bytes from the module and for it. They use neither strconv nor
// netip's parser, whose errors quote what they were given: 5 KB of flash.

// view returns a view of bytes, which are text only while they stay as they are. A string
// is two words where a slice is three.
func view(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

// number reads the decimal number that p begins with, of at most 9 digits. rest is
// what follows it; n is -1 if there is none.
func number(p string) (n int, rest string) {
	i := 0
	for ; i < len(p) && i < 9 && '0' <= p[i] && p[i] <= '9'; i++ {
		n = 10*n + int(p[i]-'0')
	}
	if i == 0 || i < len(p) && '0' <= p[i] && p[i] <= '9' {
		return -1, p
	}
	return n, p[i:]
}

// leading is number for one of which what follows does not matter.
func leading(p string) int {
	n, _ := number(p)
	return n
}

// signed is number for one that may be negative; ok is false if there is none.
func signed(p string) (n int, rest string, ok bool) {
	if len(p) > 0 && p[0] == '-' {
		n, rest = number(p[1:])
		return -n, rest, n >= 0
	}
	n, rest = number(p)
	return n, rest, n >= 0
}

// field cuts the first of fields that commas separate, without its quotes: inside
// them a comma is part of the field.
func field(p string) (f, rest string) {
	if len(p) > 0 && p[0] == '"' {
		for i := 1; i < len(p); i++ {
			if p[i] == '"' && (i+1 == len(p) || p[i+1] == ',' || p[i+1] == ')') {
				f, rest = p[1:i], p[i+1:]
				if len(rest) > 0 && rest[0] == ',' {
					rest = rest[1:]
				}
				return f, rest
			}
		}
	}
	for i := 0; i < len(p); i++ {
		if p[i] == ',' {
			return p[:i], p[i+1:]
		}
	}
	return p, ""
}

// starts reports whether p begins with prefix.
func starts(p, prefix string) bool {
	return len(p) >= len(prefix) && p[:len(prefix)] == prefix
}

// unquote takes the quotes off, if there are any.
func unquote(p string) string {
	if len(p) >= 2 && p[0] == '"' && p[len(p)-1] == '"' {
		return p[1 : len(p)-1]
	}
	return p
}

// address reads an IP address; it is invalid if p is none.
func address(s string) netip.Addr {
	if ip, ok := offload.ParseIPv4(s); ok {
		return netip.AddrFrom4(ip)
	}
	if needIPv6 {
		if ip, ok := offload.ParseIPv6(s); ok {
			return netip.AddrFrom16(ip).Unmap()
		}
	}
	return netip.Addr{}
}

// mac reads a hardware address of the form aa:bb:cc:dd:ee:ff.
func mac(p string) (m [6]byte, ok bool) {
	if len(p) != 17 {
		return m, false
	}
	for i := range m {
		hi, lo := offload.HexDigit(p[3*i]), offload.HexDigit(p[3*i+1])
		if hi < 0 || lo < 0 || i < 5 && p[3*i+2] != ':' {
			return m, false
		}
		m[i] = byte(hi<<4 | lo)
	}
	return m, true
}

// fields are what commas separate.
type fields struct{ p string }

// text takes the next.
//
//go:noinline
func (f *fields) text() (t string) {
	t, f.p = field(f.p)
	return t
}

// num takes the next, a number that is not negative; it is -1 if it is none.
func (f *fields) num() int {
	n, rest := number(f.text())
	if len(rest) > 0 {
		n = -1
	}
	return n
}

// peer takes an address and a port, which are not known if they are none.
func (f *fields) peer() (l place) {
	ip, port := f.text(), f.num()
	if !needServer && !needDatagrams {
		return l
	}
	if a := address(ip); a.IsValid() && port >= 0 && port <= 0xFFFF {
		l.set(netip.AddrPortFrom(a, uint16(port)))
	}
	return l
}

// place is an address and port, in less room than a netip.AddrPort.
type place struct {
	ip   [16]byte
	port uint16
}

func (l *place) set(a netip.AddrPort) { l.ip, l.port = a.Addr().As16(), a.Port() }

// known reports whether it is one.
func (l *place) known() bool { return *l != place{} }

func (l *place) addrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(l.ip).Unmap(), l.port)
}

// header is the head of data that the module sends, which the data follow.
type header struct {
	link int // -1 in a reply, which does not name it
	size int
	from place // not known if the head does not tell
}

// push reads the line "+IPD,<link>,<size>[,<ip>,<port>]", without the colon that
// ends the head of data. Notices that data are there to be read look the same.
func (h *header) push(p string) bool {
	if !starts(p, "+IPD,") {
		return false
	}
	h.link, p = number(p[len("+IPD,"):])
	if h.link < 0 || h.link >= maxLinks || len(p) == 0 || p[0] != ',' {
		return false
	}
	return h.sized(p[1:], true)
}

// reply reads "+CIPRECVDATA:<size>", with ",<ip>,<port>" if told is set, without the
// comma that ends it; NonOS 1.7 has a comma where the colon is, and a colon for the
// last comma.
func (h *header) reply(p string, told bool) bool {
	h.link = -1
	if !starts(p, recvReply) || len(p) == len(recvReply) || p[len(recvReply)] != ':' && p[len(recvReply)] != ',' {
		return false
	}
	return h.sized(p[len(recvReply)+1:], told)
}

// sized reads the size, and the sender if it may be told.
func (h *header) sized(p string, told bool) bool {
	h.size, p = number(p)
	if h.size < 0 || h.size > maxPayload {
		return false
	}
	if needDatagrams && told && len(p) > 0 && p[0] == ',' {
		f := fields{p[1:]}
		h.from = f.peer()
		p = f.p
		if !h.from.known() {
			return false
		}
	}
	return len(p) == 0
}

const (
	maxLinks   = 5
	maxPayload = 5 + 1<<14 + 2048 // a TLS record with its head, the most that is announced (RFC 5246, 6.2.3)

	recvReply = "+CIPRECVDATA"
)

// clock reads the time from "Tue Oct 19 17:47:56 2021"; 0 if it is none, or
// before 2001, which a module says that does not know it.
func clock(p string) int64 {
	const months = "JanFebMarAprMayJunJulAugSepOctNovDec"
	if len(p) < 24 {
		return 0
	}
	month := 0
	for i := 0; i < 12; i++ {
		if starts(p[4:], months[3*i:3*i+3]) {
			month = i + 1
		}
	}
	day := p[8:10]
	if day[0] == ' ' {
		day = day[1:]
	}
	d := leading(day)
	h := leading(p[11:13])
	m := leading(p[14:16])
	s := leading(p[17:19])
	y := leading(p[20:24])
	if month == 0 || d < 1 || h < 0 || m < 0 || s < 0 || y < 2001 {
		return 0
	}
	// Days since 1970, counted in years that begin in March.
	if month -= 3; month < 0 {
		month += 12
		y--
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*month+2)/5 + d - 1 - 719468
	return int64(days)*86400 + int64(h*3600+m*60+s)
}
