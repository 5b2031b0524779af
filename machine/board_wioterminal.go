//go:build wioterminal

package machine

const (
	boardName  = "wioterminal"
	deviceName = "ATSAMD51P19A"
)

// Digital pins of the Seeed Wio Terminal.
const (
	D0 = PB08
	D1 = PB09
	D2 = PA07
	D3 = PB04
	D4 = PB05
	D5 = PB06
	D6 = PA04
	D7 = PB07
	D8 = PA06
)

// Analog pins.
const (
	A0 = PB08
	A1 = PB09
	A2 = PA07
	A3 = PB04
	A4 = PB05
	A5 = PB06
	A6 = PA04
	A7 = PB07
	A8 = PA06
)

// What is on the board.
const (
	LED       = PA15 // blue, lit when high
	BUTTON    = BUTTON_1
	BUTTON_1  = PC26
	BUTTON_2  = PC27
	BUTTON_3  = PC28
	WIO_KEY_A = PC26
	WIO_KEY_B = PC27
	WIO_KEY_C = PC28

	SWITCH_X     = PD20 // five-way switch
	SWITCH_Y     = PD12
	SWITCH_Z     = PD09
	SWITCH_B     = PD08
	SWITCH_U     = PD10
	WIO_5S_UP    = PD20
	WIO_5S_LEFT  = PD12
	WIO_5S_RIGHT = PD09
	WIO_5S_DOWN  = PD08
	WIO_5S_PRESS = PD10

	BUZZER_CTR = PD11
	WIO_BUZZER = PD11
	WIO_MIC    = PC30
	WIO_LIGHT  = PD01
	WIO_IR     = PB31

	LCD_DC        = PC06 // display
	LCD_RESET     = PC07
	LCD_BACKLIGHT = PC05
	LCD_SDI_PIN   = PB18
	LCD_SDO_PIN   = PB19
	LCD_SCK_PIN   = PB20
	LCD_SS_PIN    = PB21
)

// Pins to the Wi-Fi chip. RTL8720D_CHIP_PU switches it on when high.
const (
	RTL8720D_CHIP_PU = PA18
	RTL8720D_GPIO0   = PA19
	RTL8720D_SDI_PIN = PC24
	RTL8720D_SDO_PIN = PB24
	RTL8720D_SCK_PIN = PB25
	RTL8720D_SS_PIN  = PC25
)

// Pins of the buses and serial ports.
const (
	SPI0_SCK_PIN = PB03
	SPI0_SDO_PIN = PB02
	SPI0_SDI_PIN = PB00
	SPI1_SCK_PIN = PB25
	SPI1_SDO_PIN = PB24
	SPI1_SDI_PIN = PC24
	SPI2_SCK_PIN = PC17
	SPI2_SDO_PIN = PC16
	SPI2_SDI_PIN = PC18
	SPI3_SCK_PIN = PB20
	SPI3_SDO_PIN = PB19
	SPI3_SDI_PIN = PB18
	UART_TX_PIN  = PB26
	UART_RX_PIN  = PB27
	UART2_TX_PIN = PC22
	UART2_RX_PIN = PC23
	SDA_PIN      = PA17
	SCL_PIN      = PA16
)

// Buses and serial ports.
var (
	SPI0        = &SPI{0}
	SPI1        = &SPI{1}
	SPI2        = &SPI{2}
	SPI3        = &SPI{3}
	UART1       = &UART{1}
	UART2       = &UART{2}
	UART3       = &UART{3} // to the Wi-Fi chip
	UART4       = &UART{4}
	DefaultUART = UART1
)
