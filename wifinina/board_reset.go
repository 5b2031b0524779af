//go:build (ninafw || pyportal || arduino_nano33 || nano_rp2040 || metro_m4_airlift || matrixportal_m4) && !arduino_mkrwifi1010

package wifinina

const boardResetIsHigh = false
