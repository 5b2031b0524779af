package nina

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Event is a command with its reply, or something that the chip did by itself.
type Event struct {
	Time     time.Time     // when the reply was there
	Command  byte          // number on the wire
	Name     string        // of the command; empty for a note
	Params   string        // of the command, in words
	Reply    string        // in words
	Duration time.Duration // from the end of the command until the reply can be fetched
	Note     string        // what the chip did by itself, such as hanging
}

// String returns the event as a line without its time.
func (e Event) String() string {
	if e.Name == "" {
		return "-- " + e.Note
	}
	s := fmt.Sprintf("%02X %s", e.Command, e.Name)
	if e.Params != "" {
		s += ": " + e.Params
	}
	return fmt.Sprintf("%s -> %s (%v)", s, e.Reply, e.Duration.Round(time.Microsecond))
}

func (c *Chip) trace(e Event) {
	if f := c.cfg.Trace; f != nil {
		e.Time = c.clk.Now()
		c.calls = append(c.calls, func() { f(e) })
	}
}

func (c *Chip) note(text string) { c.trace(Event{Note: text}) }

// describe puts the parameters of a command in words, read where the handlers
// read them.
func (f *firmware) describe(in input) string {
	ip := func(at int) string { return netip.AddrFrom4(in.ip(at)).String() }
	addr := func(at, port int) string {
		return netip.AddrPortFrom(netip.AddrFrom4(in.ip(at)), in.u16be(port)).String()
	}
	slot := func(at int) string { return "slot " + strconv.Itoa(int(in[at])) }
	fd := func(at int) string { return "fd " + strconv.Itoa(int(in[at])) }
	text := func(at int) string { return strconv.Quote(cstring(in.text(at+1, int(in[at])))) }
	if in[0] != frameStart {
		return fmt.Sprintf("frame begins with %02X", in[0])
	}
	switch in[1] {
	case 0x10:
		return text(3)
	case 0x11, 0x12, 0x18, 0x19:
		return text(3) // passphrases are nobody's business
	case 0x14:
		return fmt.Sprintf("ip %s gateway %s mask %s", ip(6), ip(11), ip(16))
	case 0x15:
		return ip(6) + " " + ip(11)
	case 0x16, 0x34:
		return text(3)
	case 0x17, 0x1a, 0x32, 0x33, 0x3c, 0x3d:
		return strconv.Itoa(int(in[4]))
	case 0x28:
		if in[2] == 3 {
			return fmt.Sprintf("%s port %d %s", serverMode(in[9]), in.u16be(4), slot(7))
		}
		return fmt.Sprintf("%s %s %s", serverMode(in[14]), addr(4, 9), slot(12))
	case 0x2d:
		if in[2] == 4 {
			return fmt.Sprintf("%s %s %s", clientMode(in[14]), addr(4, 9), slot(12))
		}
		n := int(in[3])
		if n == 0 {
			return fmt.Sprintf("%s %s %s", clientMode(in[15]), addr(5, 10), slot(13))
		}
		return fmt.Sprintf("%s %s:%d %s", clientMode(in[15+n]), cstring(in.text(4, n)), in.u16be(10+n), slot(13+n))
	case 0x2b:
		if in[6] != 0 {
			return slot(4) + " accept"
		}
		return slot(4)
	case 0x29, 0x2a, 0x2c, 0x2e, 0x2f, 0x39, 0x3a:
		return slot(4)
	case 0x3e:
		return ip(4)
	case 0x60, 0x61, 0x62, 0x63:
		at := 3
		for range 2 {
			at += 1 + int(in[at])
		}
		return text(at)
	case 0x44, 0x46:
		return fmt.Sprintf("%s %d bytes", slot(5), in.u16be(6))
	case 0x45:
		return fmt.Sprintf("%s at most %d bytes", slot(5), in.u16le(8))
	case 0x50, 0x51, 0x52:
		return fmt.Sprintf("pin %d to %d", in[4], in[6])
	case 0x53:
		return fmt.Sprintf("pin %d", in[4])
	case 0x54:
		return fmt.Sprintf("channel %d", in[4])
	case 0x70:
		return fmt.Sprintf("type %d", in[4])
	case 0x73:
		return fmt.Sprintf("%s port %d", fd(4), in.u16be(6))
	case 0x74:
		return fmt.Sprintf("%s backlog %d", fd(4), in[6])
	case 0x71, 0x75, 0x7c, 0x7f:
		return fd(4)
	case 0x76:
		return fd(4) + " " + addr(6, 11)
	case 0x77:
		return fmt.Sprintf("%s %d bytes", fd(5), in.u16be(6))
	case 0x78, 0x7a:
		return fmt.Sprintf("%s at most %d bytes", fd(4), in.u16le(6))
	case 0x79:
		return fmt.Sprintf("%s %d bytes to %s", fd(5), in.u16be(16), addr(8, 14))
	case 0x7b, 0x7d, 0x7e:
		return fmt.Sprintf("%s %#x", fd(4), in.u32le(6))
	}
	return ""
}

func serverMode(m byte) string {
	switch m {
	case modeTCP:
		return "TCP listen"
	case modeUDP:
		return "UDP bind"
	case modeMulticast:
		return "UDP multicast"
	}
	return "mode " + strconv.Itoa(int(m))
}

func clientMode(m byte) string {
	switch m {
	case modeTCP:
		return "TCP connect"
	case modeUDP:
		return "UDP to"
	case modeTLS:
		return "TLS connect"
	case modeBearSSL:
		return "BearSSL connect"
	}
	return "mode " + strconv.Itoa(int(m))
}

var statusNames = map[byte]string{
	statusIdle: "idle", statusNoSSID: "connecting", statusScanned: "scan completed", statusConnected: "connected",
	statusConnectFailed: "connect failed", statusLost: "connection lost", statusDisconnected: "disconnected",
	statusAPListening: "AP listening", statusAPConnected: "AP has a station", statusAPFailed: "AP failed", statusStopped: "radio off",
}

// describeReply puts a reply in words.
func (f *firmware) describeReply(in input, out []byte) string {
	switch {
	case out[0] == frameError:
		return "error reply"
	case in[1] == 0x60, in[1] == 0x61:
		return strconv.Itoa(len(out)) + " bytes"
	}
	wide := in[1] == 0x45 || in[1] == 0x78 || in[1] == 0x7a
	var params [][]byte
	for p, n := out[3:], int(out[2]); n > 0 && len(p) > 2; n-- {
		size, head := int(p[0]), 1
		if wide {
			size, head = int(binary.BigEndian.Uint16(p)), 2
		}
		if head+size > len(p) {
			return fmt.Sprintf("%d parameters that are not all there", out[2])
		}
		params = append(params, p[head:head+size])
		p = p[head+size:]
	}
	if len(params) == 0 {
		if in[1] == 0x27 {
			return "nothing"
		}
		return "failed"
	}
	first := params[0]
	switch in[1] {
	case 0x20:
		if name, ok := statusNames[first[0]]; ok {
			return name
		}
	case 0x1b, 0x25, 0x32, 0x3b:
		return strconv.Itoa(int(int32(binary.LittleEndian.Uint32(first))))
	case 0x22, 0x24, 0x3c:
		if f.v.naturalMAC {
			return fmt.Sprintf("% X", first)
		}
		return fmt.Sprintf("% X (last byte first)", first)
	case 0x23, 0x37:
		return strconv.Quote(strings.TrimRight(string(first), "\x00"))
	case 0x27:
		names := make([]string, len(params))
		for i, p := range params {
			names[i] = strconv.Quote(string(p))
		}
		return strings.Join(names, " ")
	case 0x2b:
		return strconv.Itoa(int(binary.LittleEndian.Uint16(first)))
	case 0x2f:
		if first[0] == 4 {
			return "established"
		}
		return "closed"
	case 0x3a:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(first)), binary.BigEndian.Uint16(params[1])).String()
	case 0x3e:
		return strconv.Itoa(int(int16(binary.LittleEndian.Uint16(first)))) + " ms"
	case 0x44, 0x54:
		return strconv.Itoa(int(binary.LittleEndian.Uint16(first)))
	case 0x77, 0x79:
		return strconv.Itoa(int(binary.BigEndian.Uint16(first)))
	case 0x45, 0x78:
		return strconv.Itoa(len(first)) + " bytes"
	case 0x7a:
		return fmt.Sprintf("%d bytes from %v", len(params[2]), netip.AddrPortFrom(netip.AddrFrom4([4]byte(first)), binary.LittleEndian.Uint16(params[1])))
	case 0x75, 0x7f:
		return fmt.Sprintf("%d %v", first[0], netip.AddrPortFrom(netip.AddrFrom4([4]byte(params[1])), binary.LittleEndian.Uint16(params[2])))
	}
	words := make([]string, len(params))
	for i, p := range params {
		switch len(p) {
		case 1:
			words[i] = strconv.Itoa(int(p[0]))
		case 4:
			words[i] = netip.AddrFrom4([4]byte(p)).String()
		default:
			words[i] = fmt.Sprintf("% X", p)
		}
	}
	return strings.Join(words, " ")
}
