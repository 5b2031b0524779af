//go:build matrixportal_m4

package machine

const (
	boardName  = "matrixportal-m4"
	deviceName = "ATSAMD51J19A"
)

// Digital pins of the Adafruit MatrixPortal M4.
const (
	D0  = PA01
	D1  = PA00
	D2  = PB22
	D3  = PB23
	D4  = PA23
	D5  = PB31
	D6  = PB30
	D7  = PB00
	D8  = PB01
	D9  = PB02
	D10 = PB03
	D11 = PB04
	D12 = PB05
	D13 = PA14
	D14 = PB06
	D15 = PB14
	D16 = PB12
	D17 = PB07
	D18 = PB08
	D19 = PB09
	D20 = PB15
	D21 = PB13
	D22 = PA02
	D23 = PA05
	D24 = PA04
	D25 = PA06
	D26 = PA07
	D27 = PA12
	D28 = PA13
	D29 = PA20
	D30 = PA21
	D31 = PA22
	D32 = PA18
	D33 = PB17
	D34 = PA16
	D35 = PA17
	D36 = PA19
	D37 = NoPin
	D38 = PA24
	D39 = PA25
	D40 = PA03
	D41 = PB10
	D42 = PB11
	D43 = PA08
	D44 = PA09
	D45 = PA10
	D46 = PA11
	D47 = PA27
	D48 = PA05
	D49 = PA04
	D50 = PA07
)

// Analog pins.
const (
	A0 = PA02
	A1 = PA05
	A2 = PA04
	A3 = PA06
	A4 = PA07
)

// What is on the board.
const (
	LED         = D13 // red, lit when high
	NEOPIXEL    = D4
	WS2812      = D4
	BUTTON_UP   = D2
	BUTTON_DOWN = D3

	HUB75_R1     = D7 // LED matrix
	HUB75_G1     = D8
	HUB75_B1     = D9
	HUB75_R2     = D10
	HUB75_G2     = D11
	HUB75_B2     = D12
	HUB75_CLK    = D14
	HUB75_LAT    = D15
	HUB75_OE     = D16
	HUB75_ADDR_A = D17
	HUB75_ADDR_B = D18
	HUB75_ADDR_C = D19
	HUB75_ADDR_D = D20
	HUB75_ADDR_E = D21
)

// Pins to the Wi-Fi chip.
const (
	NINA_ACK    = D31
	NINA_GPIO0  = D29
	NINA_RESETN = D30
	NINA_CS     = D33
	NINA_SDO    = SPI0_SDO_PIN
	NINA_SDI    = SPI0_SDI_PIN
	NINA_SCK    = SPI0_SCK_PIN
	NINA_RX     = UART2_RX_PIN
	NINA_TX     = UART2_TX_PIN
	NINA_RTS    = D32
)

// Pins of the buses and serial ports.
const (
	SPI0_SCK_PIN = D34
	SPI0_SDO_PIN = D36
	SPI0_SDI_PIN = D35
	SPI1_SCK_PIN = D48
	SPI1_SDO_PIN = D49
	SPI1_SDI_PIN = D50
	SPI_SCK_PIN  = SPI0_SCK_PIN
	SPI_SDO_PIN  = SPI0_SDO_PIN
	SPI_SDI_PIN  = SPI0_SDI_PIN
	UART1_RX_PIN = D0
	UART1_TX_PIN = D1
	UART2_RX_PIN = D27
	UART2_TX_PIN = D28
	UART_RX_PIN  = UART1_RX_PIN
	UART_TX_PIN  = UART1_TX_PIN
	I2C0_SDA_PIN = D5
	I2C0_SCL_PIN = D6
	I2C_SDA_PIN  = I2C0_SDA_PIN
	I2C_SCL_PIN  = I2C0_SCL_PIN
	SDA_PIN      = I2C_SDA_PIN
	SCL_PIN      = I2C_SCL_PIN
)

// Buses and serial ports.
var (
	SPI0        = &SPI{0}
	NINA_SPI    = SPI0 // to the Wi-Fi chip
	SPI1        = &SPI{1}
	UART1       = &UART{1}
	UART2       = &UART{2}
	DefaultUART = UART1
)
