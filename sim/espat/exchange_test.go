package espat

import "testing"

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
