package espat

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// by is a reply that depends on the version.
type by func(d *dialect) string

// always is one that does not.
func always(s string) by { return func(*dialect) string { return s } }

// from is a reply of a version and later ones; older ones say ERROR.
func from(major, minor int, s string) by {
	return func(d *dialect) string {
		if d.since(major, minor) {
			return s
		}
		return bad
	}
}

// TestReplies has the commands that have no side effects on the network, in the
// order in which they are given, and what each version answers: joined to an
// access point, several links off, echo off.
func TestReplies(t *testing.T) {
	table := []struct {
		command string
		reply   by
	}{
		{"AT", always(ok)},
		{"", always(bad)},
		{"at", always(bad)},
		{"AT+", always(bad)},
		{"AT+FAKE", always(bad)},
		{"AT+CWMODE=", always(bad)},
		{"AT+CWMODE=4", always(bad)},
		{"AT+CWMODE=1,1,1", always(bad)},
		{`AT+CWMODE="1"`, always(bad)},
		{"AT+CWMODE=?", always(bad)},
		{"AT+GMR?", always(bad)},
		{"AT+CWMODE?", always("+CWMODE:1\r\n" + ok)},
		{"AT+CWMODE_CUR?", func(d *dialect) string {
			if d.nonOS() {
				return "+CWMODE_CUR:1\r\n" + ok
			}
			return bad
		}},
		{"AT+GMR", func(d *dialect) string {
			s := map[string]string{
				"esp8266-1.7": "AT version:1.7.4.0(May 11 2020 19:13:04)\r\nSDK version:3.0.4(9532ceb)\r\ncompile time:May 27 2020 10:12:17\r\n",
				"esp32-2.2":   "AT version:2.2.0.0(c6fa6bf - ESP32 - Jul  2 2021 06:44:05)\r\nSDK version:v4.2.2-76-gefa6eca\r\ncompile time(4d1c9b07):Jul  2 2021 08:30:11\r\nBin version:2.2.0(WROOM-32)\r\n",
			}[d.name]
			if s == "" {
				s = strings.Join(d.gmr, "\r\n") + "\r\n"
				if !strings.HasPrefix(s, fmt.Sprintf("AT version:%d.%d.", d.major, d.minor)) {
					return "a version that begins otherwise"
				}
			}
			return s + ok
		}},
		{"AT+SYSSTORE=0", from(2, 1, ok)},
		{"AT+SYSLOG=0", from(2, 0, ok)},
		{"AT+SYSMSG=0", from(2, 0, ok)},
		{"AT+SYSMSG?", from(2, 0, "+SYSMSG:0\r\nOK\r\n")},
		{"AT+CWJAP?", func(d *dialect) string {
			tail := ""
			switch {
			case d.since(2, 2):
				tail = ",0,1,0,0,0"
			case d.since(2, 1):
				tail = ",0,1,0,0"
			}
			return `+CWJAP:"home","02:00:00:00:00:01",6,-50` + tail + "\r\n" + ok
		}},
		{"AT+CWSTATE?", from(2, 2, "+CWSTATE:2,\"home\"\r\n"+ok)},
		{"AT+CWDHCP?", always("+CWDHCP:3\r\n" + ok)},
		{"AT+CWDHCP=1,0", always(ok)}, // 1.7: mode 1, off; later: on, nobody
		{"AT+CWDHCP?", func(d *dialect) string {
			if d.nonOS() {
				return "+CWDHCP:2\r\n" + ok
			}
			return "+CWDHCP:3\r\n" + ok
		}},
		{"AT+CIPSTA?", always("+CIPSTA:ip:\"10.0.0.2\"\r\n+CIPSTA:gateway:\"10.0.0.1\"\r\n+CIPSTA:netmask:\"255.255.255.0\"\r\n" + ok)},
		{"AT+CIPSTAMAC?", always("+CIPSTAMAC:\"24:0a:c4:10:20:30\"\r\n" + ok)},
		{"AT+CIFSR", always("+CIFSR:STAIP,\"10.0.0.2\"\r\n+CIFSR:STAMAC,\"24:0a:c4:10:20:30\"\r\n" + ok)},
		{`AT+CWHOSTNAME="shed"`, always(ok)},
		{"AT+CWHOSTNAME?", always("+CWHOSTNAME:shed\r\n" + ok)},
		{`AT+CWHOSTNAME="` + strings.Repeat("x", 33) + `"`, always(bad)},
		{"AT+CIPMUX?", always("+CIPMUX:0\r\n" + ok)},
		{"AT+CIPDINFO?", always("+CIPDINFO:false\r\nOK\r\n")},
		{"AT+CIPDINFO=1", always(ok)},
		{"AT+CIPDINFO?", always("+CIPDINFO:true\r\nOK\r\n")},
		{"AT+CIPRECVMODE?", always("+CIPRECVMODE:0\r\n" + ok)},
		{"AT+CIPRECVTYPE?", from(4, 0, "+CIPRECVTYPE:0,0\r\n+CIPRECVTYPE:1,0\r\n+CIPRECVTYPE:2,0\r\n+CIPRECVTYPE:3,0\r\n+CIPRECVTYPE:4,0\r\n"+ok)},
		{"AT+CIPRECVLEN?", func(d *dialect) string {
			switch {
			case d.nonOS():
				return "+CIPRECVLEN:0,0,0,0,0\r\n" + ok
			case d.since(4, 1):
				return "+CIPRECVLEN:-1\r\n" + ok
			}
			return "+CIPRECVLEN:-1,-1,-1,-1,-1\r\n" + ok
		}},
		{"AT+CIPRECVDATA=10", always(bad)},
		{"AT+CIPSTATUS", always("STATUS:2\r\n" + ok)},
		{"AT+CIPSTATE?", from(2, 3, ok)},
		{"AT+CIPSERVER?", always("+CIPSERVER:0\r\n" + ok)},
		{"AT+CIPSERVER=1,80", always(bad)}, // needs several links
		{"AT+CIPSTO=10", always(bad)},      // needs a server
		{"AT+CIPCLOSE", func(d *dialect) string {
			if d.nonOS() {
				return "link is not\r\n" + bad
			}
			return bad
		}},
		{"AT+CIPSEND=4", func(d *dialect) string {
			if d.nonOS() {
				return "link is not valid\r\n" + bad
			}
			return bad
		}},
		{`AT+CIPSTART="TCPv6","64:ff9b::a00:1",80`, always(bad)}, // CIPV6 is off
		{`AT+CIPSTART="SCTP","10.0.0.1",80`, always(bad)},
		{`AT+CIPSTART=0,"TCP","10.0.0.1",80`, always(bad)},
		{`AT+CIPSTART="TCP","` + strings.Repeat("x", 65) + `",80`, always(bad)},
		{`AT+CIPSTART="TCP","10.0.0.1",80`, always(bad)}, // refused
		{`AT+CIPDOMAIN="example.com"`, func(d *dialect) string {
			if d.since(2, 2) {
				return "+CIPDOMAIN:\"10.0.0.1\"\r\n" + ok
			}
			return "+CIPDOMAIN:10.0.0.1\r\n" + ok
		}},
		{`AT+CIPDOMAIN="nobody.example.com"`, func(d *dialect) string {
			if d.nonOS() {
				return "DNS Fail\r\n" + bad
			}
			return bad
		}},
		{`AT+PING="host"`, func(d *dialect) string {
			if d.nonOS() {
				return "+5\r\n" + ok
			}
			return "+PING:5\r\n" + ok
		}},
		{`AT+PING="10.0.0.9"`, func(d *dialect) string {
			if d.nonOS() {
				return "+timeout\r\n" + bad
			}
			return "+PING:TIMEOUT\r\n" + bad
		}},
		{"AT+CIPSNTPTIME?", func(d *dialect) string {
			if d.since(5, 0) {
				return "+CIPSNTPTIME:Thu Jan  1 00:00:"
			}
			return "+CIPSNTPTIME:Thu Jan  1 00:00:"
		}},
		{"AT+UART_CUR?", always("+UART_CUR:115201,8,1,0,0\r\n" + ok)},
		{"AT+CIPSSLCSNI=\"example.com\"", from(2, 0, ok)},
		{"AT+CIPV6=1", func(d *dialect) string {
			if d.since(2, 2) && !d.esp8266() {
				return ok + "WIFI GOT IPv6 LL\r\nWIFI GOT IPv6 GL\r\n"
			}
			return bad
		}},
		{"AT+CWQAP", always("WIFI DISCONNECT\r\n" + ok)},
		{"AT+CWJAP?", func(d *dialect) string {
			if d.nonOS() {
				return "No AP\r\n" + ok
			}
			return ok
		}},
		{"AT+CWSTATE?", from(2, 2, "+CWSTATE:4,\"home\"\r\n"+ok)},
		{"AT+CIPSTATUS", always("STATUS:5\r\n" + ok)},
		{`AT+CIPSTART="TCP","10.0.0.1",80`, func(d *dialect) string {
			if d.nonOS() {
				return "no ip\r\n" + bad
			}
			return bad
		}},
		{`AT+CWJAP="` + strings.Repeat("x", 33) + `",""`, always(bad)},
	}
	for _, version := range Versions() {
		t.Run(version, func(t *testing.T) {
			virtually(t, Config{Version: version}, func(r *rig) {
				r.join()
				for _, c := range table {
					r.do(c.command, c.reply(r.c.v))
					// What the time is, and OK, depend on how long all took.
					if strings.HasPrefix(c.command, "AT+CIPSNTPTIME") {
						time.Sleep(time.Second)
						for len(r.in) > 0 {
							<-r.in
						}
					}
				}
			})
		})
	}
}

// Versions that the description of the protocol tells apart are all there.
func TestVersions(t *testing.T) {
	for _, want := range []string{"esp8266-1.7", "esp8266-2.2", "esp32-2.0", "esp32-2.4", "esp32-3.2", "esp32-4.1", "esp32-5.0"} {
		if !slices.Contains(Versions(), want) || Describe(want) == "" {
			t.Errorf("there is no %s", want)
		}
	}
	if Describe("esp32-9.9") != "" {
		t.Error("a version that there is not is described")
	}
}

// Error words of SYSLOG=1.
func TestErrorCodes(t *testing.T) {
	virtually(t, Config{Version: "esp32-5.0"}, func(r *rig) {
		r.do("AT+SYSLOG=1", ok)
		for _, c := range []struct {
			command string
			word    uint32
		}{
			{"XT", 0x01030000},
			{"AT+FAKE", 0x01090000},
			{"AT+CWMODE=9", 0x01070000},
			{"AT+CWMODE=x", 0x01050000},
			{"AT+CWMODE=1,\"x\"", 0x01050001},
			{"AT+CWMODE=1,1,1", 0x01060203},
			{"AT+CWJAP=\"x", 0x01080000},
			{"AT+GMR?", 0x010c0000},
			{"AT+CIPCLOSE", 0x010a0000},
		} {
			r.do(c.command, fmt.Sprintf("ERR CODE:0x%08x\r\n", c.word)+bad)
		}
		r.do("AT+CWMODE=1", ok)
		r.do("AT+SYSLOG=0", ok)
		r.join()
		r.do("AT+SYSLOG=1", ok)
		r.do("AT+CIPSTART=\"TCP\",\"10.0.0.1\",80", "ERR CODE:0x010a0000\r\n+ERRNO:0x68\r\n"+bad)
		r.send("AT+PING=\"10.0.0.9\"\r\n")
		r.send("AT\r\n")
		r.expect("ERR CODE:0x010b0000\r\n\r\nbusy p...\r\n+PING:TIMEOUT\r\nERR CODE:0x010a0000\r\n" + bad)
	})
}

// A command line of 256 bytes is carried out, a longer one is refused whole.
func TestLineLength(t *testing.T) {
	virtually(t, Config{Version: "esp32-5.0"}, func(r *rig) {
		r.join()
		line := func(n int) string {
			name := `AT+CIPDOMAIN="`
			return name + strings.Repeat("x", n-2-len(name)-1) + `"`
		}
		r.do("AT+SYSLOG=1", ok)
		r.do(line(256), "ERR CODE:0x010a0000\r\n"+bad) // there is no such name
		r.do(line(257), "ERR CODE:0x01080000\r\n"+bad)
		r.do(line(5000), "ERR CODE:0x01080000\r\n"+bad)
		r.do("AT", ok)
	})
}

// The prompt, and what follows the data, in every version.
func TestPrompts(t *testing.T) {
	for _, version := range Versions() {
		t.Run(version, func(t *testing.T) {
			virtually(t, Config{Version: version}, func(r *rig) {
				r.join()
				l := r.listen(80)
				r.do(`AT+CIPSTART="TCP","10.0.0.1",80`, "CONNECT\r\n"+ok)
				peer := l.accept()
				d := r.c.v
				prompt := "\r\nOK\r\n\r\n>"
				if d.nonOS() {
					prompt = "\r\nOK\r\n> "
				}
				most := 2048
				if !d.esp8266() && d.since(2, 4) {
					most = 8192
				}
				r.do("AT+CIPSEND=0", bad)
				r.do(fmt.Sprintf("AT+CIPSEND=%d", most+1), bad)
				r.do("AT+CIPSEND=2,\"10.0.0.1\",80", bad) // a TCP link has its peer
				r.do(fmt.Sprintf("AT+CIPSEND=%d", most), prompt)
				data := string(payload(most))
				r.send(data)
				r.expect(fmt.Sprintf("\r\nRecv %d bytes\r\n", most) + sent)
				if got := r.read(peer, most); got != data {
					t.Error("the peer got other data")
				}
				r.do("AT+CIPSEND=20", prompt)
				r.send("\r\nOK\r\n+IPD,0,9:x") // no command: data
				time.Sleep(time.Second)
				r.send("\r\n\x00\xff")
				r.expect("\r\nRecv 20 bytes\r\n" + sent)
				if got := r.read(peer, 20); got != "\r\nOK\r\n+IPD,0,9:x\r\n\x00\xff" {
					t.Errorf("the peer got %q", got)
				}
				r.do("AT+CIPCLOSE", "CLOSED\r\n"+ok)
			})
		})
	}
}

// Data handed over, in every version: without and with the peer's address.
func TestActiveReceive(t *testing.T) {
	for _, version := range Versions() {
		t.Run(version, func(t *testing.T) {
			virtually(t, Config{Version: version}, func(r *rig) {
				r.join()
				l := r.listen(80)
				r.do(`AT+CIPSTART="TCP","10.0.0.1",80`, "CONNECT\r\n"+ok)
				peer := l.accept()
				peer.Write([]byte("\r\nOK\r\n"))
				r.expect("\r\n+IPD,6:\r\nOK\r\n")
				addr := `,"10.0.0.1",80`
				if !r.c.v.since(2, 1) {
					addr = ",10.0.0.1,80"
				}
				r.do("AT+CIPDINFO=1", ok)
				peer.Write([]byte("hello"))
				r.expect("\r\n+IPD,5" + addr + ":hello")
				peer.Write(payload(20000))
				var got string
				for len(got) < 20000 {
					got += r.ipd(addr + ":")
				}
				if got != string(payload(20000)) {
					t.Error("other data arrived than was sent")
				}
				peer.Close()
				r.expect("CLOSED\r\n")
			})
		})
	}
}

// Data asked for, in every version.
func TestPassiveReceive(t *testing.T) {
	for _, version := range Versions() {
		t.Run(version, func(t *testing.T) {
			virtually(t, Config{Version: version}, func(r *rig) {
				d := r.c.v
				r.join()
				l := r.listen(80)
				r.do("AT+CIPMUX=1", ok)
				r.do("AT+CIPRECVMODE=1", ok)
				r.do(`AT+CIPSTART=2,"TCP","10.0.0.1",80`, "2,CONNECT\r\n"+ok)
				peer := l.accept()
				peer.Write([]byte("hello"))
				r.expect("\r\n+IPD,2,5\r\n")
				idle := "-1"
				if d.nonOS() {
					idle = "0"
				}
				r.do("AT+CIPRECVLEN?", fmt.Sprintf("+CIPRECVLEN:%[1]s,%[1]s,5,%[1]s,%[1]s\r\n", idle)+ok)
				head := func(n int, addr string) string {
					switch {
					case d.nonOS():
						return fmt.Sprintf("+CIPRECVDATA,%d:", n)
					case addr == "" || d.since(2, 1):
						return fmt.Sprintf("+CIPRECVDATA:%d%s,", n, addr)
					}
					return fmt.Sprintf("+CIPRECVDATA:%d%s,", n, strings.ReplaceAll(addr, `"`, ""))
				}
				r.do("AT+CIPRECVDATA=2,0", bad)
				r.do("AT+CIPRECVDATA=1,100", bad)
				r.do("AT+CIPRECVDATA=2,2", head(2, "")+"he"+ok+"\r\n+IPD,2,3\r\n")
				r.do("AT+CIPDINFO=1", ok)
				r.do("AT+CIPRECVDATA=2,2048", head(3, `,"10.0.0.1",80`)+"llo"+ok)
				r.do("AT+CIPRECVDATA=2,100", bad)
				peer.Write([]byte("more"))
				r.expect("\r\n+IPD,2,4\r\n")
				peer.Write([]byte("and more")) // announced by what was said
				r.quiet()
				r.do("AT+CIPRECVDATA=2,4", head(4, `,"10.0.0.1",80`)+"more"+ok+"\r\n+IPD,2,8\r\n")
				r.do("AT+CIPRECVMODE=0", ok)
				addr := `,"10.0.0.1",80`
				if !d.since(2, 1) {
					addr = ",10.0.0.1,80"
				}
				r.expect("\r\n+IPD,2,8" + addr + ":and more")
				r.do("AT+CIPCLOSE=2", "2,CLOSED\r\n"+ok)
			})
		})
	}
}

// Datagrams in passive mode: AT 1.7 hands them over, 2.0 loses them, later
// versions keep them, and before 4.0 what a read does not take of one is lost.
func TestPassiveDatagrams(t *testing.T) {
	for _, version := range Versions() {
		t.Run(version, func(t *testing.T) {
			virtually(t, Config{Version: version}, func(r *rig) {
				d := r.c.v
				r.join()
				r.do("AT+CIPMUX=1", ok)
				r.do("AT+CIPRECVMODE=1", ok)
				p := r.packet("10.0.0.5", 7)
				r.do(`AT+CIPSTART=0,"UDP","10.0.0.5",7,5000`, "0,CONNECT\r\n"+ok)
				r.writeTo(p, "abcdef", 5000)
				switch {
				case d.nonOS():
					r.expect("\r\n+IPD,0,6:abcdef")
					return
				case !d.since(2, 1):
					r.quiet()
					r.do("AT+CIPRECVDATA=0,100", bad)
					return
				}
				r.expect("\r\n+IPD,0,6\r\n")
				r.writeTo(p, "gh", 5000)
				time.Sleep(rtt)
				if d.since(4, 0) {
					r.do("AT+CIPRECVDATA=0,3", "+CIPRECVDATA:3,abc"+ok+"\r\n+IPD,0,5\r\n")
					r.do("AT+CIPRECVDATA=0,100", "+CIPRECVDATA:5,defgh"+ok)
				} else {
					r.do("AT+CIPRECVDATA=0,3", "+CIPRECVDATA:3,abc"+ok+"\r\n+IPD,0,2\r\n")
					r.do("AT+CIPRECVDATA=0,100", "+CIPRECVDATA:2,gh"+ok)
				}
				// Beyond its buffer it drops.
				for range 10 {
					r.writeTo(p, string(payload(1000)), 5000)
					time.Sleep(rtt)
				}
				r.expect("\r\n+IPD,0,1000\r\n")
				r.do("AT+CIPRECVLEN?", "+CIPRECVLEN:5000,-1,-1,-1,-1\r\n"+ok)
			})
		})
	}
}
