//go:build arduino_mkrwifi1010 || arduino_nano33

package machine

const (
	deviceName   = "ATSAMD21G18A"
	cpuFrequency = 48 * MHz
)
