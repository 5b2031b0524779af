//go:build metro_m4_airlift

package machine

const (
	boardName  = "metro-m4-airlift"
	deviceName = "ATSAMD51J19A"
)

// Digital pins of the Adafruit Metro M4 AirLift Lite.
const (
	D0  = PA23
	D1  = PA22
	D2  = PB17
	D3  = PB16
	D4  = PB13
	D5  = PB14
	D6  = PB15
	D7  = PB12
	D8  = PA21
	D9  = PA20
	D10 = PA18
	D11 = PA19
	D12 = PA17
	D13 = PA16
	D40 = PB22
)

// Analog pins.
const (
	A0 = PA02
	A1 = PA05
	A2 = PB06
	A3 = PB00
	A4 = PB08
	A5 = PB09
)

// What is on the board.
const (
	LED    = D13 // red, lit when high
	WS2812 = D40
)

// Pins to the Wi-Fi chip.
const (
	NINA_CS     = PA15
	NINA_ACK    = PB04
	NINA_GPIO0  = PB01
	NINA_RESETN = PB05
	NINA_SDO    = SPI0_SDO_PIN
	NINA_SDI    = SPI0_SDI_PIN
	NINA_SCK    = SPI0_SCK_PIN
	NINA_TX     = PA04
	NINA_RX     = PA07
	NINA_CTS    = NINA_ACK
	NINA_RTS    = NINA_GPIO0
)

// Pins of the buses and serial ports.
const (
	SPI0_SCK_PIN = PA13
	SPI0_SDO_PIN = PA12
	SPI0_SDI_PIN = PA14
	SPI1_SCK_PIN = D12
	SPI1_SDO_PIN = D11
	SPI1_SDI_PIN = D13
	UART_TX_PIN  = D1
	UART_RX_PIN  = D0
	UART2_TX_PIN = PA04
	UART2_RX_PIN = PA07
	SDA_PIN      = PB02
	SCL_PIN      = PB03
)

// Buses and serial ports.
var (
	SPI0        = &SPI{0}
	NINA_SPI    = SPI0 // to the Wi-Fi chip
	SPI1        = &SPI{1}
	UART1       = &UART{1}
	UART2       = &UART{2}
	UART_NINA   = UART2 // to the Wi-Fi chip
	DefaultUART = UART1
)
