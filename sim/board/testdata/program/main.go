// Command program prints what package machine says of the board that it was
// built for, and switches the LED on.
package main

import (
	"fmt"
	"machine"
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
}
