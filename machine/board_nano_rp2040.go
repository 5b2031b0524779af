//go:build nano_rp2040

package machine

const boardName = "nano-rp2040"

// Digital pins of the Arduino Nano RP2040 Connect.
const (
	D2  = GPIO25
	D3  = GPIO15
	D4  = GPIO16
	D5  = GPIO17
	D6  = GPIO18
	D7  = GPIO19
	D8  = GPIO20
	D9  = GPIO21
	D10 = GPIO5
	D11 = GPIO7
	D12 = GPIO4
	D13 = GPIO6
	D14 = GPIO26
	D15 = GPIO27
	D16 = GPIO28
	D17 = GPIO29
	D18 = GPIO12
	D19 = GPIO13
)

// Analog pins.
const (
	A0 = ADC0
	A1 = ADC1
	A2 = ADC2
	A3 = ADC3
)

// LED is the board's LED, lit when high.
const LED = GPIO6

// Pins to the Wi-Fi chip.
const (
	NINA_SCK    = GPIO14
	NINA_SDO    = GPIO11
	NINA_SDI    = GPIO8
	NINA_CS     = GPIO9
	NINA_ACK    = GPIO10
	NINA_GPIO0  = GPIO2
	NINA_RESETN = GPIO3
	NINA_TX     = GPIO8
	NINA_RX     = GPIO9
	NINA_CTS    = GPIO10
	NINA_RTS    = GPIO11
)

// Pins of the buses and serial ports. SPI1 is wired to the Wi-Fi chip; its
// pins have no use of their own.
const (
	SPI0_SCK_PIN = GPIO6
	SPI0_SDO_PIN = GPIO7
	SPI0_SDI_PIN = GPIO4
	SPI1_SCK_PIN = GPIO22
	SPI1_SDO_PIN = GPIO22
	SPI1_SDI_PIN = GPIO22
	UART0_TX_PIN = GPIO0
	UART0_RX_PIN = GPIO1
	UART_TX_PIN  = UART0_TX_PIN
	UART_RX_PIN  = UART0_RX_PIN
	I2C0_SDA_PIN = GPIO12
	I2C0_SCL_PIN = GPIO13
	I2C1_SDA_PIN = GPIO18
	I2C1_SCL_PIN = GPIO19
)

// Buses and serial ports: see also SPI0 and UART0.
var (
	NINA_SPI    = SPI1  // to the Wi-Fi chip
	UART_NINA   = UART1 // to the Wi-Fi chip
	DefaultUART = UART0
)
