package netdevtest

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/espat"
	"tinynet/netdev"
	modem "tinynet/sim/espat"
	"tinynet/sim/fault"
	"tinynet/sim/network"
)

// resetPin resets the module, and ends a hang that the line has.
type resetPin struct {
	b   *espatBoard
	low int // times that it went low
}

func (p *resetPin) Low() {
	if p.b == nil {
		return
	}
	p.low++
	p.b.wire.WasReset()
	p.b.chip.Restart()
}

func (p *resetPin) High() {}

// hang makes the line go dead with the next byte of a direction.
func (b *espatBoard) hang(half fault.Half) {
	b.wire.Play(fault.Plan{List: []fault.Fault{{Kind: fault.Hang, Half: half}}})
}

// A module that hangs fails all sockets, holds up no deadline by more than a second, and
// is reset and used again.
func TestESPATHungModule(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		pin := &resetPin{}
		b := newESPAT(network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version}, func(c *espat.Config) {
			c.Reset, c.WatchdogTimeout = pin, time.Second
		})
		defer b.close()
		pin.b = b
		check(t, b.dev.NetConnect())
		s := b.setup()
		for round := range 4 {
			device, peer := pair(t, s, uint16(7000+round))
			other, peer2 := pair(t, s, uint16(7100+round))
			blocked := make(chan error, 1)
			go func() { _, err := other.Read(make([]byte, 1)); blocked <- err }()
			time.Sleep(time.Second)
			resets := pin.low
			b.hang(fault.Half(round % 2))
			start := time.Now()
			device.SetDeadline(start.Add(200 * time.Millisecond))
			var err error
			if round < 2 {
				_, err = device.Write([]byte("x"))
			} else {
				_, err = device.Read(make([]byte, 1))
			}
			if err == nil {
				t.Errorf("round %d: the call succeeded", round)
			}
			if d := time.Since(start); d > 1200*time.Millisecond {
				t.Errorf("round %d: the call took %v, its deadline was after 200 ms: %v", round, d, err)
			}
			if err := <-blocked; !errors.Is(err, netdev.ErrLinkDown) {
				t.Errorf("round %d: a call without deadline: %v", round, err)
			}
			if d := time.Since(start); d > 12*time.Second {
				t.Errorf("round %d: it was told after %v", round, d)
			}
			device.Close()
			other.Close()
			peer.Close()
			peer2.Close()
			recovered(t, b.setup(), 30*time.Second)
			if pin.low == resets {
				t.Errorf("round %d: it was not reset", round)
			}
		}
	})
}

// Without a reset pin a module that hangs for good is an error, and used again as soon as
// it comes back.
func TestESPATHungModuleWithoutResetPin(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := watchedESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version})
		defer b.close()
		device, peer := pair(t, b.setup(), 7000)
		defer peer.Close()
		b.hang(fault.Command)
		start := time.Now()
		if _, err := device.Write([]byte("x")); err == nil {
			_, err = device.Read(make([]byte, 1))
			if err == nil {
				t.Error("the call succeeded")
			}
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("it was told after %v", d)
		}
		device.Close()
		time.Sleep(30 * time.Second)
		if _, err := Dial(b.dev, netip.AddrPortFrom(network.HostAddr, 7999)); !errors.Is(err, netdev.ErrLinkDown) && !errors.Is(err, netdev.ErrDevice) {
			t.Errorf("a socket while it hangs: %v", err)
		}
		b.wire.WasReset() // somebody has switched it off and on
		b.chip.UART().SetBaud(115200)
		b.chip.Restart()
		recovered(t, b.setup(), time.Minute)
	})
}

// A module that restarts by itself, as when its supply dips, loses everything; the
// driver finds out and starts over, though echo is back on, one link is all there is, and
// the speed is the old one.
func TestESPATModuleRestartsItself(t *testing.T) {
	for _, maxBaud := range []uint32{0, 921600} {
		t.Run(fmt.Sprint(maxBaud), func(t *testing.T) {
			everyESPAT(t, func(t *testing.T, version string) {
				b := watchedESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version}, func(c *espat.Config) { c.MaxBaud = maxBaud })
				defer b.close()
				s := b.setup()
				restartItself(t, s, b.chip.Restart, 10*time.Second)
			})
		})
	}
}

// A module that was left at another speed, in the middle of anything, or that is set to
// another speed for good, is found if the UART's speed can be set.
func TestESPATModuleAtAnotherSpeed(t *testing.T) {
	for _, tt := range []struct{ name, before string }{
		{"raised", "AT+UART_CUR=921600,8,1,0,0\r\n"},
		{"raised for good", "AT+UART_DEF=921600,8,1,0,0\r\n"},
		{"lowered for good", "AT+UART_DEF=9600,8,1,0,0\r\n"},
		{"within a command", "AT+CIPSNTPCFG=1,"},
		{"within data", "AT+CWMODE=1\r\nAT+CIPMUX=1\r\nAT+CIPSTART=0,\"UDP\",\"10.0.0.1\",9\r\nAT+CIPSEND=0,100\r\nxyz"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everyESPAT(t, func(t *testing.T, version string) {
				b := newESPAT(network.VirtualConfig{}, modem.Config{Version: version})
				defer b.close()
				time.Sleep(time.Second)
				for _, line := range splitAfterLines(tt.before) {
					_, err := b.chip.UART().Write([]byte(line))
					check(t, err)
					time.Sleep(100 * time.Millisecond)
				}
				start := time.Now()
				check(t, b.dev.NetConnect())
				if d := time.Since(start); d > 15*time.Second {
					t.Errorf("it took %v", d)
				}
				device, peer := pair(t, b.setup(), 7000)
				_, err := device.Write([]byte("x"))
				check(t, err)
				_, err = io.ReadFull(peer, make([]byte, 1))
				check(t, err)
				device.Close()
				peer.Close()
			})
		})
	}
}

// splitAfterLines cuts a text behind its line ends.
func splitAfterLines(s string) (lines []string) {
	for len(s) > 0 {
		i := 0
		for i < len(s) && s[i] != '\n' {
			i++
		}
		i = min(i+1, len(s))
		lines, s = append(lines, s[:i]), s[i:]
	}
	return lines
}

// The speed is raised, and flow control keeps every byte, though the UART of a board holds
// few and the module sends what it receives at once.
func TestESPATFlowControl(t *testing.T) {
	for _, active := range []bool{false, true} {
		for _, flow := range []bool{true, false} {
			t.Run(fmt.Sprintf("active %v flow %v", active, flow), func(t *testing.T) {
				for _, version := range []string{"esp32-2.4", "esp32-5.0", "esp8266-2.2", "esp8266-1.7"} {
					t.Run(version, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							b := startESPAT(t, network.VirtualConfig{}, modem.Config{Version: version}, func(c *espat.Config) {
								c.MaxBaud, c.FlowControl, c.Active = 2000000, flow, active
								c.Uart = lateUART{c.Uart.(*fault.UART)}
							})
							defer b.close()
							device, peer := pair(t, b.setup(), 7000)
							defer device.Close()
							want := payload(1, 60_000)
							go peer.Write(want)
							got, err := make([]byte, 0, len(want)), error(nil)
							buf := make([]byte, 700)
							for err == nil && len(got) < len(want) {
								n := 0
								device.SetReadDeadline(time.Now().Add(20 * time.Second))
								n, err = device.Read(buf)
								got = append(got, buf[:n]...)
								if len(got)%7 == 0 {
									time.Sleep(5 * time.Millisecond) // a program that is slow
								}
							}
							lost := b.chip.Ledger().LostIn
							if flow {
								check(t, err)
								if lost > 0 || string(got) != string(want) {
									t.Errorf("%d bytes lost on the wire; %d of %d arrived", lost, len(got), len(want))
								}
								return
							}
							// Without it bytes are lost, and the stream fails rather than being wrong.
							if lost == 0 {
								t.Error("the test shows nothing: no bytes were lost")
							}
							if string(got) != string(want[:len(got)]) {
								t.Error("what arrived is not the beginning of what was sent")
							}
						})
					})
				}
			})
		}
	}
}

// lateUART is the UART of a board that is busy with other things: it is looked at late.
type lateUART struct{ *fault.UART }

func (u lateUART) Buffered() int {
	n := u.UART.Buffered()
	if n > 0 {
		time.Sleep(time.Millisecond)
	}
	return n
}
