package espat

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// The worked exchanges of the protocol's description, byte for byte.

func TestTCPConnectSendPassiveReadAndPeerClose(t *testing.T) {
	virtually(t, Config{Version: "esp32-4.0"}, func(r *rig) {
		r.join()
		r.do("AT+CIPMUX=1", ok)
		r.do("AT+CIPRECVTYPE=5,1", ok)
		l := r.listen(8080)
		r.do(`AT+CIPSTART=0,"TCP","10.0.0.1",8080,60`, "0,CONNECT\r\n"+ok)
		peer := l.accept()
		r.do("AT+CIPSEND=0,2", "\r\nOK\r\n\r\n>")
		r.send("hi")
		r.expect("\r\nRecv 2 bytes\r\n\r\nSEND OK\r\n")
		if got := r.read(peer, 2); got != "hi" {
			t.Errorf("the peer got %q", got)
		}
		peer.Write([]byte("hello"))
		r.expect("\r\n+IPD,0,5\r\n")
		peer.Close()
		r.quiet()
		r.do("AT+CIPRECVDATA=0,1460", "+CIPRECVDATA:5,hello\r\nOK\r\n0,CLOSED\r\n")
	})
}

func TestStartUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := power(t, Config{Version: "esp32-2.2"})
		r.expect("\r\nready\r\n")
		bits := DefaultTiming().Boot + 9*10*time.Second/115200
		if d := time.Since(start); d < bits-time.Microsecond || d > bits+time.Microsecond {
			t.Errorf("ready after %v, want %v", d, bits)
		}
		r.do("AT", "AT\r\n"+ok) // the echo is on
		r.do("ATE0", "ATE0\r\n"+ok)
		r.do("AT", ok)
		r.quiet()
	})
}

func TestServerInActiveMode(t *testing.T) {
	virtually(t, Config{Version: "esp32-2.4"}, func(r *rig) {
		r.join()
		r.do("AT+CIPMUX=1", ok)
		r.do("AT+CIPSERVER=1,80", ok)
		time.Sleep(time.Millisecond)
		peer := r.dial(80)
		r.expect("0,CONNECT\r\n")
		peer.Write([]byte("test"))
		r.expect("\r\n+IPD,0,4:test")
		local := peer.LocalAddr().(*net.TCPAddr)
		r.do("AT+CIPSTATE?", fmt.Sprintf("+CIPSTATE:0,\"TCP\",\"10.0.0.1\",%d,80,1\r\n", local.Port)+ok)
		r.do("AT+CIPCLOSE=0", "0,CLOSED\r\n"+ok)
		if got := r.readEnd(peer); got != "" {
			t.Errorf("the peer got %q", got)
		}
	})
}

func TestUDPSendToAndReceiveFrom(t *testing.T) {
	virtually(t, Config{Version: "esp32-2.4"}, func(r *rig) {
		r.join()
		r.do("AT+CIPMUX=1", ok)
		r.do("AT+CIPDINFO=1", ok)
		a := r.packet("10.0.0.5", 5000)
		r.do(`AT+CIPSTART=4,"UDP","0.0.0.0",9,5000,2`, "4,CONNECT\r\n"+ok)
		r.do(`AT+CIPSEND=4,3,"10.0.0.5",5000`, "\r\nOK\r\n\r\n>")
		r.send("abc")
		r.expect("\r\nRecv 3 bytes\r\n" + sent)
		if got, from := r.readFrom(a); got != "abc" || from != "10.0.0.2:5000" {
			t.Errorf("got %q from %s", got, from)
		}
		r.writeTo(a, "xyz", 5000)
		r.expect("\r\n+IPD,4,3,\"10.0.0.5\",5000:xyz")
		r.do("AT+SYSLOG=1", ok)
		r.do("AT+FAKE", "ERR CODE:0x01090000\r\n"+bad)
		r.do("AT+SYSLOG=0", ok)
		r.do("AT+FAKE", bad)
	})
}

func TestPassiveReadInTwoPartsWhileMoreComesAndThePeerCloses(t *testing.T) {
	virtually(t, Config{Version: "esp32-4.0"}, func(r *rig) {
		r.join()
		r.do("AT+CIPMUX=1", ok)
		r.do("AT+CIPRECVTYPE=0,1", ok)
		l := r.listen(80)
		r.do(`AT+CIPSTART=0,"TCP","10.0.0.1",80`, "0,CONNECT\r\n"+ok)
		peer := l.accept()
		peer.Write([]byte("0123456789"))
		r.expect("\r\n+IPD,0,10\r\n")
		peer.Write([]byte("abcd"))
		peer.Close()
		r.quiet()
		r.do("AT+CIPRECVDATA=0,6", "+CIPRECVDATA:6,012345\r\nOK\r\n\r\n+IPD,0,8\r\n")
		r.do("AT+CIPRECVLEN?", "+CIPRECVLEN:8,-1,-1,-1,-1\r\n"+ok)
		r.do(`AT+CIPSTART=0,"TCP","10.0.0.1",80`, bad) // still in use
		r.do("AT+CIPRECVDATA=0,1460", "+CIPRECVDATA:8,6789abcd\r\nOK\r\n0,CLOSED\r\n")
		r.do("AT+CIPRECVDATA=0,1460", bad)
		r.do("AT+CIPCLOSE=0", bad)
	})
}

func TestUDPWithAddressesInPassiveModeFromTwoSenders(t *testing.T) {
	virtually(t, Config{Version: "esp32-4.0"}, func(r *rig) {
		r.join()
		r.do("AT+CIPMUX=1", ok)
		r.do("AT+CIPDINFO=1", ok)
		r.do("AT+CIPRECVTYPE=5,1", ok)
		a, b := r.packet("10.0.0.5", 6000), r.packet("10.0.0.6", 6001)
		r.do(`AT+CIPSTART=3,"UDP","0.0.0.0",9,5000,2`, "3,CONNECT\r\n"+ok)
		r.writeTo(a, "ping", 5000)
		r.expect("\r\n+IPD,3,4\r\n")
		r.do("AT+CIPRECVDATA=3,1472", "+CIPRECVDATA:4,\"10.0.0.5\",6000,ping"+ok)
		r.do(`AT+CIPSEND=3,4,"10.0.0.5",6000`, "\r\nOK\r\n\r\n>")
		r.send("pong")
		r.expect("\r\nRecv 4 bytes\r\n" + sent)
		if got, _ := r.readFrom(a); got != "pong" {
			t.Errorf("got %q", got)
		}
		r.writeTo(b, "hi", 5000)
		r.expect("\r\n+IPD,3,2\r\n")
		r.do("AT+CIPRECVDATA=3,1472", "+CIPRECVDATA:2,\"10.0.0.6\",6001,hi"+ok)
		r.do(`AT+CIPSEND=3,2`, "\r\nOK\r\n\r\n>") // mode 2: to whom the last came from
		r.send("yo")
		r.expect("\r\nRecv 2 bytes\r\n" + sent)
		if got, _ := r.readFrom(b); got != "yo" {
			t.Errorf("got %q", got)
		}
	})
}

func TestLinkDiesWhileTheModuleWaitsForSendData(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		r.join()
		r.do("AT+CIPMUX=1", ok)
		l := r.listen(80)
		r.do(`AT+CIPSTART=1,"TCP","10.0.0.1",80`, "1,CONNECT\r\n"+ok)
		peer := l.accept()
		r.do("AT+CIPSEND=1,4", "\r\nOK\r\n\r\n>")
		peer.Close()
		r.expect("1,CLOSED\r\n")
		r.send("abcd")
		r.expect("\r\nRecv 4 bytes\r\n\r\nSEND FAIL\r\n")
		r.do("AT+CIPSEND=1,4", bad)
	})
}

func TestServerThatIsFullRefuses(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		r.join()
		r.do("AT+CIPMUX=1", ok)
		r.do("AT+CIPSERVERMAXCONN=1", ok)
		r.do("AT+CIPSTO=0", bad)
		r.do("AT+CIPSERVER=1,80", ok)
		r.do("AT+CIPSTO=0", ok)
		time.Sleep(time.Millisecond)
		first := r.dial(80)
		r.expect("0,CONNECT\r\n")
		_, err := r.v.Host().Dial(context.Background(), netip.MustParseAddrPort("10.0.0.2:80"))
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a second client: %v, want a refusal", err)
		}
		r.do("AT+CIPMUX=0", bad)
		first.Close()
		r.expect("0,CLOSED\r\n")
		r.dial(80)
		r.expect("0,CONNECT\r\n")
		r.do("AT+CIPSERVER=1,80", ok) // the same again
		r.do("AT+CIPSERVER=1,81", bad)
		r.do("AT+CIPSERVER=0,1", "0,CLOSED\r\n"+ok)
	})
}

func TestHungCommandEndsByForcedRestart(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		r.do("AT+CWMODE=1", ok)
		r.send("AT+CWJAP=\"x\",\"12345678\"\r\n")
		r.send("AT\r\n")
		r.expect("\r\nbusy p...\r\n")
		r.send("AT+RST\r\n")
		r.expect("\r\nWill force to restart!!!\r\n\r\nready\r\n")
		r.do("ATE0", "ATE0\r\n"+ok) // the echo is back
	})
}
