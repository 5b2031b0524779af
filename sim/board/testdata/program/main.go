// Command program prints what package machine says of the board that it was
// built for, switches the LED on, and joins a network with Probe's device.
package main

import (
	"fmt"
	"machine"
	"os"

	"tinynet/netlink"
	"tinynet/netlink/probe"
)

func main() {
	fmt.Println(machine.Device, machine.LED, machine.NINA_CS, machine.NINA_ACK, machine.NINA_GPIO0, machine.NINA_RESETN)
	machine.LED.Configure(machine.PinConfig{Mode: machine.PinOutput})
	machine.LED.High()
	fmt.Println(machine.LED.Get())
	fmt.Println(machine.NINA_SPI.Configure(machine.SPIConfig{
		Frequency: 8 * machine.MHz,
		SCK:       machine.NINA_SCK,
		SDO:       machine.NINA_SDO,
		SDI:       machine.NINA_SDI,
		Mode:      machine.Mode1,
	}))

	link, dev := probe.Probe()
	if err := link.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "correct horse"}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(dev.Addr())
	fmt.Println(link.GetHardwareAddr())
}
