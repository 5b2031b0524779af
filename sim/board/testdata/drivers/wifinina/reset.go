//go:build !arduino_mkrwifi1010

package main

const resetIsHigh = false
