//go:build go1.25

package espat

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
)

// What is known to go wrong with other drivers, a test for each.

var keywords = "\r\nOK\r\n\r\nERROR\r\n+IPD,0,5:0,CLOSED\r\nCLOSED\r\n>\r\nSEND OK\r\n\r\nready\r\n+CIPRECVDATA:3,\r\nWIFI DISCONNECT\r\n"

func TestKeywordsInPayloadEndNoCommand(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		for _, max := range []int{0, 1, 7} { // bytes that a read of the UART returns
			m.do(func() { m.max = max })
			m.arrive(link, keywords+keywords)
			if got := recv(t, d, fd, 2*len(keywords)); got != keywords+keywords {
				t.Errorf("received %q", got)
			}
			send(t, d, fd, keywords)
		}
		if got := m.got(link); got != strings.Repeat(keywords, 3) {
			t.Errorf("the peer got %q", got)
		}
	})
}

func TestClosedEndsRecv(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		m.arrive(link, "last words")
		m.hangup(link)
		if got := recv(t, d, fd, 100); got != "last words" {
			t.Errorf("received %q before the end", got)
		}
		if _, err := d.Send(fd, []byte("x"), 0, forever); err == nil {
			t.Error("Send after the end: no error")
		}
		// A blocked one, too.
		fd, link = dialed(t, d)
		done := make(chan error, 1)
		go func() {
			_, err := d.Recv(fd, make([]byte, 1), 0, forever)
			done <- err
		}()
		time.Sleep(time.Second)
		m.hangup(link)
		start := time.Now()
		if err := <-done; err != io.EOF {
			t.Errorf("Recv: %v, want EOF", err)
		}
		if took := time.Since(start); took > 20*time.Millisecond {
			t.Errorf("it took %v to see the end", took)
		}
	})
}

func TestFiveSocketsAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		var fds, links [5]int
		for i := range fds {
			fds[i], links[i] = dialed(t, d)
		}
		sixth := stream(t, d)
		is(t, d.Connect(sixth, "", ap("10.0.0.1:80")), netdev.ErrNoMoreSockets)
		ok(t, d.Close(sixth))
		for i := range fds {
			m.arrive(links[i], fmt.Sprint("data of ", i))
			send(t, d, fds[i], fmt.Sprint("data for ", i))
		}
		for i := range fds {
			if got := recv(t, d, fds[i], 9); got != fmt.Sprint("data of ", i) {
				t.Errorf("socket %d received %q", i, got)
			}
			if got := m.got(links[i]); got != fmt.Sprint("data for ", i) {
				t.Errorf("the peer of %d got %q", i, got)
			}
		}
		ok(t, d.Close(fds[2]))
		fd, _ := dialed(t, d)
		ok(t, d.Close(fd))
	})
}

func TestServerAccepts(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		l := listener(t, d, 80)
		for i := range 3 {
			from := fmt.Sprintf("10.0.0.%d:5000", i+7)
			done := make(chan int, 1)
			go func() {
				fd, peer, err := d.Accept(l)
				if err != nil || peer.String() != from {
					t.Errorf("Accept: from %v, %v; want %s", peer, err, from)
				}
				done <- fd
			}()
			time.Sleep(100 * time.Millisecond)
			link := m.incoming(from)
			m.arrive(link, "request") // before or after Accept
			fd := <-done
			if got := recv(t, d, fd, 7); got != "request" {
				t.Errorf("received %q", got)
			}
			send(t, d, fd, "reply")
			if got := m.got(link); got != "reply" {
				t.Errorf("the client got %q", got)
			}
			ok(t, d.Close(fd))
		}
		ok(t, d.Close(l))
		m.do(func() {
			if m.server != 0 {
				t.Error("the server still runs")
			}
		})
		ok(t, d.Close(listener(t, d, 81)))
	})
}

func TestSendWaitsForSendOKAsLongAsItTakes(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		m.onSend = func(link int, data []byte) bool {
			m.out(fmt.Sprintf("\r\nRecv %d bytes\r\n", len(data)))
			m.delivered[link] = append(m.delivered[link], data...)
			m.after(7*time.Second, func() { m.running--; m.out("\r\nSEND OK\r\n") })
			return true
		}
		send(t, d, fd, "one")
		send(t, d, fd, "two")
		if got := m.got(link); got != "onetwo" {
			t.Errorf("the peer got %q", got)
		}
	})
}

func TestPayloadThatComesInPieces(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		d.chip().eng.Take()
		d.chip().passive = false // whatever it is: a head that comes before its data
		d.chip().eng.Give()
		fd, link := dialed(t, d)
		m.say(fmt.Sprintf("\r\n+IPD,%d,10:012", link))
		time.Sleep(20 * time.Millisecond)
		m.say("345")
		time.Sleep(20 * time.Millisecond)
		m.say("6789\r\n")
		if got := recv(t, d, fd, 10); got != "0123456789" {
			t.Errorf("received %q", got)
		}
	})
}

func TestDataBetweenACommandAndItsOK(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		m.do(func() {
			for i := range m.passive {
				m.passive[i] = false // pushed, whatever was asked for
			}
			m.onCmd = func(cmd string) bool {
				if strings.HasPrefix(cmd, "AT+CIPDOMAIN") {
					m.receive(link, ap("10.0.0.1:80"), "before, OK, ")
					m.out("WIFI CONNECTED\r\n+STA_CONNECTED:\"aa:bb:cc:dd:ee:ff\"\r\n")
				}
				return false
			}
			m.onSend = func(l int, data []byte) bool {
				m.receive(link, ap("10.0.0.1:80"), "between prompt and Recv, ")
				m.out(fmt.Sprintf("\r\nRecv %d bytes\r\n", len(data)))
				m.receive(link, ap("10.0.0.1:80"), "and after")
				m.delivered[l] = append(m.delivered[l], data...)
				m.result("\r\nSEND OK\r\n")
				return true
			}
		})
		if a, err := d.GetHostByName("host"); err != nil || a.String() != "10.0.0.1" {
			t.Error(a, err)
		}
		send(t, d, fd, "data")
		want := "before, OK, between prompt and Recv, and after"
		if got := recv(t, d, fd, len(want)); got != want {
			t.Errorf("received %q", got)
		}
	})
}

func TestBusyAtAnyTime(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		n := 0
		m.do(func() {
			m.onCmd = func(cmd string) bool {
				if n++; n%3 != 0 { // two of three commands are not taken
					m.running--
					m.commands = m.commands[:len(m.commands)-1]
					m.out("\r\nbusy p...\r\n")
					return true
				}
				return false
			}
		})
		fd, link := dialed(t, d)
		send(t, d, fd, "hello")
		time.Sleep(10 * time.Millisecond) // within a send it would mean a byte too many
		m.say("busy p...\r\n")            // for nothing
		m.arrive(link, "world")
		if got := recv(t, d, fd, 5); got != "world" {
			t.Errorf("received %q", got)
		}
		if got := m.got(link); got != "hello" {
			t.Errorf("the peer got %q", got)
		}
		ok(t, d.Close(fd))
		if n := m.said("AT+CIPSTART"); n != 1 {
			t.Errorf("connected %d times", n)
		}
	})
}

func TestBusyAlthoughTheCommandWasTaken(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		m.do(func() {
			m.onCmd = func(cmd string) bool {
				m.out("\r\nbusy p...\r\n") // a stray byte
				return false
			}
		})
		send(t, d, fd, "hello")
		send(t, d, fd, "world")
		if got := m.got(link); got != "helloworld" {
			t.Errorf("the peer got %q", got)
		}
	})
}

func TestMissingSendOK(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		other, _ := dialed(t, d)
		m.do(func() {
			m.onSend = func(l int, data []byte) bool {
				m.out(fmt.Sprintf("\r\nRecv %d bytes\r\n", len(data)))
				m.delivered[l] = append(m.delivered[l], data...)
				m.running-- // it is done, and has not said so
				return l == link
			}
		})
		send(t, d, fd, "hello")
		// Nobody knows what became of it, so the stream has failed.
		start := time.Now()
		_, err := d.Send(fd, []byte("more"), 0, forever)
		is(t, err, netdev.ErrConnReset)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v to find out", took)
		}
		m.do(func() { m.onSend = nil })
		send(t, d, other, "others go on")
		ok(t, d.Close(fd))
	})
}

func TestMissingRecvAndPrompt(t *testing.T) {
	for _, lost := range []string{"Recv", ">"} {
		t.Run(lost, func(t *testing.T) {
			bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
				fd, link := dialed(t, d)
				other, otherLink := dialed(t, d)
				m.do(func() {
					m.cancels = true
					if lost == "Recv" { // a byte of the data did not arrive
						m.onCmd = func(cmd string) bool {
							if strings.HasPrefix(cmd, "AT+CIPSEND") {
								m.after(time.Millisecond, func() {
									m.need, m.to, m.data = 6, link, nil
									m.out("\r\nOK\r\n\r\n>")
								})
								m.onCmd = nil
								return true
							}
							return false
						}
						return
					}
					m.onCmd = func(cmd string) bool {
						if strings.HasPrefix(cmd, "AT+CIPSEND") {
							m.need, m.to, m.data = 5, link, nil
							m.out("\r\nOK\r\n\r\n")
							m.onCmd = nil
							return true
						}
						return false
					}
				})
				_, err := d.Send(fd, []byte("hello"), 0, forever)
				if err == nil {
					_, err = d.Recv(fd, make([]byte, 1), 0, time.Now().Add(time.Minute))
				}
				if err == nil {
					t.Error("no error of a send that did not come through")
				}
				if got := m.got(link); got != "" {
					t.Errorf("the peer got %q", got)
				}
				send(t, d, other, "others go on")
				if got := m.got(otherLink); got != "others go on" {
					t.Errorf("the other peer got %q", got)
				}
			})
		})
	}
}

func TestSendFailThenSendOK(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		other, otherLink := dialed(t, d)
		m.do(func() {
			m.onSend = func(l int, data []byte) bool {
				if l != link {
					return false
				}
				m.out(fmt.Sprintf("\r\nRecv %d bytes\r\n", len(data)))
				m.result("\r\nSEND FAIL\r\n\r\nSEND OK\r\n")
				return true
			}
		})
		d.Send(fd, []byte("hello"), 0, forever)
		time.Sleep(10 * time.Millisecond)
		_, err := d.Send(fd, []byte("more"), 0, forever)
		is(t, err, netdev.ErrConnReset)
		// One that comes later still is not the next send's.
		third, thirdLink := dialed(t, d)
		m.do(func() {
			m.onCmd = func(cmd string) bool {
				if strings.HasPrefix(cmd, fmt.Sprintf("AT+CIPSEND=%d", thirdLink)) {
					m.out("\r\nSEND OK\r\n")
				}
				return false
			}
			old := m.onSend
			m.onSend = func(l int, data []byte) bool {
				if l != thirdLink {
					return old(l, data)
				}
				m.out("\r\nSEND OK\r\n")
				m.after(time.Millisecond, func() { m.out("\r\nRecv 4 bytes\r\n") })
				m.after(2*time.Millisecond, func() { m.running--; m.out("\r\nSEND FAIL\r\n") })
				return true
			}
		})
		d.Send(third, []byte("lost"), 0, forever)
		time.Sleep(10 * time.Millisecond)
		_, err = d.Send(third, []byte("more"), 0, forever)
		is(t, err, netdev.ErrConnReset)
		send(t, d, other, "other")
		send(t, d, other, "data")
		if got := m.got(otherLink); got != "otherdata" {
			t.Errorf("the other peer got %q", got)
		}
	})
}

func TestPromptInOneBurstWithOKOrLater(t *testing.T) {
	for name, prompt := range map[string]func(m *fakeModule){
		"with OK":         func(m *fakeModule) { m.out("\r\nOK\r\n\r\n>") },
		"alone":           func(m *fakeModule) { m.out("\r\n>") },
		"with a space":    func(m *fakeModule) { m.out("\r\nOK\r\n> ") },
		"much later":      func(m *fakeModule) { m.out("\r\nOK\r\n"); m.after(time.Second, func() { m.out("\r\n>") }) },
		"news in between": func(m *fakeModule) { m.out("\r\nOK\r\n"); m.out("WIFI GOT IP\r\n\r\n>") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
				fd, link := dialed(t, d)
				m.do(func() {
					m.onCmd = func(cmd string) bool {
						if !strings.HasPrefix(cmd, "AT+CIPSEND") {
							return false
						}
						m.need, m.to, m.data = 5, link, nil
						prompt(m)
						return true
					}
				})
				send(t, d, fd, "hello")
				send(t, d, fd, "world")
				if got := m.got(link); got != "helloworld" {
					t.Errorf("the peer got %q", got)
				}
			})
		})
	}
}

func TestLinkEndsBetweenPromptAndData(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		other, otherLink := dialed(t, d)
		m.do(func() {
			m.onCmd = func(cmd string) bool {
				if strings.HasPrefix(cmd, "AT+CIPSEND="+fmt.Sprint(link)) {
					m.need, m.to, m.data = 5, link, nil
					m.out("\r\nOK\r\n\r\n>")
					m.links[link] = fakeLink{}
					m.out(fmt.Sprintf("%d,CLOSED\r\n", link))
					return true
				}
				return false
			}
		})
		d.Send(fd, []byte("hello"), 0, forever)
		time.Sleep(10 * time.Millisecond)
		if _, err := d.Send(fd, []byte("hello"), 0, forever); err == nil {
			t.Error("no error")
		}
		send(t, d, other, "other")
		if got := m.got(otherLink); got != "other" {
			t.Errorf("the other peer got %q", got)
		}
	})
}

func TestIPDThatAnnouncesMoreThanArrives(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		other, otherLink := dialed(t, d)
		// A notice: the read is short, and that is all right.
		m.do(func() {
			m.links[link].in = []byte("short")
			m.links[link].announced = true
			m.out(fmt.Sprintf("\r\n+IPD,%d,500\r\n", link))
		})
		if got := recv(t, d, fd, 5); got != "short" {
			t.Errorf("received %q", got)
		}
		m.arrive(link, "more")
		if got := recv(t, d, fd, 4); got != "more" {
			t.Errorf("received %q", got)
		}
		// The head of data: there is no telling what is missing.
		m.say(fmt.Sprintf("\r\n+IPD,%d,500:too short", link))
		var err error
		for err == nil {
			_, err = d.Recv(fd, make([]byte, 100), 0, time.Now().Add(10*time.Second))
		}
		is(t, err, netdev.ErrConnReset)
		m.arrive(otherLink, "others go on")
		if got := recv(t, d, other, 12); got != "others go on" {
			t.Errorf("received %q", got)
		}
		send(t, d, other, "both ways")
	})
}

func TestLostLinkFailsAllSocketsDatagramsToo(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		tcp, link := dialed(t, d)
		udp, _ := bound(t, d, 5000)
		l := listener(t, d, 80)
		events := make(chan netlink.Event, 10)
		d.NetNotify(func(e netlink.Event) { events <- e })
		errs := make(chan error, 3)
		go func() {
			_, err := d.Recv(tcp, make([]byte, 1), 0, forever)
			errs <- err
		}()
		go func() {
			_, _, err := d.RecvFrom(udp, make([]byte, 1), 0, forever)
			errs <- err
		}()
		go func() {
			_, _, err := d.Accept(l)
			errs <- err
		}()
		time.Sleep(time.Second)
		start := time.Now()
		if link%2 == 0 {
			m.drop()
		} else { // in the other order
			m.do(func() {
				m.joined = ""
				m.links[link] = fakeLink{}
				m.out(fmt.Sprintf("%d,CLOSED\r\nWIFI DISCONNECT\r\n", link))
			})
		}
		for range 3 {
			is(t, <-errs, netdev.ErrLinkDown)
		}
		if took := time.Since(start); took > 50*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		time.Sleep(time.Second)
		if n := len(events); n != 1 || <-events != netlink.EventNetDown {
			t.Errorf("%d events", n)
		}
	})
}

// The news that the connection has ended comes first, and alone it would be the
// regular end of the stream.
func TestEndForTheLossOfTheNetworkIsNotEOF(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		m.do(func() {
			m.joined = ""
			m.links[link] = fakeLink{}
			m.out(fmt.Sprintf("%d,CLOSED\r\n", link))
			m.after(100*time.Millisecond, func() { m.out("WIFI DISCONNECT\r\n") })
		})
		_, err := d.Recv(fd, make([]byte, 1), 0, forever)
		is(t, err, netdev.ErrLinkDown)
	})
}

// Nor is it if the network is there again before anybody looks.
func TestEndForAShortLossOfTheNetworkIsNotEOF(t *testing.T) {
	for _, lines := range []string{"WIFI DISCONNECT\r\n%d,CLOSED\r\n", "%d,CLOSED\r\nWIFI DISCONNECT\r\n"} {
		bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
			fd, link := dialed(t, d)
			m.do(func() {
				m.links[link] = fakeLink{}
				m.out(fmt.Sprintf(lines, link) + "WIFI CONNECTED\r\nWIFI GOT IP\r\n")
			})
			_, err := d.Recv(fd, make([]byte, 1), 0, forever)
			is(t, err, netdev.ErrLinkDown)
			ok(t, d.Close(fd))
			fd, link = dialed(t, d)
			m.do(func() {
				m.links[link] = fakeLink{}
				m.out(fmt.Sprintf("%d,CLOSED\r\n", link))
			})
			_, err = d.Recv(fd, make([]byte, 1), 0, forever)
			is(t, err, io.EOF)
		})
	}
}

func TestRebootInMidCommand(t *testing.T) {
	for _, sign := range []string{"ready", "echo"} {
		for _, when := range []string{"AT+CIPSEND", "AT+CIPSTART", "AT+CIPRECVDATA", "AT+CIPDOMAIN", "AT+CIPCLOSE"} {
			t.Run(sign+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, m := joined(t, newest, func(c *Config) { c.WatchdogTimeout = time.Second })
					fd, link := dialed(t, d)
					m.do(func() {
						m.onCmd = func(cmd string) bool {
							if !strings.HasPrefix(cmd, when) {
								return false
							}
							m.onCmd = nil
							m.out("\r\nO")
							m.restart()
							if sign == "echo" { // what it says of itself is lost
								m.running = 0
								m.boots++
							}
							return true
						}
						m.receive(link, ap("10.0.0.1:80"), "unread")
					})
					start := time.Now()
					var err error
					for err == nil {
						if _, err = d.Send(fd, []byte("x"), 0, start.Add(time.Minute)); err == nil {
							_, err = d.Recv(fd, make([]byte, 10), 0, start.Add(time.Minute))
						}
						if err == nil && when == "AT+CIPDOMAIN" {
							_, err = d.GetHostByName("host")
						}
						if err == nil && (when == "AT+CIPCLOSE" || when == "AT+CIPSTART") {
							other := stream(t, d)
							d.Connect(other, "", ap("10.0.0.1:81"))
							d.Close(other)
						}
						m.arrive(link, "unread")
					}
					if took := time.Since(start); took > 10*time.Second {
						t.Errorf("it took %v to fail: %v", took, err)
					}
					d.Close(fd)
					// The watchdog brings everything back.
					time.Sleep(10 * time.Second)
					fd, link = dialed(t, d)
					send(t, d, fd, "again")
					if got := m.got(link); got != "again" {
						t.Errorf("the peer got %q", got)
					}
					d.NetDisconnect()
				})
			})
		}
	}
}

func TestSecondNoticeOnlyAfterTheFirstWasRead(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		m.arrive(link, "0123456789")
		m.arrive(link, "abcd") // nothing is said of it
		buf := make([]byte, 6)
		n, err := d.Recv(fd, buf, 0, forever)
		if err != nil || string(buf[:n]) != "012345" {
			t.Fatalf("received %q, %v", buf[:n], err)
		}
		if got := recv(t, d, fd, 8); got != "6789abcd" {
			t.Errorf("received %q", got)
		}
		m.arrive(link, "more")
		if got := recv(t, d, fd, 4); got != "more" {
			t.Errorf("received %q", got)
		}
		// In steps of a byte, as bufio never would.
		m.arrive(link, "bytes")
		var got []byte
		for range 5 {
			n, err := d.Recv(fd, buf[:1], 0, time.Now().Add(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, buf[:n]...)
		}
		if string(got) != "bytes" {
			t.Errorf("received %q", got)
		}
	})
}

func TestLostNoticeIsMadeUpFor(t *testing.T) {
	for _, v := range versions {
		t.Run(v, func(t *testing.T) {
			bubble(t, v, func(t *testing.T, d *Device, m *fakeModule) {
				fd, link := dialed(t, d)
				m.do(func() {
					if !m.passive[link] {
						t.Fatal("the module pushes")
					}
					m.links[link].in = []byte("unheard of")
					m.links[link].announced = true
				})
				start := time.Now()
				if got := recv(t, d, fd, 10); got != "unheard of" {
					t.Errorf("received %q", got)
				}
				if took := time.Since(start); took > 3*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// The link of a connection that was reset goes to the next client at once, while a command
// for it is on its way: what is sent does not reach the client, and what is read of it is
// not lost to it. Who had the link gets an error, and no clean end.
func TestLinkGivenToAnotherClient(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		l := listener(t, d, 80)
		steal := func(link int, on string) {
			m.do(func() {
				m.onCmd = func(cmd string) bool {
					if strings.HasPrefix(cmd, on) {
						m.onCmd = nil
						m.out(fmt.Sprintf("%d,CLOSED\r\n", link))
						m.links[link] = fakeLink{open: true, typ: "TCP", server: true, peer: ap("10.0.0.9:999"), lport: 80}
						m.delivered[link] = nil
						m.out(m.connect(link))
						m.receive(link, ap("10.0.0.9:999"), "request")
					}
					return false
				}
			})
		}
		served := func(link int) {
			t.Helper()
			in, from, err := d.Accept(l)
			ok(t, err)
			if from != ap("10.0.0.9:999") {
				t.Errorf("accepted from %v", from)
			}
			if got := recv(t, d, in, 7); got != "request" {
				t.Errorf("the server received %q", got)
			}
			send(t, d, in, "reply")
			if got := m.got(link); got != "reply" {
				t.Errorf("the client got %q", got)
			}
			m.hangup(link)
			if _, err := d.Recv(in, make([]byte, 1), 0, time.Now().Add(time.Second)); err != io.EOF {
				t.Errorf("the end of the client: %v", err)
			}
			ok(t, d.Close(in))
		}
		for range 3 {
			fd, link := dialed(t, d)
			steal(link, "AT+CIPSEND")
			_, err := d.Send(fd, []byte("secret"), 0, forever)
			is(t, err, netdev.ErrConnReset)
			served(link)
			ok(t, d.Close(fd))

			fd, link = dialed(t, d)
			m.arrive(link, "unread")
			steal(link, "AT+CIPRECVDATA")
			n, err := d.Recv(fd, make([]byte, 100), 0, time.Now().Add(10*time.Second))
			if n > 0 {
				// It was received, and no command sent for that.
				if n != 6 || err != nil {
					t.Errorf("received %d bytes, %v", n, err)
				}
				m.do(func() { m.onCmd = nil })
				ok(t, d.Close(fd))
				continue
			}
			is(t, err, netdev.ErrConnReset)
			served(link)
			ok(t, d.Close(fd))
		}
		ok(t, d.Close(l))
	})
}
