//go:build espat

package machine

// A board of no particular kind with an ESP-AT module on UART1: the simulated
// one, or a real module on a serial port of this machine.
const (
	boardName    = "espat"
	deviceName   = "generic"
	cpuFrequency = 100 * MHz
)

// LED is the board's LED, lit when high.
const LED Pin = 13

// Pins of the serial ports. UART1 leads to the Wi-Fi module.
const (
	UART0_TX_PIN Pin = iota
	UART0_RX_PIN
	UART1_TX_PIN
	UART1_RX_PIN
	UART_TX_PIN = UART0_TX_PIN
	UART_RX_PIN = UART0_RX_PIN
)

// Buses and serial ports. Nothing is on the buses.
var (
	SPI0        = &SPI{0}
	SPI1        = &SPI{1}
	UART0       = &UART{0}
	UART1       = &UART{1}
	DefaultUART = UART0
)
