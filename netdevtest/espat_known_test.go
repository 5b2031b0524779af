package netdevtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/espat"
	"tinynet/netdev"
	modem "tinynet/sim/espat"
	"tinynet/sim/fault"
	"tinynet/sim/network"
)

// What is known to go wrong with drivers for ESP-AT, a test for each; what modules do
// rarely is drawn from a seed.

// keywords is a payload of all that a driver may take for the module's own words.
const keywords = "\r\nOK\r\n\r\nERROR\r\n+IPD,0,5:0,CLOSED\r\nCLOSED\r\n>\r\nSEND OK\r\n\r\nready\r\n+CIPRECVDATA:3,\r\nWIFI DISCONNECT\r\nbusy p...\r\n+++\r\n"

// odd is a module that has one oddity, and what a driver cannot make good of it.
type odd struct {
	kind    modem.Oddity
	every   int
	active  bool // it is seen in the active mode only
	breaks  bool // connections may fail, with an error
	reboots bool // and the module has to be started again
}

// strange uses a module with an oddity: what arrives is the beginning of what was sent,
// and all of it unless there was an error; where nothing has to break, nothing does;
// and in the end the device works.
func strange(t *testing.T, o odd) {
	versions := modem.Versions()
	for seed := range uint64(len(versions)) {
		version := versions[seed]
		t.Run(fmt.Sprintf("%s seed %d", version, seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { strangely(t, o, version, seed) })
		})
	}
}

func strangely(t *testing.T, o odd, version string, seed uint64) {
	pin := &resetPin{}
	b := newESPAT(network.VirtualConfig{RTT: 5 * time.Millisecond, Seed: seed}, modem.Config{
		Version: version, Seed: seed,
		Oddities: modem.Oddities{Every: o.every, Kinds: []modem.Oddity{o.kind}},
	}, func(c *espat.Config) {
		c.WatchdogTimeout, c.Active, c.FlowControl, c.Buffer = time.Second, o.active, o.active, 32<<10
		if version == "esp8266-1.7" && o.kind == modem.OddNoEnd {
			c.Reset = pin // only that ends a command which never ends
		}
	})
	defer b.close()
	pin.b = b
	err := b.dev.NetConnect()
	for try := 0; err != nil && o.reboots && try < 5; try++ {
		err = b.dev.NetConnect()
	}
	check(t, err)
	l, err := b.net.Host().Listen(7000)
	check(t, err)
	var serving sync.WaitGroup
	serving.Add(1)
	go func() {
		defer serving.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Add(1)
			go func() {
				defer serving.Done()
				defer c.Close()
				c.SetDeadline(time.Now().Add(10 * time.Minute))
				io.Copy(c, c)
			}()
		}
	}()
	defer func() { l.Close(); serving.Wait() }()

	var done, failed int
	var mu sync.Mutex
	var users sync.WaitGroup
	for g := range uint64(3) {
		users.Add(1)
		go func() {
			defer users.Done()
			r := rand.New(rand.NewPCG(seed, g))
			for range 6 {
				err := strangeEcho(b, r)
				mu.Lock()
				switch {
				case err == nil:
					done++
				case errors.Is(err, errBroken) || !o.breaks:
					t.Error(err)
				default:
					failed++
				}
				mu.Unlock()
			}
		}()
	}
	users.Wait()
	for r := rand.New(rand.NewPCG(seed, 98)); done < 100 && b.chip.Happened(o.kind) == 0; done++ {
		if err := strangeEcho(b, r); errors.Is(err, errBroken) || err != nil && !o.breaks {
			t.Error(err)
		}
	}
	if n := b.chip.Happened(o.kind); n == 0 {
		t.Errorf("the test shows nothing: %v did not happen", o.kind)
	}
	if done == 0 {
		t.Errorf("nothing worked, %d connections failed", failed)
	}
	// Then it works, as often as the oddity lets it.
	r := rand.New(rand.NewPCG(seed, 99))
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		err := strangeEcho(b, r)
		if err == nil {
			break
		}
		if time.Since(start) > 3*time.Minute {
			t.Fatalf("in the end it does not work: %v", err)
		}
	}
}

// errBroken: a promise is.
var errBroken = errors.New("broken")

// strangeEcho has a payload echoed over a connection of its own.
func strangeEcho(b *espatBoard, r *rand.Rand) error {
	for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(100 * time.Millisecond) {
		if _, err := b.dev.Addr(); err == nil {
			break
		}
	}
	c, err := Dial(b.dev, netip.AddrPortFrom(network.HostAddr, 7000))
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer c.Close()
	want := make([]byte, 1+r.IntN(6000))
	for i := range want {
		want[i] = keywords[i%len(keywords)] // the most misleading that there is
	}
	if r.IntN(2) == 0 {
		for i := range want {
			want[i] = byte(r.Uint32())
		}
	}
	sent := make(chan error, 1)
	go func() {
		c.SetWriteDeadline(time.Now().Add(time.Minute))
		_, err := c.Write(want)
		sent <- err
	}()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	got, buf := []byte(nil), make([]byte, 1+r.IntN(2000))
	for err == nil && len(got) < len(want) {
		var n int
		n, err = c.Read(buf)
		got = append(got, buf[:n]...)
	}
	switch werr := <-sent; {
	case !bytes.HasPrefix(want, got):
		return fmt.Errorf("%w: %d bytes came back that are not the beginning of the %d sent", errBroken, len(got), len(want))
	case err == io.EOF:
		return fmt.Errorf("%w: a clean end after %d of %d bytes, which nobody made", errBroken, len(got), len(want))
	case err != nil:
		return fmt.Errorf("%d of %d bytes came back: %w", len(got), len(want), err)
	case werr != nil && len(got) == len(want):
		return fmt.Errorf("write: %w", werr)
	}
	return nil
}

func TestESPATBusyAtAnyTime(t *testing.T) {
	strange(t, odd{kind: modem.OddBusy, every: 6})
}

func TestESPATDataBetweenACommandAndItsOK(t *testing.T) {
	for _, active := range []bool{false, true} {
		t.Run(fmt.Sprintf("active %v", active), func(t *testing.T) {
			strange(t, odd{kind: modem.OddHeldIPD, every: 3, active: active})
		})
	}
}

func TestESPATSendOKMissing(t *testing.T) {
	strange(t, odd{kind: modem.OddNoSendOK, every: 8, breaks: true})
}

func TestESPATSendFailThenSendOK(t *testing.T) {
	strange(t, odd{kind: modem.OddFailThenOK, every: 8, breaks: true})
}

func TestESPATPromptBeforeItsOK(t *testing.T) {
	strange(t, odd{kind: modem.OddEarlyPrompt, every: 3})
}

func TestESPATRebootInMidCommand(t *testing.T) {
	strange(t, odd{kind: modem.OddReboot, every: 60, breaks: true, reboots: true})
}

func TestESPATRebootInMidPayload(t *testing.T) {
	for _, active := range []bool{false, true} {
		t.Run(fmt.Sprintf("active %v", active), func(t *testing.T) {
			strange(t, odd{kind: modem.OddTornPayload, every: 12, active: active, breaks: true, reboots: true})
		})
	}
}

func TestESPATCommandThatNeverEnds(t *testing.T) {
	strange(t, odd{kind: modem.OddNoEnd, every: 40, breaks: true, reboots: true})
}

func TestESPATLinesThatNobodyKnows(t *testing.T) {
	strange(t, odd{kind: modem.OddStray, every: 4})
}

// CLOSED after the ERROR of a connection that failed ends no other connection.
func TestESPATLateClosed(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{
			Version: version, Oddities: modem.Oddities{Every: 1, Kinds: []modem.Oddity{modem.OddLateClosed}},
		})
		defer b.close()
		s := b.setup()
		for i := range 20 {
			if _, err := Dial(b.dev, netip.AddrPortFrom(network.HostAddr, 1)); !errors.Is(err, netdev.ErrConnRefused) {
				t.Errorf("nobody listens there: %v", err)
			}
			device, peer := pair(t, s, uint16(7000+i))
			_, err := peer.Write([]byte("hello"))
			check(t, err)
			_, err = io.ReadFull(device, make([]byte, 5))
			check(t, err)
			device.Close()
			peer.Close()
		}
		if n := b.chip.Happened(modem.OddLateClosed); n < 20 {
			t.Errorf("it happened %d times", n)
		}
	})
}

// SSL announces more than arrives: in the active mode, where the rest never comes, the
// stream ends with an error; in the passive mode it always does, and nothing is lost.
func TestESPATTLSAnnouncesMoreThanArrives(t *testing.T) {
	cert, _ := certificate(t, "host")
	for _, active := range []bool{false, true} {
		t.Run(fmt.Sprintf("active %v", active), func(t *testing.T) {
			everyESPAT(t, func(t *testing.T, version string) {
				b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{
					Version: version, Seed: 1, Oddities: modem.Oddities{Every: 8, Kinds: []modem.Oddity{modem.OddSSLLength}},
				}, func(c *espat.Config) { c.Active, c.Buffer = active, 16<<10 })
				defer b.close()
				l, err := b.net.Host().Listen(443)
				check(t, err)
				_, stop := tlsEcho(t, l, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12})
				defer stop()
				for round := range 6 {
					fd, err := dialTLS(t, b.dev, "host", netip.AddrPortFrom(network.HostAddr, 443))
					check(t, err)
					before := b.chip.Happened(modem.OddSSLLength)
					var got []byte
					buf := make([]byte, 2000)
					want := payload(uint64(round), 500)
					for range 10 {
						if _, err = b.dev.Send(fd, want, 0, time.Time{}); err != nil {
							break
						}
						for end := len(got) + len(want); len(got) < end && err == nil; {
							var n int
							n, err = b.dev.Recv(fd, buf, 0, time.Now().Add(10*time.Second))
							got = append(got, buf[:max(n, 0)]...)
						}
						if err != nil {
							break
						}
					}
					for i := 0; i < len(got); i += len(want) {
						if p := got[i:min(i+len(want), len(got))]; !bytes.HasPrefix(want, p) {
							t.Errorf("round %d: what arrived is not what was sent", round)
						}
					}
					happened := b.chip.Happened(modem.OddSSLLength) > before
					switch {
					case !happened && err != nil, err == io.EOF, errors.Is(err, netdev.ErrTimeout):
						t.Errorf("round %d: %v", round, err)
					case happened && err == nil && len(got) != 10*len(want):
						t.Errorf("round %d: %d bytes, and no error", round, len(got))
					}
					check(t, b.dev.Close(fd))
				}
				if n := b.chip.Happened(modem.OddSSLLength); active != (n > 0) {
					t.Errorf("it happened %d times", n)
				}
			})
		})
	}
}

// Whatever the payload holds, in whatever pieces it comes, it ends no command.
func TestESPATKeywordsInPayload(t *testing.T) {
	for _, active := range []bool{false, true} {
		for _, cut := range []bool{false, true} {
			t.Run(fmt.Sprintf("active %v, byte by byte %v", active, cut), func(t *testing.T) {
				everyESPAT(t, func(t *testing.T, version string) {
					b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version}, func(c *espat.Config) {
						c.Active, c.Buffer = active, 16<<10
					})
					defer b.close()
					if cut {
						b.wire.Play(fault.Plan{List: []fault.Fault{{Kind: fault.Cut, Half: fault.Reply, Pick: 1 << 30}}})
					}
					device, peer := pair(t, b.setup(), 7000)
					defer device.Close()
					go io.Copy(peer, peer)
					for _, want := range []string{keywords, strings.Repeat(keywords, 20), "+++", "OK\r\n", ">", "\r\n+IPD,0,3:abc"} {
						for range 3 {
							_, err := device.Write([]byte(want))
							check(t, err)
							got := make([]byte, len(want))
							device.SetReadDeadline(time.Now().Add(20 * time.Second))
							_, err = io.ReadFull(device, got)
							check(t, err)
							if string(got) != want {
								t.Fatalf("%.30q came back as %.30q", want, got)
							}
						}
					}
				})
			})
		}
	}
}

// The end of a peer's stream is told at once, behind all that it sent.
func TestESPATClosedEndsRecv(t *testing.T) {
	for _, active := range []bool{false, true} {
		t.Run(fmt.Sprintf("active %v", active), func(t *testing.T) {
			everyESPAT(t, func(t *testing.T, version string) {
				b := startESPAT(t, network.VirtualConfig{}, modem.Config{Version: version}, func(c *espat.Config) { c.Active = active })
				defer b.close()
				for i := range 7 {
					device, peer := pair(t, b.setup(), uint16(7000+i))
					type end struct {
						text string
						err  error
					}
					ended := make(chan end, 1)
					go func() {
						text, err := io.ReadAll(device)
						ended <- end{string(text), err}
					}()
					time.Sleep(time.Second)
					want := ""
					if i%2 == 1 {
						want = keywords
						peer.Write([]byte(want))
					}
					start := time.Now()
					peer.Close()
					e := <-ended
					if e.err != nil || e.text != want {
						t.Errorf("%d: %q, %v", i, e.text, e.err)
					}
					if d := time.Since(start); d > 100*time.Millisecond {
						t.Errorf("%d: it was told after %v", i, d)
					}
					if _, err := device.Write([]byte("x")); err == nil {
						t.Error("a write after the end succeeded")
					}
					check(t, device.Close())
				}
			})
		})
	}
}

// Five sockets at once get what is theirs.
func TestESPATFiveSocketsAtOnce(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version})
		defer b.close()
		done := make(chan error, 5)
		for i := range 5 {
			device, peer := pair(t, b.setup(), uint16(7000+i))
			go func() { io.Copy(peer, peer); peer.Close() }()
			go func() {
				want := payload(uint64(i), 8000)
				go device.Write(want)
				got := make([]byte, len(want))
				_, err := io.ReadFull(device, got)
				if err == nil && !bytes.Equal(got, want) {
					err = errors.New("the echo differs")
				}
				done <- err
				device.Close()
			}()
		}
		for range 5 {
			check(t, <-done)
		}
	})
}

// SEND OK may take as long as the peer takes, which is not an error before it has taken
// nothing for 10 s; then it is one, and the other sockets go on.
func TestESPATSendOKTakesLong(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{}, modem.Config{Version: version})
		defer b.close()
		device, peer := pair(t, b.setup(), 7000)
		defer device.Close()
		want := payload(1, 70_000)
		sent := make(chan error, 1)
		go func() { _, err := device.Write(want); sent <- err }()
		var got []byte
		buf := make([]byte, 20_000)
		for len(got) < len(want) {
			time.Sleep(7 * time.Second)
			n, err := peer.Read(buf)
			check(t, err)
			got = append(got, buf[:n]...)
		}
		check(t, <-sent)
		if !bytes.Equal(got, want) {
			t.Error("the peer received something else")
		}
		if version == "esp8266-1.7" || version == "esp32-2.0" {
			return // has no CIPTCPOPT: such a send never ends, until the driver starts the module again
		}
		other, peer2 := pair(t, b.setup(), 7001)
		defer other.Close()
		start := time.Now()
		for _, err := device.Write(want); err == nil; _, err = device.Write(want) {
		}
		if d := time.Since(start); d > 40*time.Second {
			t.Errorf("a peer that takes nothing was given up after %v", d)
		}
		go io.Copy(peer2, peer2)
		_, err := other.Write([]byte("hello"))
		check(t, err)
		_, err = io.ReadFull(other, make([]byte, 5))
		check(t, err)
	})
}

// Payload that comes in pieces, with silence between them, is waited for, and never read
// past what has come.
func TestESPATPayloadInPieces(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		for seed := range uint64(4) {
			b := startESPAT(t, network.VirtualConfig{}, modem.Config{Version: version, HostRing: 64 << 10}, func(c *espat.Config) { c.Active = seed%2 == 1 })
			defer b.close()
			device, peer := pair(t, b.setup(), 7000)
			defer device.Close()
			r := rand.New(rand.NewPCG(seed, 0))
			plan := fault.Plan{}
			for at := r.IntN(40); at < 30_000; at += 1 + r.IntN(2000) {
				plan.List = append(plan.List, fault.Fault{At: at, Kind: fault.Stall, Half: fault.Reply, For: time.Duration(1+r.IntN(180)) * time.Millisecond})
			}
			b.wire.Play(plan)
			want := payload(seed, 20_000)
			go peer.Write(want)
			got := make([]byte, len(want))
			device.SetReadDeadline(time.Now().Add(time.Minute))
			n, err := io.ReadFull(device, got)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("seed %d: %d bytes, %v", seed, n, err)
			}
			if len(b.wire.Log()) < 5 {
				t.Errorf("seed %d: the test shows nothing: %d stalls", seed, len(b.wire.Log()))
			}
		}
	})
}

// Links of datagrams are not told to be closed when the network is lost; their sockets
// fail all the same, and all five links can be used again.
func TestESPATDatagramLinksOutliveTheNetwork(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := watchedESPAT(t, network.VirtualConfig{}, modem.Config{Version: version})
		defer b.close()
		for range 3 {
			var fds []int
			failed := make(chan error, 5)
			for i := range 5 {
				fd, err := b.dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
				check(t, err)
				check(t, b.dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(5000+i))))
				fds = append(fds, fd)
				go func() { _, _, err := b.dev.RecvFrom(fd, make([]byte, 10), 0, time.Time{}); failed <- err }()
			}
			time.Sleep(time.Second)
			b.chip.DropLink()
			for range 5 {
				if err := <-failed; !errors.Is(err, netdev.ErrLinkDown) {
					t.Errorf("%v, want ErrLinkDown", err)
				}
			}
			for _, fd := range fds {
				check(t, b.dev.Close(fd))
			}
			b.chip.RestoreLink()
			awaitLink(t, b)
		}
	})
}

// The notice of data comes once, and the next only after a read: what arrives meanwhile is
// not forgotten, however little is read at a time.
func TestESPATSecondNoticeOnlyAfterARead(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{RTT: 2 * time.Millisecond}, modem.Config{Version: version})
		defer b.close()
		device, peer := pair(t, b.setup(), 7000)
		defer device.Close()
		var want []byte
		go func() {
			for i := range 40 {
				p := payload(uint64(i), 1+i*7%50)
				peer.Write(p)
				time.Sleep(time.Duration(i%5) * 3 * time.Millisecond)
			}
			peer.Close()
		}()
		for i := range 40 {
			want = append(want, payload(uint64(i), 1+i*7%50)...)
		}
		r := rand.New(rand.NewPCG(1, 2))
		var got []byte
		for {
			buf := make([]byte, 1+r.IntN(30))
			start := time.Now()
			n, err := device.Read(buf)
			got = append(got, buf[:n]...)
			if err == io.EOF {
				break
			}
			check(t, err)
			if d := time.Since(start); d > 100*time.Millisecond {
				t.Errorf("a read waited for %v behind %d bytes", d, len(got))
			}
			time.Sleep(time.Duration(r.IntN(8)) * time.Millisecond)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes, want %d", len(got), len(want))
		}
	})
}

// CIPRECVDATA and CIPRECVLEN differ by version, and by whether the sender is told, which
// the first datagram socket makes the module do for streams, too.
func TestESPATReadsOfEveryVersion(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version}, func(c *espat.Config) { c.Buffer = 16 << 10 })
		defer b.close()
		s := b.setup()
		device, peer := pair(t, s, 7000)
		defer device.Close()
		go io.Copy(peer, peer)
		exact := func(n int) {
			t.Helper()
			want := payload(uint64(n), n)
			go device.Write(want)
			got := make([]byte, n)
			device.SetReadDeadline(time.Now().Add(10 * time.Second))
			_, err := io.ReadFull(device, got)
			check(t, err)
			if !bytes.Equal(got, want) {
				t.Error("the echo differs")
			}
		}
		exact(10)
		exact(9000)
		fd, err := b.dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
		check(t, err)
		check(t, b.dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 5000)))
		exact(10)
		exact(9000)
		p, err := b.net.Host().ListenPacket(5001)
		check(t, err)
		defer p.Close()
		_, err = p.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(boardPort(t, s, 5000)))
		check(t, err)
		buf := make([]byte, 100)
		n, from, err := b.dev.RecvFrom(fd, buf, 0, time.Now().Add(time.Second))
		if err != nil || string(buf[:n]) != "hello" || from != netip.AddrPortFrom(network.HostAddr, 5001) {
			t.Errorf("%q from %v, %v", buf[:n], from, err)
		}
		exact(9000)
		check(t, b.dev.Close(fd))
		exact(9000)
		if version == "esp32-2.0" {
			return // since the datagrams it gives no notices
		}
		// One that is lost on the wire: the lengths that are asked for make up for it.
		b.wire.Play(fault.Plan{List: []fault.Fault{{At: 2, Kind: fault.Lose, Half: fault.Reply}}})
		start := time.Now()
		_, err = peer.Write([]byte("x"))
		check(t, err)
		device.SetReadDeadline(start.Add(10 * time.Second))
		n, err = device.Read(buf)
		if err != nil || n != 1 {
			t.Errorf("after a notice that was lost: %d bytes, %v", n, err)
		}
		if d := time.Since(start); d > 6*time.Second {
			t.Errorf("a notice that was lost was made up for after %v", d)
		}
	})
}
