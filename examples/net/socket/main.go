// Socket uses the device's sockets directly, without package net: the smallest
// program that talks to a server. It sends one line and prints the answer.
//
// At the other end, on this machine: "nc -l 127.0.0.1 8080", and type a line.
// Then, from the repository's root:
//
//	go run ./cmd/tinynet run ./examples/net/socket
//
// On a board, with TinyGo, name the network and the server at link time:
//
//	-ldflags "-X main.ssid=NAME -X main.pass=PASSPHRASE -X main.host=ADDRESS"
package main

import (
	"net/netip"
	"os"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/netlink/probe"
)

// Strings set at link time. TinyGo sets only those that have no value in the
// source, so main does that.
var ssid, pass, host string

const port = 8080

func main() {
	if ssid == "" {
		ssid, pass = "tinynet", "tinynet-pass"
	}
	if host == "" {
		host = "host"
	}

	link, dev := probe.Probe()
	err := link.NetConnect(&netlink.ConnectParams{Ssid: ssid, Passphrase: pass, Retries: 3})
	if err != nil {
		fail("connect to "+ssid, err)
	}

	ip, err := dev.GetHostByName(host)
	if err != nil {
		fail("find "+host, err)
	}
	fd, err := dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	if err != nil {
		fail("make a socket", err)
	}
	if err := dev.Connect(fd, "", netip.AddrPortFrom(ip, port)); err != nil {
		fail("connect to "+host, err)
	}

	deadline := time.Now().Add(10 * time.Second)
	if _, err := dev.Send(fd, []byte("hello from the board\n"), 0, deadline); err != nil {
		fail("send", err)
	}
	buf := make([]byte, 256)
	n, err := dev.Recv(fd, buf, 0, deadline)
	if err != nil {
		fail("receive", err)
	}
	os.Stdout.Write(buf[:n])
	dev.Close(fd)
	link.NetDisconnect()
}

func fail(what string, err error) {
	println("cannot", what+":", err.Error())
	os.Exit(1)
}
