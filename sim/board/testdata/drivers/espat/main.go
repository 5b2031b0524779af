//go:build challenger_rp2040

// Command espat joins a network with TinyGo's own ESP-AT driver, looks a name
// up, fetches a line from a TCP server and prints what it learnt. It works the
// device itself, not package net.
package main

import (
	"fmt"
	"machine"
	"net/netip"
	"os"
	"strconv"
	"time"

	"tinygo.org/x/drivers/espat"
	"tinygo.org/x/drivers/netdev"
	"tinygo.org/x/drivers/netlink"
)

// Usage: espat PORT, of the server on the developer's machine.
func main() {
	port, err := strconv.ParseUint(os.Args[1], 10, 16)
	check(err)
	dev := espat.NewDevice(&espat.Config{Uart: machine.UART1, Tx: machine.UART1_TX_PIN, Rx: machine.UART1_RX_PIN})
	check(dev.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "correct horse"}))
	addr, err := dev.Addr()
	check(err)
	fmt.Println("address", addr)
	addr, err = dev.GetHostByName("host")
	check(err)
	fmt.Println("look-up", addr)

	fd, err := dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	check(err)
	check(dev.Connect(fd, "", netip.AddrPortFrom(addr, uint16(port))))
	_, err = dev.Send(fd, []byte("hello\n"), 0, time.Time{})
	check(err)
	buf := make([]byte, 100)
	n, err := dev.Recv(fd, buf, 0, time.Time{})
	check(err)
	fmt.Printf("received %q\n", buf[:n])
	check(dev.Close(fd))
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
