package espat

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"tinynet/sim/network"
)

// until returns what comes up to and with a text.
func (r *rig) until(end string) string {
	r.t.Helper()
	var got []byte
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for !strings.HasSuffix(string(got), end) {
		select {
		case b := <-r.in:
			got = append(got, b)
		case <-timer.C:
			r.t.Fatalf("received %.300q, and no %q", got, end)
		}
	}
	return string(got)
}

// connected is a peer to whom the only link leads.
func (r *rig) connected() *network.VirtualConn {
	r.t.Helper()
	r.join()
	l := r.listen(80)
	r.do(`AT+CIPSTART="TCP","10.0.0.1",80`, "CONNECT\r\n"+ok)
	return l.accept()
}

const prompt = "\r\nOK\r\n\r\n>"

// CIPSENDL streams: the peer has the beginning before the end is sent, and the reports
// say how far it is.
func TestCIPSENDL(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		peer := r.connected()
		r.do("AT+CIPSENDL=0", bad)
		const n = 9000
		r.do("AT+CIPSENDL="+itoa(n), prompt)
		data := string(payload(n))
		r.send(data[:6000])
		if got := r.read(peer, 4000); got != data[:4000] {
			t.Error("the peer got other data")
		}
		r.send(data[6000:])
		if got := r.read(peer, n-4000); got != data[4000:] {
			t.Error("the peer got other data")
		}
		text := r.until(sent)
		reports := strings.Split(strings.TrimSuffix(text, sent), "\r\n")
		last := 0
		for _, line := range reports {
			if line == "" {
				continue
			}
			done, received, _ := strings.Cut(strings.TrimPrefix(line, "+CIPSENDL:"), ",")
			d, err1 := strconv.Atoi(done)
			c, err2 := strconv.Atoi(received)
			if err1 != nil || err2 != nil || d <= last || c < d || c > n {
				t.Errorf("the report %q behind %d", line, last)
			}
			if last = d; d == n && c != n {
				t.Errorf("the last report is %q", line)
			}
		}
		if last != n || len(reports) < 6 {
			t.Errorf("the reports are %q", reports)
		}
		r.do("AT", ok)

		// +++ among the data is data; alone it ends them, and what came before is sent.
		r.do("AT+CIPSENDL=100000", prompt)
		r.send("begin +++ ")
		time.Sleep(15 * time.Millisecond)
		r.send("+++")
		time.Sleep(25 * time.Millisecond)
		r.send("+")
		time.Sleep(25 * time.Millisecond)
		r.send("++")
		time.Sleep(25 * time.Millisecond)
		r.send("+++")
		r.expect("\r\nSEND CANCELLED\r\n")
		want := "begin +++ ++++++"
		if got := r.read(peer, len(want)); got != want {
			t.Errorf("the peer got %q", got)
		}
		r.do("AT", ok)

		// Should the link end, the rest is taken and lost.
		r.do("AT+CIPSENDL=5000", prompt)
		r.send(data[:100])
		time.Sleep(50 * time.Millisecond)
		peer.Close()
		r.expect("CLOSED\r\n")
		r.send(data[100:5000])
		r.expect("\r\nSEND FAIL\r\n")
		r.do("AT", ok)
	})
	// There is none before 2.4, nor on an ESP8266.
	for _, version := range []string{"esp32-2.2", "esp8266-2.3"} {
		virtually(t, Config{Version: version}, func(r *rig) {
			r.connected()
			r.do("AT+CIPSENDL=5000", bad)
		})
	}
}

// CIPSENDEX ends with its length or with \0; a backslash makes the next byte data.
func TestCIPSENDEX(t *testing.T) {
	for _, version := range []string{"esp32-2.4", "esp8266-2.3"} {
		virtually(t, Config{Version: version}, func(r *rig) {
			peer := r.connected()
			for _, tt := range []struct{ data, want string }{
				{"0123456789", "0123456789"},
				{`abc\0`, "abc"},
				{`a\\b\0`, `a\b`},
				{`\a\b01234567`, "ab01234567"},
			} {
				r.do("AT+CIPSENDEX=10", prompt)
				r.send(tt.data)
				r.expect("\r\nRecv " + itoa(len(tt.want)) + " bytes\r\n" + sent)
				if got := r.read(peer, len(tt.want)); got != tt.want {
					t.Errorf("%q: the peer got %q", tt.data, got)
				}
			}
		})
	}
}

// +++ alone ends data mode, at the beginning of the data or behind them, and nothing is
// sent; among data it is data.
func TestCancelSend(t *testing.T) {
	for _, version := range Versions() {
		virtually(t, Config{Version: version}, func(r *rig) {
			peer := r.connected()
			p := prompt
			if r.c.v.nonOS() {
				p = "\r\nOK\r\n> "
			}
			for _, before := range []string{"", "0123456", "+", "+++ +++"} {
				r.do("AT+CIPSEND=20", p)
				r.send(before)
				time.Sleep(25 * time.Millisecond)
				start := time.Now()
				r.send("+++")
				r.expect("\r\nSEND Canceled\r\n")
				if d := time.Since(start); d < cancelGuard {
					t.Errorf("it was taken for the end after %v", d)
				}
				r.do("AT", ok)
			}
			r.do("AT+CIPSEND=20", p)
			r.send("+++abc")
			time.Sleep(10 * time.Millisecond)
			r.send("+++")
			time.Sleep(30 * time.Millisecond)
			r.send("+++d")
			time.Sleep(30 * time.Millisecond)
			r.send("++++++x")
			r.expect("\r\nRecv 20 bytes\r\n" + sent)
			if got := r.read(peer, 20); got != "+++abc++++++d++++++x" {
				t.Errorf("the peer got %q", got)
			}
		})
	}
}

// CIPSTARTEX takes the lowest free link.
func TestCIPSTARTEX(t *testing.T) {
	for _, version := range Versions() {
		virtually(t, Config{Version: version}, func(r *rig) {
			r.join()
			l := r.listen(80)
			r.do(`AT+CIPSTARTEX="TCP","10.0.0.1",80`, bad) // without CIPMUX=1
			r.do("AT+CIPMUX=1", ok)
			r.do(`AT+CIPSTART=1,"TCP","10.0.0.1",80`, "1,CONNECT\r\n"+ok)
			l.accept()
			for _, id := range []int{0, 2, 3, 4} {
				r.do(`AT+CIPSTARTEX="TCP","10.0.0.1",80`, itoa(id)+",CONNECT\r\n"+ok)
				l.accept()
			}
			r.do(`AT+CIPSTARTEX="UDP","10.0.0.1",9`, bad)
			r.do("AT+CIPCLOSE=3", "3,CLOSED\r\n"+ok)
			r.do(`AT+CIPSTARTEX="UDP","10.0.0.1",9`, "3,CONNECT\r\n"+ok)
		})
	}
}

// Where a datagram link's sends go: to the peer that it was given (mode 0), to the
// first other that sends something (1), or to the last that did (2).
func TestUDPModes(t *testing.T) {
	for mode, want := range []string{"10.0.0.7", "10.0.0.8", "10.0.0.9"} {
		virtually(t, Config{}, func(r *rig) {
			r.join()
			first, second, third := r.packet("10.0.0.7", 9000), r.packet("10.0.0.8", 9000), r.packet("10.0.0.9", 9000)
			r.do(`AT+CIPSTART="UDP","10.0.0.7",9000,5000,`+itoa(mode), "CONNECT\r\n"+ok)
			r.writeTo(first, "a", 5000)
			r.expect("\r\n+IPD,1:a")
			r.do("AT+CIPSEND=1", prompt)
			r.send("x")
			r.expect("\r\nRecv 1 bytes\r\n" + sent)
			if got, _ := r.readFrom(first); got != "x" {
				t.Errorf("mode %d: the first peer got %q", mode, got)
			}
			for i := range 3 {
				r.writeTo(second, "b", 5000)
				r.expect("\r\n+IPD,1:b")
				r.writeTo(third, "c", 5000)
				r.expect("\r\n+IPD,1:c")
				r.do("AT+CIPSEND=1", prompt)
				r.send("y")
				r.expect("\r\nRecv 1 bytes\r\n" + sent)
				switch want {
				case "10.0.0.7":
					r.readFrom(first)
				case "10.0.0.8":
					r.readFrom(second)
				case "10.0.0.9":
					r.readFrom(third)
				}
				if i == 0 {
					r.do("AT+CIPSTATUS", "STATUS:3\r\n+CIPSTATUS:0,\"UDP\",\""+want+"\",9000,5000,0\r\n"+ok)
				}
			}
		})
	}
}

// CIPSTO ends accepted links without traffic, and no others.
func TestCIPSTO(t *testing.T) {
	for _, version := range Versions() {
		virtually(t, Config{Version: version}, func(r *rig) {
			r.join()
			l := r.listen(81)
			r.do("AT+CIPMUX=1", ok)
			r.do(`AT+CIPSTART=4,"TCP","10.0.0.1",81`, "4,CONNECT\r\n"+ok)
			l.accept()
			r.do("AT+CIPSERVER=1,80", ok)
			r.do("AT+CIPSTO=10", ok)
			r.do("AT+CIPSTO?", "+CIPSTO:10\r\n"+ok)
			time.Sleep(time.Millisecond)
			peer := r.dial(80)
			r.expect("0,CONNECT\r\n")
			// Traffic in either direction starts the time anew.
			time.Sleep(8 * time.Second)
			peer.Write([]byte("x"))
			r.expect("\r\n+IPD,0,1:x")
			time.Sleep(8 * time.Second)
			p := prompt
			if r.c.v.nonOS() {
				p = "\r\nOK\r\n> "
			}
			r.do("AT+CIPSEND=0,1", p)
			r.send("y")
			r.expect("\r\nRecv 1 bytes\r\n" + sent)
			if got := r.read(peer, 1); got != "y" {
				t.Errorf("the client got %q", got)
			}
			start := time.Now()
			r.expect("0,CLOSED\r\n")
			if d := time.Since(start); d < 9900*time.Millisecond || d > 10100*time.Millisecond {
				t.Errorf("it was closed after %v", d)
			}
			if got := r.readEnd(peer); got != "" {
				t.Errorf("the client got %q", got)
			}
			// 0 is never.
			r.do("AT+CIPSTO=0", ok)
			peer = r.dial(80)
			r.expect("0,CONNECT\r\n")
			time.Sleep(time.Hour)
			r.quiet()
			peer.Close()
			r.expect("0,CLOSED\r\n")
			r.do("AT+CIPSTO=7201", bad)
		})
	}
}
