// Tcpclient sends a line every second and prints what comes back.
//
// At the other end run something that answers: "nc -lk 127.0.0.1 8080" on this
// machine (and type), or any echo server; the simulated board knows this machine
// by the name host. Then, from the repository's root:
//
//	go run ./cmd/tinynet run ./examples/net/tcpclient host:8080
//
// On a board, with TinyGo, name the network and the server at link time:
//
//	-ldflags "-X main.ssid=NAME -X main.pass=PASSPHRASE -X main.addr=ADDRESS:PORT"
package main

import (
	"net"
	"os"
	"strconv"
	"time"

	"tinynet/netlink"
	"tinynet/netlink/probe"
)

// Strings set at link time. TinyGo sets only those that have no value in the
// source, so main does that.
var ssid, pass, addr string

func main() {
	if ssid == "" {
		ssid, pass = "tinynet", "tinynet-pass"
	}
	if len(os.Args) > 1 {
		addr = os.Args[1]
	} else if addr == "" {
		addr = "host:8080"
	}

	link, _ := probe.Probe()
	err := link.NetConnect(&netlink.ConnectParams{Ssid: ssid, Passphrase: pass, Retries: 3})
	if err != nil {
		fail("connect to", ssid, err)
	}

	c, err := net.Dial("tcp", addr)
	if err != nil {
		fail("dial", addr, err)
	}
	go send(c)
	buf := make([]byte, 512)
	for {
		n, err := c.Read(buf)
		os.Stdout.Write(buf[:n])
		if err != nil { // to compare it with io.EOF would cost flash
			println("closed by", addr+":", err.Error())
			return
		}
	}
}

func send(c net.Conn) {
	for n := 1; ; n++ {
		if _, err := c.Write([]byte("line " + strconv.Itoa(n) + " from the board\n")); err != nil {
			return // the reading side tells why
		}
		time.Sleep(time.Second)
	}
}

func fail(what, object string, err error) {
	println("cannot", what, object+":", err.Error())
	os.Exit(1)
}
