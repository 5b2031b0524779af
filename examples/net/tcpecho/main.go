// Tcpecho sends back whatever it is sent, to several clients at once.
//
// On the simulated board, from the repository's root:
//
//	go run ./cmd/tinynet run ./examples/net/tcpecho
//
// At the other end, on this machine: "nc 127.0.0.1 8080", and type. On a board,
// with TinyGo, the network's name and passphrase are given at link time:
//
//	-ldflags "-X main.ssid=NAME -X main.pass=PASSPHRASE"
package main

import (
	"net"
	"os"

	"tinynet/netlink"
	"tinynet/netlink/probe"
)

// Strings set at link time. TinyGo sets only those that have no value in the
// source, so main does that.
var ssid, pass string

const addr = ":8080"

func main() {
	if ssid == "" {
		ssid, pass = "tinynet", "tinynet-pass"
	}

	link, _ := probe.Probe()
	err := link.NetConnect(&netlink.ConnectParams{Ssid: ssid, Passphrase: pass, Retries: 3})
	if err != nil {
		fail("connect to", ssid, err)
	}

	l, err := net.Listen("tcp", addr)
	if err != nil {
		fail("listen on", addr, err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			fail("accept on", addr, err)
		}
		go echo(c)
	}
}

func echo(c net.Conn) {
	peer := c.RemoteAddr().String()
	println("connected:", peer)
	buf := make([]byte, 512)
	for {
		n, err := c.Read(buf)
		if err != nil {
			println("gone:", peer)
			break
		}
		if _, err := c.Write(buf[:n]); err != nil {
			println("cannot write to", peer+":", err.Error())
			break
		}
	}
	c.Close() // a defer would cost flash
}

func fail(what, object string, err error) {
	println("cannot", what, object+":", err.Error())
	os.Exit(1)
}
