//go:build !arduino_mkrwifi1010 && !arduino_nano33 && !challenger_rp2040 && !espat && !matrixportal_m4 && !metro_m4_airlift && !nano_rp2040 && !pyportal && !wioterminal

package machine

// A program built without a board's tag is built for no board: it compiles,
// and is refused by every simulated board.
const (
	boardName    = ""
	deviceName   = "generic"
	cpuFrequency = 100 * MHz
)

// Digital pins.
const (
	D0 Pin = iota
	D1
	D2
	D3
	D4
	D5
	D6
	D7
	D8
	D9
	D10
	D11
	D12
	D13
)

// Analog pins.
const (
	A0 Pin = 14 + iota
	A1
	A2
	A3
	A4
	A5
)

// What is on the board.
const (
	LED    = D13
	BUTTON = D2
)

// Pins to the Wi-Fi chip.
const (
	NINA_CS Pin = 20 + iota
	NINA_ACK
	NINA_GPIO0
	NINA_RESETN
	NINA_SDO
	NINA_SDI
	NINA_SCK
	NINA_TX
	NINA_RX
)

// Pins of the buses and serial ports.
const (
	SPI0_SCK_PIN Pin = 30 + iota
	SPI0_SDO_PIN
	SPI0_SDI_PIN
	UART_TX_PIN
	UART_RX_PIN
	SDA_PIN
	SCL_PIN
)

// Buses and serial ports.
var (
	SPI0        = &SPI{0}
	SPI1        = &SPI{1}
	NINA_SPI    = SPI1 // to the Wi-Fi chip
	UART0       = &UART{0}
	UART1       = &UART{1}
	DefaultUART = UART0
)
