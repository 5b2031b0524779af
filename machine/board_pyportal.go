//go:build pyportal

package machine

const (
	boardName  = "pyportal"
	deviceName = "ATSAMD51J20A"
)

// Digital pins of the Adafruit PyPortal.
const (
	D0  = PB13
	D1  = PB12
	D2  = PB22
	D3  = PA04
	D4  = PA05
	D5  = PB16
	D6  = PB15
	D7  = PB17
	D8  = PB14
	D9  = PB04
	D10 = PB05
	D11 = PB06
	D12 = PB07
	D13 = PB23
	D24 = PA00
	D25 = PB31
	D26 = PB09
	D27 = PB02
	D28 = PB03
	D29 = PA12
	D30 = PA13
	D31 = PA14
	D32 = PB30
	D33 = PA01
	D34 = PA16
	D35 = PA17
	D36 = PA18
	D37 = PA19
	D38 = PA20
	D39 = PA21
	D40 = PA22
	D41 = PA23
	D42 = PB10
	D43 = PB11
	D44 = PA08
	D45 = PA09
	D46 = PA10
	D47 = PA11
	D50 = PA02
	D51 = PA15
)

// Analog pins.
const (
	A0 = PA02
	A1 = D3
	A2 = PA07
	A3 = D4
	A4 = PB00
	A5 = PB01
	A6 = PA06
	A7 = PB08

	AUDIO_OUT = A0 // loudspeaker
	LIGHT     = A2 // light sensor
	TOUCH_YD  = A4 // touch screen
	TOUCH_XL  = A5
	TOUCH_YU  = A6
	TOUCH_XR  = A7
)

// What is on the board.
const (
	LED      = D13 // red, lit when high
	NEOPIXEL = D2
	WS2812   = D2
	SPK_SD   = D50 // loudspeaker amplifier off

	LCD_DATA0     = D34 // display
	TFT_RD        = D9
	TFT_DC        = D10
	TFT_CS        = D11
	TFT_TE        = D12
	TFT_RESET     = D24
	TFT_BACKLIGHT = D25
	TFT_WR        = D26
)

// Pins to the Wi-Fi chip.
const (
	NINA_CS     = D8
	NINA_ACK    = D5
	NINA_GPIO0  = D6
	NINA_RESETN = D7
	NINA_SDO    = SPI0_SDO_PIN
	NINA_SDI    = SPI0_SDI_PIN
	NINA_SCK    = SPI0_SCK_PIN
	NINA_TX     = D1
	NINA_RX     = D0
	NINA_CTS    = NINA_ACK
	NINA_RTS    = NINA_GPIO0
)

// Pins of the buses and serial ports.
const (
	SPI0_SCK_PIN = PA13
	SPI0_SDO_PIN = PA12
	SPI0_SDI_PIN = PA14
	UART_TX_PIN  = D1
	UART_RX_PIN  = D0
	SDA_PIN      = PB02
	SCL_PIN      = PB03
)

// Buses and serial ports.
var (
	SPI0        = &SPI{0}
	NINA_SPI    = SPI0 // to the Wi-Fi chip
	UART1       = &UART{1}
	UART_NINA   = UART1 // to the Wi-Fi chip
	DefaultUART = UART1
)
