//go:build challenger_rp2040

package machine

const boardName = "challenger-rp2040"

// Digital pins of the iLabs Challenger RP2040.
const (
	D5  = GPIO2
	D6  = GPIO3
	D9  = GPIO4
	D10 = GPIO5
	D11 = GPIO6
	D12 = GPIO7
	D13 = GPIO8
)

// Analog pins.
const (
	A0 = ADC0
	A1 = ADC1
	A2 = ADC2
	A3 = ADC3
)

// LED is the board's LED, lit when high.
const LED = GPIO24

// Pins of the buses and serial ports. UART1 leads to the Wi-Fi chip.
const (
	SPI0_SCK_PIN = GPIO22
	SPI0_SDO_PIN = GPIO23
	SPI0_SDI_PIN = GPIO20
	SPI1_SCK_PIN = GPIO10
	SPI1_SDO_PIN = GPIO11
	SPI1_SDI_PIN = GPIO12
	UART0_TX_PIN = GPIO16
	UART0_RX_PIN = GPIO17
	UART1_TX_PIN = GPIO4
	UART1_RX_PIN = GPIO5
	UART_TX_PIN  = UART0_TX_PIN
	UART_RX_PIN  = UART0_RX_PIN
	I2C0_SDA_PIN = GPIO24
	I2C0_SCL_PIN = GPIO25
	I2C1_SDA_PIN = GPIO2
	I2C1_SCL_PIN = GPIO3
	SDA_PIN      = I2C1_SDA_PIN
	SCL_PIN      = I2C1_SCL_PIN
)

// DefaultUART is the serial port on the board's header: see also UART1.
var DefaultUART = UART0
