package espat

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var homeAndCafe = []AccessPoint{
	{SSID: "home", Passphrase: "correct horse", BSSID: [6]byte{2, 0, 0, 0, 0, 1}, Channel: 6, RSSI: -50},
	{SSID: `a "b", c\d`, Passphrase: `p,"w"\8`, BSSID: [6]byte{2, 0, 0, 0, 0, 2}, Channel: 11, RSSI: -71},
	{SSID: "open", BSSID: [6]byte{2, 0, 0, 0, 0, 3}, Channel: 1, RSSI: -80},
}

func TestJoinFailsAndSaysWhy(t *testing.T) {
	virtually(t, Config{AccessPoints: homeAndCafe}, func(r *rig) {
		r.do(`AT+CWJAP="home","correct horse"`, func() string {
			if r.c.v.esp8266() {
				return ok
			}
			return bad // the radio is off
		}())
		r.do("AT+CWMODE=1", ok)
		start := time.Now()
		r.do(`AT+CWJAP="nobody","12345678"`, "+CWJAP:3\r\n"+bad)
		if d := time.Since(start); d < 3*time.Second || d > 3100*time.Millisecond {
			t.Errorf("after %v", d)
		}
		r.do(`AT+CWJAP="home","wrong horse"`, "+CWJAP:2\r\n"+bad)
		r.do(`AT+CWJAP="home","wrong horse",,,,,,3`, "+CWJAP:1\r\n"+bad) // time is up first
		r.do("AT+CWSTATE?", "+CWSTATE:4,\"home\"\r\n"+ok)
		// Quotes, commas and backslashes are escaped in commands, and not in replies.
		r.do(`AT+CWJAP="a \"b\"\, c\\d","p\,\"w\"\\8"`, "WIFI CONNECTED\r\nWIFI GOT IP\r\n"+ok)
		r.do("AT+CWJAP?", `+CWJAP:"a "b", c\d","02:00:00:00:00:02",11,-71,0,1,0,0,0`+"\r\n"+ok)
		r.do(`AT+CWJAP="open",""`, "WIFI DISCONNECT\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n"+ok)
		r.do(`AT+CWJAP="home","correct horse","02:00:00:00:00:09"`, "WIFI DISCONNECT\r\n+CWJAP:3\r\n"+bad)
	})
	virtually(t, Config{Version: "esp8266-1.7", AccessPoints: homeAndCafe}, func(r *rig) {
		r.do("AT+CWMODE_CUR=1", ok)
		r.do(`AT+CWJAP_CUR="nobody","12345678"`, "+CWJAP:3\r\n\r\nFAIL\r\n")
	})
}

func TestScan(t *testing.T) {
	virtually(t, Config{AccessPoints: homeAndCafe}, func(r *rig) {
		r.do("AT+CWLAP", bad)
		r.do("AT+CWMODE=3", ok)
		home := `+CWLAP:(3,"home",-50,"02:00:00:00:00:01",6,-1,-1,4,4,7,0)` + "\r\n"
		odd := `+CWLAP:(3,"a "b", c\d",-71,"02:00:00:00:00:02",11,-1,-1,4,4,7,0)` + "\r\n"
		open := `+CWLAP:(0,"open",-80,"02:00:00:00:00:03",1,-1,-1,0,0,7,0)` + "\r\n"
		r.do("AT+CWLAP", home+odd+open+ok)
		r.do(`AT+CWLAP="home"`, home+ok)
		r.do("AT+CWLAP=,,11", odd+ok)
		r.do("AT+CWLAPOPT=,23", ok)
		r.do(`AT+CWLAP="home"`, `+CWLAP:(3,"home",-50,6)`+"\r\n"+ok)
		r.do("AT+CWLAPOPT=0,9999", bad)
	})
}

// The link is lost: TCP links close, UDP links and the server stay, and the
// firmware joins again by itself.
func TestLinkIsLost(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		r.join()
		r.do("AT+CIPMUX=1", ok)
		l := r.listen(80)
		r.do(`AT+CIPSTART=0,"TCP","10.0.0.1",80`, "0,CONNECT\r\n"+ok)
		l.accept()
		r.do(`AT+CIPSTART=1,"UDP","10.0.0.5",7,5000`, "1,CONNECT\r\n"+ok)
		r.do("AT+CIPSERVER=1,80", ok)
		time.Sleep(time.Millisecond)
		r.v.SetAccessPoint(false)
		r.expect("WIFI DISCONNECT\r\n0,CLOSED\r\n")
		r.do("AT+CIPSTATE?", "+CIPSTATE:1,\"UDP\",\"10.0.0.5\",7,5000,0\r\n"+ok)
		r.do("AT+CIPSTATUS", "STATUS:3\r\n+CIPSTATUS:1,\"UDP\",\"10.0.0.5\",7,5000,0\r\n"+ok)
		time.Sleep(time.Minute)
		r.v.SetAccessPoint(true)
		r.expect("WIFI CONNECTED\r\nWIFI GOT IP\r\n")
		p := r.packet("10.0.0.5", 7)
		r.writeTo(p, "still", 5000)
		r.expect("\r\n+IPD,1,5:still")
		r.dial(80)
		r.expect("0,CONNECT\r\n")
		// With no reconnection it stays away.
		r.do("AT+CWRECONNCFG=0,0", ok)
		r.c.DropLink()
		r.expect("WIFI DISCONNECT\r\n0,CLOSED\r\n")
		r.c.RestoreLink()
		time.Sleep(time.Minute)
		r.quiet()
	})
}

// Links survive the loss of the access point if they are to.
func TestLinksPersist(t *testing.T) {
	virtually(t, Config{Version: "esp32-5.0"}, func(r *rig) {
		r.join()
		r.do("AT+CIPCONNPERSIST=1", ok)
		l := r.listen(80)
		r.do(`AT+CIPSTART="TCP","10.0.0.1",80`, "CONNECT\r\n"+ok)
		l.accept()
		r.c.DropLink()
		r.expect("WIFI DISCONNECT\r\n")
		time.Sleep(100 * time.Millisecond)
		for len(r.in) > 0 { // the network's end of it is gone
			<-r.in
		}
		r.c.RestoreLink()
		r.expect("WIFI CONNECTED\r\nWIFI GOT IP\r\n")
	})
}

// What is in flash is found after a reset: the access point is joined unasked.
func TestReset(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		r.join()
		r.do("AT+CIPMUX=1", ok)
		r.do("AT+CIPRECVMODE=1", ok)
		r.do("AT+SYSMSG=2", ok)
		r.do("AT+RST", ok+"\r\nready\r\n")
		r.do("AT+CIPMUX?", "AT+CIPMUX?\r\n+CIPMUX:0\r\n"+ok) // before, and the echo is on
		r.expect("WIFI CONNECTED\r\nWIFI GOT IP\r\n")
		r.do("ATE0", "ATE0\r\n"+ok)
		r.do("AT+CIPRECVMODE?", "+CIPRECVMODE:0\r\n"+ok)
		l := r.listen(80)
		r.do(`AT+CIPSTART="TCP","10.0.0.1",80`, "")
		peer := l.accept()
		port := peer.RemoteAddr().String()
		port = port[strings.LastIndex(port, ":")+1:]
		r.expect(fmt.Sprintf("+LINK_CONN:0,0,\"TCP\",0,\"10.0.0.1\",80,%s\r\n", port) + ok)
		r.do("AT+RESTORE", ok+"\r\nready\r\n")
		r.do("ATE0", "ATE0\r\n"+ok)
		r.do("AT+SYSMSG?", "+SYSMSG:0\r\nOK\r\n")
		r.do("AT+CWMODE?", "+CWMODE:0\r\n"+ok)
		// With storing off nothing is found.
		r.do("AT+SYSSTORE=0", ok)
		r.join()
		r.do("AT+RST", ok+"\r\nready\r\n")
		r.do("ATE0", "ATE0\r\n"+ok)
		r.do("AT+CWMODE?", "+CWMODE:0\r\n"+ok)
	})
	// A join of the host's takes the place of the firmware's own, for good.
	virtually(t, Config{}, func(r *rig) {
		r.join()
		r.do("AT+RST", ok+"\r\nready\r\n")
		r.do("ATE0", "ATE0\r\n"+ok)
		r.do(`AT+CWJAP="home","correct horse"`, "WIFI CONNECTED\r\nWIFI GOT IP\r\n"+ok)
		time.Sleep(time.Minute)
		r.quiet()
		r.c.DropLink()
		r.expect("WIFI DISCONNECT\r\n")
		time.Sleep(5 * time.Second)
		r.c.RestoreLink()
		time.Sleep(1100 * time.Millisecond) // it is at it again
		r.do(`AT+CWJAP="home","correct horse"`, "WIFI CONNECTED\r\nWIFI GOT IP\r\n"+ok)
		time.Sleep(time.Minute)
	})
	virtually(t, Config{}, func(r *rig) {
		r.join()
		r.do("AT+CWAUTOCONN=0", ok)
		r.c.Restart() // no OK, nothing
		r.expect("\r\nready\r\n")
		time.Sleep(time.Minute)
		r.quiet()
		r.do("ATE0", "ATE0\r\n"+ok)
	})
}

func TestSoftAP(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		r.do("AT+CWSAP?", bad)
		r.do("AT+CWMODE=2", ok)
		r.do("AT+CWSAP?", "+CWSAP:\"ESP_102031\",\"\",1,0,4,0\r\n"+ok)
		r.do(`AT+CWSAP="shed","short",6,3`, bad)
		r.do(`AT+CWSAP="shed","12345678",6,1`, bad)
		r.do(`AT+CWSAP="shed","12345678",6,3,2`, ok)
		r.do("AT+CWSAP?", "+CWSAP:\"shed\",\"12345678\",6,3,2,0\r\n"+ok)
		r.do("AT+CIPAP?", "+CIPAP:ip:\"192.168.4.1\"\r\n+CIPAP:gateway:\"192.168.4.1\"\r\n+CIPAP:netmask:\"255.255.255.0\"\r\n"+ok)
		r.do("AT+CIFSR", "+CIFSR:APIP,\"192.168.4.1\"\r\n+CIFSR:APMAC,\"24:0a:c4:10:20:31\"\r\n"+ok)
		if _, err := r.v.Join("shed", "wrong pass"); err == nil {
			t.Error("a station got in with a wrong passphrase")
		}
		phone, err := r.v.Join("shed", "12345678")
		if err != nil {
			t.Fatal(err)
		}
		r.expect("+STA_CONNECTED:\"02:00:00:00:01:01\"\r\n+DIST_STA_IP:\"02:00:00:00:01:01\",\"192.168.4.2\"\r\n")
		if phone.Addr().String() != "192.168.4.2" {
			t.Errorf("the station has %v", phone.Addr())
		}
		r.do("AT+CWLIF", "+CWLIF:192.168.4.2,02:00:00:00:01:01\r\n"+ok)
		r.do("AT+CIPMUX=1", ok)
		r.do("AT+CIPSERVER=1,80", ok)
		time.Sleep(time.Millisecond)
		c, err := phone.Dial(context.Background(), netip.MustParseAddrPort("192.168.4.1:80"))
		if err != nil {
			t.Fatal(err)
		}
		r.expect("0,CONNECT\r\n")
		c.Write([]byte("hi"))
		r.expect("\r\n+IPD,0,2:hi")
		phone.Leave()
		r.expect("+STA_DISCONNECTED:\"02:00:00:00:01:01\"\r\n")
		r.do("AT+CWMODE=1", "0,CLOSED\r\n"+ok)
	})
}

// Station and access point at once: each address is reached on its own network.
func TestBothModes(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		r.do("AT+CWMODE=3", ok)
		r.do(`AT+CWSAP="shed","",6,0`, ok)
		r.do(`AT+CWJAP="home",""`, "WIFI CONNECTED\r\nWIFI GOT IP\r\n"+ok)
		phone, err := r.v.Join("shed", "")
		if err != nil {
			t.Fatal(err)
		}
		r.expect("+STA_CONNECTED:\"02:00:00:00:01:01\"\r\n+DIST_STA_IP:\"02:00:00:00:01:01\",\"192.168.4.2\"\r\n")
		l, err := phone.Listen(7)
		if err != nil {
			t.Fatal(err)
		}
		r.do("AT+CIPMUX=1", ok)
		r.do(`AT+CIPSTART=0,"TCP","192.168.4.2",7`, "0,CONNECT\r\n"+ok)
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
		h := r.listen(7)
		r.do(`AT+CIPSTART=1,"TCP","10.0.0.1",7`, "1,CONNECT\r\n"+ok)
		h.accept()
		r.do("AT+CIPSERVER=1,80", ok)
		time.Sleep(time.Millisecond)
		if _, err := phone.Dial(context.Background(), netip.MustParseAddrPort("192.168.4.1:80")); err != nil {
			t.Fatal(err)
		}
		r.expect("2,CONNECT\r\n")
		r.dial(80)
		r.expect("3,CONNECT\r\n")
		r.do("AT+CIPCLOSE=5", "0,CLOSED\r\n1,CLOSED\r\n2,CLOSED\r\n3,CLOSED\r\n"+ok)
		r.do("AT+CIPCLOSE=5", ok)
	})
}

func TestStaticAddress(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		r.join()
		r.do(`AT+CIPSTA="10.0.0.77"`, ok)
		r.do("AT+CIPSTA?", "+CIPSTA:ip:\"10.0.0.77\"\r\n+CIPSTA:gateway:\"10.0.0.1\"\r\n+CIPSTA:netmask:\"255.255.255.0\"\r\n"+ok)
		r.do("AT+CWDHCP?", "+CWDHCP:2\r\n"+ok)
		r.do("AT+CWDHCP=1,1", ok)
		r.do("AT+CIPSTA?", "+CIPSTA:ip:\"10.0.0.2\"\r\n+CIPSTA:gateway:\"10.0.0.1\"\r\n+CIPSTA:netmask:\"255.255.255.0\"\r\n"+ok)
		r.do(`AT+CIPSTA="10.0.0"`, bad)
		r.do(`AT+CIPDNS=1,"8.8.8.8","8.8.8.8"`, bad)
		r.do(`AT+CIPDNS=1,"8.8.8.8"`, ok)
		r.do("AT+CIPDNS?", "+CIPDNS:1,\"8.8.8.8\"\r\n"+ok)
		r.do("AT+CIPDNS=0", ok)
		r.do("AT+CIPDNS?", "+CIPDNS:0,\"10.0.0.1\"\r\n"+ok)
	})
}

func TestTime(t *testing.T) {
	virtually(t, Config{Version: "esp32-5.0"}, func(r *rig) {
		r.join()
		r.do(`AT+CIPSNTPCFG=1,2,"pool.ntp.org"`, ok+"+TIME_UPDATED\r\n")
		r.do("AT+CIPSNTPCFG?", "+CIPSNTPCFG:1,2,\"pool.ntp.org\"\r\n"+ok)
		// The bubble's clock begins at the first of January 2000.
		r.do("AT+CIPSNTPTIME?", "+CIPSNTPTIME:Sat Jan  1 02:00:04 2000\r\nOK\r\n")
		r.do("AT+SYSTIMESTAMP=1600000000", ok)
		r.do("AT+SYSTIMESTAMP?", "+SYSTIMESTAMP:1600000000\r\nOK\r\n")
	})
}

// IPv6 leads to the simulated network through a translator.
func TestIPv6(t *testing.T) {
	virtually(t, Config{Version: "esp32-4.0"}, func(r *rig) {
		r.do("AT+CIPV6=1", ok)
		r.do("AT+CWMODE=1", ok)
		r.do(`AT+CWJAP="home","x"`, "WIFI CONNECTED\r\nWIFI GOT IP\r\nWIFI GOT IPv6 LL\r\nWIFI GOT IPv6 GL\r\n"+ok)
		r.do("AT+CIPMUX=1", ok)
		r.do("AT+CIPDINFO=1", ok)
		r.do(`AT+CIPDOMAIN="example.com",3`, "+CIPDOMAIN:\"64:FF9B::A00:1\"\r\n"+ok)
		l := r.listen(80)
		r.do(`AT+CIPSTART=0,"TCPv6","64:ff9b::a00:1",80`, "0,CONNECT\r\n"+ok)
		peer := l.accept()
		peer.Write([]byte("six"))
		r.expect("\r\n+IPD,0,3,\"64:FF9B::A00:1\",80:six")
		r.do(`AT+CIPSTART=1,"TCPv6","2001:db8::1",80`, bad)
		r.do(`AT+CIPSTART=1,"TCPv6","10.0.0.1",80`, bad)
		r.do(`AT+CIPSERVER=1,80,"TCPv6"`, ok)
		r.do("AT+CIPSERVER?", "+CIPSERVER:1,80,\"TCPv6\",0,0\r\n"+ok)
		// Datagrams, without a peer at first.
		p := r.packet("10.0.0.1", 9000)
		r.do(`AT+CIPSTART=4,"UDPv6","::",9,9001,2`, "4,CONNECT\r\n"+ok)
		r.do("AT+CIPSTATE?", "+CIPSTATE:0,\"TCPv6\",\"64:FF9B::A00:1\",80,"+itoa(int(peer.RemoteAddr().(*net.TCPAddr).Port))+",0\r\n+CIPSTATE:4,\"UDPv6\",\"::\",9,9001,0\r\n"+ok)
		r.writeTo(p, "seven", 9001)
		r.expect("\r\n+IPD,4,5,\"64:FF9B::A00:1\",9000:seven")
		r.do(`AT+CIPSEND=4,2,"64:FF9B::A00:1",9000`, "\r\nOK\r\n\r\n>")
		r.send("hi")
		r.expect("\r\nRecv 2 bytes\r\n" + sent)
		if got, _ := r.readFrom(p); got != "hi" {
			t.Errorf("the peer got %q", got)
		}
	})
}
