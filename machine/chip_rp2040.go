//go:build challenger_rp2040 || nano_rp2040

package machine

const (
	deviceName   = "RP2040"
	cpuFrequency = 125 * MHz
)

// Pins of the RP2040.
const (
	GPIO0 Pin = iota
	GPIO1
	GPIO2
	GPIO3
	GPIO4
	GPIO5
	GPIO6
	GPIO7
	GPIO8
	GPIO9
	GPIO10
	GPIO11
	GPIO12
	GPIO13
	GPIO14
	GPIO15
	GPIO16
	GPIO17
	GPIO18
	GPIO19
	GPIO20
	GPIO21
	GPIO22
	GPIO23
	GPIO24
	GPIO25
	GPIO26
	GPIO27
	GPIO28
	GPIO29
)

// Pins of the RP2040 that its analog-to-digital converter can read.
const (
	ADC0 = GPIO26
	ADC1 = GPIO27
	ADC2 = GPIO28
	ADC3 = GPIO29
)

// Buses and serial ports of the RP2040.
var (
	SPI0  = &SPI{0}
	SPI1  = &SPI{1}
	UART0 = &UART{0}
	UART1 = &UART{1}
)
