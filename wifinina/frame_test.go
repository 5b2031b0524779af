package wifinina

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"tinynet/netdev"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// built returns a whole frame: head, data, end and pads.
func built(f *frame, data []byte) []byte {
	b := append([]byte(nil), f.buf...)
	b = append(b, data...)
	return append(b, tail(len(b))...)
}

// The exchanges that the protocol's description works out, byte for byte.
func TestRequestsAsDocumented(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(f *frame)
		data  string
		want  string
	}{
		{"firmware version", func(f *frame) { f.start(0x37, 0) }, "", "E0 37 00 EE"},
		{"join", func(f *frame) { f.start(0x11, 2); f.text("home"); f.text("passw0rd") }, "",
			"E0 11 02 04 68 6F 6D 65 08 70 61 73 73 77 30 72 64 EE FF FF"},
		{"status", func(f *frame) { f.start(0x20, 0) }, "", "E0 20 00 EE"},
		{"start client", func(f *frame) {
			f.start(0x2D, 4)
			f.quad(&[4]byte{192, 168, 1, 10})
			f.short(0x1F90)
			f.octet(0)
			f.octet(0)
		}, "", "E0 2D 04 04 C0 A8 01 0A 02 1F 90 01 00 01 00 EE"},
		{"send", func(f *frame) { f.start(0x44, 2); f.octet(0); f.size(2) }, "hi",
			"E0 44 02 00 01 00 00 02 68 69 EE FF"},
		{"get buffer", func(f *frame) { f.start(0x45, 2); f.octet(0); f.short(0x0004) }, "",
			"E0 45 02 00 01 00 00 02 00 04 EE FF"},
		{"stop client", func(f *frame) { f.start(0x2E, 1); f.octet(0) }, "", "E0 2E 01 01 00 EE FF FF"},
		{"start server", func(f *frame) { f.start(0x28, 3); f.short(0x0050); f.octet(1); f.octet(0) }, "",
			"E0 28 03 02 00 50 01 01 01 00 EE FF"},
		{"accept", func(f *frame) { f.start(0x2B, 2); f.octet(1); f.octet(1) }, "", "E0 2B 02 01 01 01 01 EE"},
		{"insert datagram", func(f *frame) { f.start(0x46, 2); f.octet(1); f.size(3) }, "abc",
			"E0 46 02 00 01 01 00 03 61 62 63 EE"},
		{"start TLS client", func(f *frame) {
			f.start(0x2D, 5)
			f.text("example.com")
			f.quad(new([4]byte))
			f.short(0x01BB)
			f.octet(0)
			f.octet(2)
		}, "", "E0 2D 05 0B 65 78 61 6D 70 6C 65 2E 63 6F 6D 04 00 00 00 00 02 01 BB 01 00 01 02 EE"},
	} {
		f := frame{buf: make([]byte, 0, frameBuf)}
		c.build(&f)
		if got, want := built(&f, []byte(c.data)), unhex(t, c.want); f.bad || !bytes.Equal(got, want) {
			t.Errorf("%s: % X, want % X", c.name, got, want)
		}
	}
}

func TestRepliesAsDocumented(t *testing.T) {
	for _, c := range []struct {
		name  string
		cmd   byte
		reply string
		want  []string // parameters
		err   fault
	}{
		{"firmware version", 0x37, "E0 B7 01 06 32 2E 30 2E 30 00 EE 00", []string{"2.0.0\x00"}, 0},
		{"acknowledgement", 0x11, "E0 91 01 01 01 EE 00 00", []string{"\x01"}, 0},
		{"connected", 0x20, "E0 A0 01 01 03 EE 00 00", []string{"\x03"}, 0},
		{"start client failed", 0x2D, "E0 AD 00 EE", nil, 0},
		{"sent", 0x44, "E0 C4 01 02 02 00 EE 00", []string{"\x02\x00"}, 0},
		{"data", 0x45, "E0 C5 01 00 02 4F 4B EE", []string{"OK"}, 0},
		{"no data", 0x45, "E0 C5 01 00 00 EE 00 00", []string{""}, 0},
		{"remote", 0x3A, "E0 BA 02 04 C0 A8 01 14 02 C3 50 EE", []string{"\xC0\xA8\x01\x14", "\xC3\x50"}, 0},
		{"unknown command", 0x38, "EF 00 EE 00", nil, errRefused},
		{"another command's reply", 0x20, "E0 91 01 01 01 EE 00 00", nil, errGarbled},
		{"no end mark", 0x20, "E0 A0 01 01 03 00 00 00", nil, errGarbled},
		{"length past the end", 0x20, "E0 A0 01 02 03 EE 00 00", nil, errGarbled},
		{"other number of parameters", 0x20, "E0 A0 02 01 03 EE 00 00", []string{""}, errGarbled},
		{"noise", 0x20, "FF FF FF FF FF FF FF FF", []string{""}, errGarbled},
	} {
		b := unhex(t, c.reply)
		n, err := replyLen(b, c.cmd, len(c.want))
		if err != c.err {
			t.Errorf("%s: error %v, want %v", c.name, err, c.err)
			continue
		}
		if err != 0 {
			if !errors.Is(faults[err], netdev.ErrDevice) {
				t.Errorf("%s: %v is no netdev.ErrDevice", c.name, err)
			}
			continue
		}
		if n > len(b) {
			t.Errorf("%s: needs %d bytes of %d", c.name, n, len(b))
		}
		for i, want := range c.want {
			if got := replyParam(b, c.cmd, i); string(got) != want {
				t.Errorf("%s: parameter %d is %q, want %q", c.name, i, got, want)
			}
		}
	}
}

// A reply read in pieces asks for what is missing, never for more.
func TestReplyLenOfAPartialReply(t *testing.T) {
	whole := unhex(t, "E0 BA 02 04 C0 A8 01 14 02 C3 50 EE")
	have, steps := 4, 0
	for {
		need, err := replyLen(whole[:have], 0x3A, 2)
		if err != 0 || need > len(whole) {
			t.Fatalf("%d bytes: need %d, %v", have, need, err)
		}
		if need <= have {
			break
		}
		have = need
		if steps++; steps > 4 {
			t.Fatal("does not end")
		}
	}
	if have != len(whole) {
		t.Fatalf("stopped at %d", have)
	}
}

func TestFrameThatDoesNotFitIsBad(t *testing.T) {
	f := frame{buf: make([]byte, 0, frameBuf)}
	f.start(cmdResolve, 1)
	f.text(strings.Repeat("x", 255))
	if f.bad {
		t.Error("a host name of 255 bytes does not fit")
	}
	f.start(cmdResolve, 1)
	if f.text(strings.Repeat("x", 256)); !f.bad {
		t.Error("a length of 256 went into a byte")
	}
	f.start(cmdSend, 2)
	if f.text(strings.Repeat("x", frameBuf)); !f.bad {
		t.Error("the buffer's end was passed")
	}
	if f.start(cmdStatus, 0); f.bad {
		t.Error("a new frame is bad")
	}
}

func TestTailPadsToFour(t *testing.T) {
	for n := 0; n < 64; n++ {
		if p := tail(n); (n+len(p))%4 != 0 || len(p) > 4 || p[0] != frameEnd {
			t.Errorf("%d bytes: % X", n, p)
		}
	}
}

// No bytes from the wire make the parser panic, or point outside of them.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"E0B70106322E302E3000EE00", "EF00EE00", "E0C50100024F4BEE", "E0FA0300040A00000100020050000141EE", "E0A0FFFFFF"} {
		b, _ := hex.DecodeString(s)
		f.Add(b, byte(0x45), byte(1))
		f.Add(b, byte(cmdRecvFrom), byte(3))
		f.Add(b, byte(0x37), byte(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, cmd, n byte) {
		cmd &^= replyBit
		need, err := replyLen(b, cmd, int(n))
		if err == 0 && (need < minReply || need > maxFrame+4) {
			t.Fatalf("length %d", need)
		}
		for i := 0; i < int(n)+1; i++ {
			p := replyParam(b, cmd, i)
			if err == 0 && need <= len(b) && i < int(n) && p == nil {
				t.Fatalf("complete reply without parameter %d", i)
			}
		}
	})
}
