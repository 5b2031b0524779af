package nina

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Commands 70 to 7F: lwIP's sockets by descriptor (nina-fw 2.0.0
// CommandHandler.cpp). Slots and GPIO0 know nothing of them.

// Requests of command 7B and options of 7D and 7E (lwIP 2.0.3 sockets.h).
const (
	fionbio  = 0x8004667e
	fionread = 0x4004667f

	soAcceptConn = 0x0002
	soReuseAddr  = 0x0004
	soKeepAlive  = 0x0008
	soBroadcast  = 0x0020
	soSndTimeo   = 0x1005
	soRcvTimeo   = 0x1006
	soRcvBuf     = 0x1002
	soError      = 0x1007
	soType       = 0x1008
	soNoCheck    = 0x100a

	maxOption = 16  // LWIP_SETGETSOCKOPT_MAXOPTLEN
	maxIoctl  = 127 // IOCPARM_MASK
)

// Flags of command 7C.
const (
	pollReadable = 0x01
	pollWritable = 0x02
	pollError    = 0x04
)

// recvMost is what command 78 clamps to: SPI_MAX_DMA_LEN - 16.
const recvMost = frameMax - 16

func bsdBlocks(f *firmware, in input) bool   { return f.blocking(in[4]) }
func bsdBlocks16(f *firmware, in input) bool { return f.blocking(in[5]) }

func (f *firmware) blocking(fd byte) bool {
	s := f.lwip.get(int(fd))
	return s != nil && !s.nonblock
}

func bsdSocket(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	r.param(byte(f.cmd.socket(sockKind(in[4])))) // -1 is 255
}

func bsdClose(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	r.truth(f.cmd.close(int(in[4])) == 0)
}

func bsdErrno(f *firmware, _ input, r *reply) { r.param(byte(f.cmd.errno)) }

func bsdBind(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	r.truth(f.cmd.bind(int(in[4]), in.u16be(6)) == 0)
}

func bsdListen(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	r.truth(f.cmd.listen(int(in[4]), int(in[6])) == 0)
}

func bsdAccept(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	fd := f.cmd.accept(int(in[4]))
	r.param(byte(fd))
	f.peerParams(r, fd)
}

// peerParams adds address and port of a descriptor's peer, the port with its
// low byte first; noise if there is none.
func (f *firmware) peerParams(r *reply, fd int) {
	errno := f.cmd.errno
	ip, port := f.peerOrNoise(fd)
	f.cmd.errno = errno
	r.param(ip[:]...)
	r.number(port)
}

func bsdConnect(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	to := netip.AddrPortFrom(netip.AddrFrom4(in.ip(6)), in.u16be(11))
	r.truth(f.cmd.connect(int(in[4]), to) == 0)
}

func bsdSend(f *firmware, in input, r *reply) {
	p := f.data(in, 6)
	if f.hung {
		return
	}
	f.cmd.errno = 0
	r.numberBE(uint16(max(f.cmd.send(int(in[5]), p, false), 0)))
}

func bsdRecv(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	p := f.scratch[:min(int(in.u16le(6)), recvMost)]
	n, _ := f.cmd.recv(int(in[4]), p, false)
	r.param16(p[:max(n, 0)])
}

func bsdSendTo(f *firmware, in input, r *reply) {
	p := f.data(in, 16)
	if f.hung {
		return
	}
	f.cmd.errno = 0
	to := netip.AddrPortFrom(netip.AddrFrom4(in.ip(8)), in.u16be(14))
	r.numberBE(uint16(max(f.cmd.sendTo(int(in[5]), p, to), 0)))
}

func bsdRecvFrom(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	p := f.scratch[:min(int(in.u16le(6)), len(f.scratch))]
	n, from := f.cmd.recv(int(in[4]), p, false)
	ip, port := as4(from.Addr()), from.Port()
	if n < 0 {
		n = 0
		binary.NativeEndian.PutUint32(ip[:], f.c.rng.Uint32())
		port = uint16(f.c.rng.Uint32())
	}
	r.param16(ip[:])
	r.param16([]byte{byte(port), byte(port >> 8)})
	f.returnData(r, p[:n], 16)
}

func bsdIoctl(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	fd, n := int(in[4]), min(int(in[10]), maxIoctl)
	arg := append(make([]byte, 0, maxIoctl), in.text(11, n)...)
	word := arg[:4]
	ret := 0
	switch in.u32le(6) {
	case fionbio:
		ret = f.cmd.setNonblocking(fd, binary.LittleEndian.Uint32(word) != 0)
	case fionread:
		ret = f.cmd.readable(fd)
		binary.LittleEndian.PutUint32(word, uint32(max(ret, 0)))
	default:
		ret = -1
		if f.cmd.sock(fd) != nil {
			f.cmd.errno = eNOSYS
		}
	}
	if ret < 0 {
		n = 0
	}
	r.param(arg[:n]...)
}

func bsdPoll(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	flags := byte(0)
	if s := f.lwip.get(int(in[4])); s != nil {
		readable, writable, failed := s.pollable()
		if readable {
			flags |= pollReadable
		}
		if writable {
			flags |= pollWritable
		}
		if failed {
			flags |= pollError
		}
	}
	r.param(flags)
}

// option reads and writes the flags that lwIP keeps in one word.
const optionFlags = soReuseAddr | soKeepAlive | soBroadcast

func bsdSetsockopt(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	n := min(int(in[10]), maxOption)
	value := in.text(11, n)
	s := f.cmd.sock(int(in[4]))
	if s == nil {
		r.truth(false)
		return
	}
	name := in.u32le(6)
	switch {
	case name == soRcvTimeo && n >= 8:
		s.timeout = time.Duration(int32(binary.LittleEndian.Uint32(value)))*time.Second +
			time.Duration(int32(binary.LittleEndian.Uint32(value[4:])))*time.Microsecond
	case name == soSndTimeo && n >= 8, name == soRcvBuf && n >= 4, name == soNoCheck && n >= 4 && s.kind == sockDgram:
	case name&^uint32(optionFlags) == 0 && name&(name-1) == 0 && name != 0 && n >= 4:
		if binary.LittleEndian.Uint32(value) != 0 {
			s.options |= name
		} else {
			s.options &^= name
		}
		s.reuse = s.options&soReuseAddr != 0
	case name == soRcvTimeo, name == soSndTimeo, name == soRcvBuf, name == soReuseAddr, name == soKeepAlive, name == soBroadcast:
		f.cmd.errno = eINVAL
		r.truth(false)
		return
	default:
		f.cmd.errno = eNOPROTOOPT
		r.truth(false)
		return
	}
	r.truth(true)
}

func bsdGetsockopt(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	n := min(int(in[11]), maxOption)
	s := f.cmd.sock(int(in[4]))
	if s == nil {
		r.param()
		return
	}
	var value [maxOption]byte
	size := 4
	word := uint32(0)
	name := in.u32le(6)
	switch name {
	case soReuseAddr, soKeepAlive, soBroadcast:
		word = s.options & name
	case soAcceptConn:
		if s.listening {
			word = 1
		}
	case soError:
		word = uint32(s.err)
	case soType:
		word = uint32(s.kind)
	case soRcvBuf:
		word = uint32(tcpSegments * f.v.mss)
	case soRcvTimeo:
		size = 8
		binary.LittleEndian.PutUint32(value[4:], uint32(s.timeout%time.Second/time.Microsecond))
		word = uint32(s.timeout / time.Second)
	case soSndTimeo:
		size = 8
	default:
		f.cmd.errno = eNOPROTOOPT
		r.param()
		return
	}
	if n < size {
		f.cmd.errno = eINVAL
		r.param()
		return
	}
	if name == soError {
		s.err = 0
	}
	binary.LittleEndian.PutUint32(value[:], word)
	r.param(value[:n]...)
}

func bsdGetpeername(f *firmware, in input, r *reply) {
	f.cmd.errno = 0
	_, err := f.cmd.peerName(int(in[4]))
	r.truth(err == 0)
	f.peerParams(r, int(in[4]))
}
