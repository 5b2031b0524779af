//go:build arduino_nano33

package machine

const boardName = "arduino-nano33"

// Digital pins of the Arduino Nano 33 IoT.
const (
	RX0 = PB23
	TX1 = PB22
	D2  = PB10
	D3  = PB11
	D4  = PA07
	D5  = PA05
	D6  = PA04
	D7  = PA06
	D8  = PA18
	D9  = PA20
	D10 = PA21
	D11 = PA16
	D12 = PA19
	D13 = PA17
)

// Analog pins.
const (
	A0 = PA02
	A1 = PB02
	A2 = PA11
	A3 = PA10
	A4 = PB08
	A5 = PB09
	A6 = PA09
	A7 = PB03
)

// LED is the board's LED, lit when high.
const LED = D13

// Pins to the Wi-Fi chip.
const (
	NINA_SDO    = PA12
	NINA_SDI    = PA13
	NINA_CS     = PA14
	NINA_SCK    = PA15
	NINA_GPIO0  = PA27
	NINA_RESETN = PA08
	NINA_ACK    = PA28
	NINA_TX     = PA12
	NINA_RX     = PA13
	NINA_RTS    = PA14
	NINA_CTS    = PA15
)

// Pins of the buses and serial ports.
const (
	SPI0_SCK_PIN = D13
	SPI0_SDO_PIN = D11
	SPI0_SDI_PIN = D12
	UART_TX_PIN  = PA22
	UART_RX_PIN  = PA23
	SDA_PIN      = A4
	SCL_PIN      = A5
)

// Buses and serial ports.
var (
	SPI0      = &SPI{0}
	SPI1      = &SPI{1}
	NINA_SPI  = SPI1 // to the Wi-Fi chip
	UART1     = &UART{1}
	UART2     = &UART{2}
	UART_NINA = &UART{3} // to the Wi-Fi chip
)
