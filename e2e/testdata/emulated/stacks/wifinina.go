//go:build !espat

package main

import (
	"machine"
	"net/netip"

	"tinynet/wifinina"
)

// spi is the board's bus.
type spi struct{ *machine.SPI }

func (s spi) Tx(w, r []byte) error {
	reached()
	return s.SPI.Tx(w, r)
}

var nina *wifinina.Device

func makeDevice() {
	nina = wifinina.New(&wifinina.Config{
		Ssid: "tinynet", Passphrase: "tinynet-pass",
		Spi: spi{machine.NINA_SPI},
		Sdo: machine.NINA_SDO, Sdi: machine.NINA_SDI, Sck: machine.NINA_SCK,
		Cs: machine.NINA_CS, Ack: machine.NINA_ACK, Gpio0: machine.NINA_GPIO0, Resetn: machine.NINA_RESETN,
	})
	dev = &nina.Device
}

// driver measures what only this driver has.
func driver() {
	dev.NetDisconnect()
	measure(entry{name: "driver Scan", call: func() { value(nina.Scan()) }})
	must(dev.NetConnect())
	measure(entry{name: "driver FirmwareVersion", call: func() { value(nina.FirmwareVersion()) }})
	measure(entry{name: "driver RSSI", call: func() { value(nina.RSSI()) }})
	measure(entry{name: "driver Ping", call: func() { value(nina.Ping(netip.AddrFrom4([4]byte{10, 0, 0, 1}), 64)) }})
	measure(entry{name: "driver Time", call: func() { nina.Time() }})
	measure(entry{name: "driver DNSServers", call: func() { nina.DNSServers() }})
	measure(entry{name: "wifinina SetPowerSave", call: func() { must(nina.SetPowerSave(false)) }})
}
