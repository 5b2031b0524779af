//go:build arduino_mkrwifi1010

package wifinina

// The Arduino MKR WiFi 1010 inverts RESET on its way to the chip.
const boardResetIsHigh = true
