package nina

import (
	"fmt"
	"testing"
	"time"

	"tinynet/sim/network"
)

// FuzzChip plays what a broken driver might do to the pins and the bus, on a
// network where things happen, with the firmware that the first byte names.
// The chip may hang, but must not panic or block its host, and after a reset it
// answers.
func FuzzChip(f *testing.F) {
	add := func(script []byte) {
		for fw := range Firmwares() {
			f.Add(append([]byte{byte(fw)}, script...))
		}
	}
	frame := func(frames ...[]byte) (out []byte) {
		for _, fr := range frames {
			out = append(out, 0, byte(len(fr)>>8), byte(len(fr)))
			out = append(out, fr...)
		}
		return out
	}
	join := build(0x10, []byte("home"))
	connect := build(0x2d, b(10, 0, 0, 9), b(0, 80), b(0), b(0))
	add(frame(join, connect, build(0x44, b(0), []byte("hi")), build(0x45, b(0), b(255, 15)), build(0x2f, b(0)), build(0x2e, b(0))))
	add(append(frame(join, build(0x28, b(0, 80), b(1), b(0))), append([]byte{8, 8, 9}, frame(build(0x2b, b(1), b(1)), build(0x2b, b(1), b(0)), build(0x3a, b(2)))...)...))
	add(append(frame(join, build(0x28, b(0, 80), b(1), b(1))), append([]byte{8, 9, 8}, frame(build(0x46, b(1), []byte("x")), build(0x39, b(1)), build(0x45, b(1), b(9, 0)))...)...))
	add(frame(join, build(0x70, b(1), b(0)), build(0x76, b(54), b(10, 0, 0, 9), b(0, 80)), build(0x78, b(54), b(9, 0)), build(0x7c, b(54)), build(0x71, b(54))))
	add(frame(build(0x70, b(2), b(0)), build(0x7b, b(54), unhex("7E 66 04 80"), unhex("01 00 00 00")), build(0x7a, b(54), b(9, 0)), build(0x7d, b(54), unhex("04 00 00 00"), unhex("01 00 00 00"))))
	add(append(frame(build(0x19, []byte("home"), []byte("passw0rd"), b(6)), build(0x28, b(0, 80), b(1), b(0))), append([]byte{12, 8, 8, 9}, frame(build(0x2b, b(1), b(1)), build(0x30, b(255)))...)...))
	add(frame(join, build(0x2d, []byte("web"), b(0, 0, 0, 0), b(1, 187), b(0), b(2)), build(0x2d, b(9, 0, 0, 10), b(0, 80), b(0), b(2)), build(0x44, b(0), []byte("hi")), build(0x2f, b(0))))
	add(frame(pad(append(file(0x60, 0, 2, "/fs/a"), 0, 'h', 'i', 0xee)), pad(append(file(0x61, 1, 200, "/fs/a"), 0xee)), pad(append(file(0x63, 0, 0, "/fs/a"), 0xee))))
	add([]byte{1, 2, 5, 10, 20, 6, 3, 3, 4, 7, 10, 11, 8, 9, 0, 0, 4, 0xe0, 0x40, 1, 0xff})
	for number := range byte(0x80) {
		add(frame(join, build(number, b(1), b(0, 80), b(2), b(0), b(3))))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		s := newFakeStation()
		s.open[addr("10.0.0.9:80")] = true
		firmware := Firmwares()[0]
		if len(script) > 0 {
			firmware = Firmwares()[int(script[0])%len(Firmwares())]
			script = script[1:]
		}
		c := New(Config{
			Firmware: firmware,
			Attach:   func(network.Params) network.Station { return s },
			AttachAP: func(network.Params, network.AccessPoint) network.Station { return s },
			Trace:    func(e Event) { _ = fmt.Sprint(e) },
			Roots:    ca.pool(),
			Seed:     uint64(len(script)),
		})
		defer c.Close()
		next := func() byte {
			if len(script) == 0 {
				return 0
			}
			v := script[0]
			script = script[1:]
			return v
		}
		buf := make([]byte, 5000)
		for steps := 0; len(script) > 0 && steps < 200; steps++ {
			switch op := next(); op % 13 {
			case 0: // a frame, and its reply if there is one soon
				n := int(next())<<8 | int(next())
				n = min(n%5000, len(script))
				c.CS().Low()
				c.SPI().Tx(script[:n], nil)
				script = script[n:]
				c.CS().High()
				for i := 0; i < 20 && c.Ready().Get(); i++ {
					time.Sleep(time.Microsecond)
				}
				c.CS().Low()
				c.SPI().Tx(nil, buf[:16])
				c.CS().High()
			case 1:
				c.CS().Low()
			case 2:
				c.SPI().Tx(buf[:int(next())*19], nil)
			case 3:
				c.CS().High()
			case 4:
				c.SPI().Transfer(next())
			case 5:
				c.Reset().Low()
			case 6:
				c.Reset().High()
			case 7:
				c.GPIO0().Output()
				c.GPIO0().Set(next()&1 != 0)
			case 8: // somebody connects or sends
				s.mu.Lock()
				conns, l, p := append([]*fakeConn(nil), s.conns...), s.listeners[80], s.packets[80]
				s.mu.Unlock()
				for _, k := range conns {
					k.segment("data", op&16 != 0)
				}
				if l != nil {
					l.dial("10.0.0.7:1").send("GET")
				}
				if p != nil {
					p.deliver("abc", "10.0.0.7:9")
				}
			case 9: // everybody hangs up
				s.mu.Lock()
				conns := append([]*fakeConn(nil), s.conns...)
				s.mu.Unlock()
				for _, k := range conns {
					k.end(op&16 != 0)
				}
			case 10:
				c.DropLink()
			case 11:
				c.RestoreLink()
			case 12:
				s.change(op&16 != 0, int(op>>5))
			}
		}
		c.CS().High()
		c.GPIO0().Output()
		c.GPIO0().High()
		c.Reset().Low()
		c.Reset().High()
		if c.Ready().Get() {
			t.Fatal("READY is high after a reset")
		}
		c.CS().Low()
		c.SPI().Tx(unhex(askVersion), nil)
		c.CS().High()
		c.CS().Low()
		c.SPI().Tx(nil, buf[:11])
		c.CS().High()
		if want := "\xe0\xb7\x01\x06" + FirmwareVersion(firmware) + "\x00\xee"; string(buf[:11]) != want {
			t.Fatalf("version is % X after a reset", buf[:11])
		}
	})
}
