package wifinina

import (
	"net/netip"
	"testing"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
)

// forge changes replies as script says: an operation per reply, then its
// arguments. When the script is at its end the replies are left alone.
func forge(script []byte) func(cmd byte, r []byte) []byte {
	next := func() byte {
		if len(script) == 0 {
			return 0
		}
		b := script[0]
		script = script[1:]
		return b
	}
	return func(cmd byte, r []byte) []byte {
		switch next() % 8 {
		case 1: // one byte
			if at := int(next()); at < len(r) {
				r[at] ^= next()
			}
		case 2: // cut short
			r = r[:min(int(next()), len(r))]
		case 3: // bytes lost at the front
			r = r[min(int(next()), len(r)):]
		case 4: // anything
			n := min(int(next()), len(script))
			r, script = script[:n:n], script[n:]
		case 5: // a plausible head, then anything
			n := min(int(next()), len(script))
			r, script = append([]byte{frameStart, cmd | replyBit}, script[:n]...), script[n:]
		}
		return r
	}
}

// Whatever bytes come from the chip, nothing panics or hangs, and every frame
// that the driver sends is well formed.
func FuzzHostileChip(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 5, 3, 1, 6, 0})
	f.Add([]byte{4, 3, 0xE0, 0xB7, 0xFF, 0, 0, 1, 3, 0xFF})
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x03\x01\xff\xff\x01\x04\x80"))
	for op := byte(1); op < 6; op++ {
		for at := 5; at < 40; at += 5 {
			f.Add(append(make([]byte, at), op, 3, 0x55, 0xFF, 0xFF, op, 4, 0xAA, 1, 2))
		}
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		c := newFake(t)
		c.hostile = true
		if len(script)%2 == 1 { // slots only
			c.version, c.oldFirmware = "1.4.8", true
		}
		c.onCmd = forge(script)
		d := newDevice(c.config(), offload.Times{Check: time.Millisecond, Retry: 1, Dial: 5 * time.Millisecond})
		d.chip().bus.lim = &limits{
			reset: 1, boot: 1, ready: spanOf(time.Millisecond), spin: 1, selects: spanOf(200 * time.Microsecond),
			command: spanOf(time.Millisecond), slow: spanOf(time.Millisecond), resolve: spanOf(time.Millisecond),
			settle: spanOf(time.Millisecond), join: 1, dial: spanOf(5 * time.Millisecond), grace: spanOf(time.Millisecond),
		}
		soon := func() time.Time { return time.Now().Add(2 * time.Millisecond) }
		buf := make([]byte, 600)
		for _, watchdog := range []time.Duration{0, time.Millisecond} {
			d.NetConnect(&netlink.ConnectParams{
				Ssid: "home", Passphrase: "passw0rd", Retries: 2,
				ConnectTimeout: 2 * time.Millisecond, WatchdogTimeout: watchdog,
			})
			d.LookupHost("ip", "host", soon())
			if fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP); err == nil {
				d.SetWriteDeadline(fd, soon())
				d.Connect(fd, "", ap("10.0.0.1:80"))
				d.Send(fd, buf, 0, soon())
				d.Recv(fd, buf, 0, soon())
				d.LocalAddr(fd)
				d.Close(fd)
			}
			if fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP); err == nil {
				d.SendTo(fd, buf, 0, ap("10.0.0.1:80"), soon())
				d.RecvFrom(fd, buf[:100], 0, soon())
			}
			if fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP); err == nil {
				d.Bind(fd, ap("0.0.0.0:80"))
				d.Listen(fd, 1)
				d.SetReadDeadline(fd, soon())
				if conn, _, err := d.Accept(fd); err == nil {
					d.Recv(conn, buf, 0, soon())
				}
			}
			if fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS); err == nil {
				d.SetWriteDeadline(fd, soon())
				d.Connect(fd, "host", ap("10.0.0.1:443"))
				d.Send(fd, buf, 0, soon())
				d.Recv(fd, buf, 0, soon())
			}
			if fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, 0); err == nil {
				d.Bind(fd, ap("0.0.0.0:5353"))
				d.JoinGroup(fd, netip.MustParseAddr("224.0.0.251"), 0)
				d.RecvFrom(fd, buf, 0, soon())
			}
			d.RSSI()
			d.Time()
			d.Ping(netip.MustParseAddr("10.0.0.1"), 1)
			d.DNSServers()
			d.NetDisconnect()
			d.Scan()
			for fd := range maxSockets {
				d.Close(fd)
			}
		}
	})
}
