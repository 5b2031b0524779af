//go:build ninafw

// Command wifinina joins a network with TinyGo's own driver, fetches a line
// from a TCP server there and prints what it learnt. It works the device
// itself, not package net.
package main

import (
	"fmt"
	"machine"
	"net/netip"
	"os"
	"strconv"
	"time"

	"tinygo.org/x/drivers/netdev"
	"tinygo.org/x/drivers/netlink"
	"tinygo.org/x/drivers/wifinina"
)

// Usage: wifinina PORT, of the server on the developer's machine.
func main() {
	port, err := strconv.ParseUint(os.Args[1], 10, 16)
	check(err)
	machine.LED.Configure(machine.PinConfig{Mode: machine.PinOutput})
	machine.LED.High()
	dev := wifinina.New(&wifinina.Config{
		Spi:    machine.NINA_SPI,
		Freq:   8 * machine.MHz,
		Sdo:    machine.NINA_SDO,
		Sdi:    machine.NINA_SDI,
		Sck:    machine.NINA_SCK,
		Cs:     machine.NINA_CS,
		Ack:    machine.NINA_ACK,
		Gpio0:  machine.NINA_GPIO0,
		Resetn: machine.NINA_RESETN,

		ResetIsHigh: resetIsHigh,
	})
	check(dev.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "correct horse"}))
	addr, err := dev.Addr()
	check(err)
	fmt.Println("address", addr)

	fd, err := dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	check(err)
	check(dev.Connect(fd, "", netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(port))))
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
