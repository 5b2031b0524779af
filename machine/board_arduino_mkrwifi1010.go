//go:build arduino_mkrwifi1010

package machine

const boardName = "arduino-mkrwifi1010"

// Digital pins of the Arduino MKR WiFi 1010.
const (
	D0  = PA22
	D1  = PA23
	D2  = PA10
	D3  = PA11
	D4  = PB10
	D5  = PB11
	D6  = PA20
	D7  = PA21
	D8  = PA16
	D9  = PA17
	D10 = PA19
	D11 = PA08
	D12 = PA09
	D13 = PB23
	D14 = PB22
	RX0 = PB23
	TX1 = PB22
)

// Analog pins.
const (
	A0 = PA02
	A1 = PB02
	A2 = PB03
	A3 = PA04
	A4 = PA05
	A5 = PA06
	A6 = PA07
)

// LED is the board's LED, lit when high.
const LED = D6

// Pins to the Wi-Fi chip. NINA_RESETN is inverted on this board: high resets
// the chip.
const (
	NINA_SDO    = PA12
	NINA_SDI    = PA13
	NINA_CS     = PA14
	NINA_SCK    = PA15
	NINA_GPIO0  = PA27
	NINA_RESETN = PB08
	NINA_ACK    = PA28
	NINA_TX     = PA22
	NINA_RX     = PA23
)

// Pins of the buses and serial ports.
const (
	SPI0_SCK_PIN = D9
	SPI0_SDO_PIN = D8
	SPI0_SDI_PIN = D10
	UART_TX_PIN  = PB22
	UART_RX_PIN  = PB23
	SDA_PIN      = D11
	SCL_PIN      = D12
)

// Buses and serial ports.
var (
	SPI0        = &SPI{0}
	SPI1        = &SPI{1}
	NINA_SPI    = SPI1 // to the Wi-Fi chip
	UART1       = &UART{1}
	DefaultUART = UART1
)
