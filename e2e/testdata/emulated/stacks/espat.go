//go:build espat

package main

import (
	"machine"
	"net/netip"

	"tinynet/espat"
)

// uart is the board's.
type uart struct{ *machine.UART }

func (u uart) Buffered() int {
	reached()
	return u.UART.Buffered()
}

func (u uart) Write(p []byte) (int, error) {
	reached()
	return u.UART.Write(p)
}

var at *espat.Device

func makeDevice() {
	at = espat.New(&espat.Config{
		Ssid: "tinynet", Passphrase: "tinynet-pass",
		Uart: uart{machine.UART1}, Tx: machine.UART1_TX_PIN, Rx: machine.UART1_RX_PIN,
	})
	dev = &at.Device
}

// driver measures what only this driver has.
func driver() {
	dev.NetDisconnect()
	measure(entry{name: "driver Scan", call: func() { value(at.Scan()) }})
	must(dev.NetConnect())
	measure(entry{name: "driver FirmwareVersion", call: func() { value(at.FirmwareVersion()) }})
	measure(entry{name: "driver RSSI", call: func() { value(at.RSSI()) }})
	measure(entry{name: "driver Ping", call: func() { value(at.Ping(netip.AddrFrom4([4]byte{10, 0, 0, 1}), 64)) }})
	measure(entry{name: "driver Time", call: func() { at.Time() }})
	measure(entry{name: "driver DNSServers", call: func() { at.DNSServers() }})
}
