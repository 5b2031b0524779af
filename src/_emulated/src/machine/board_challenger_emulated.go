//go:build emulated && espat

package machine

const boardName = "challenger-rp2040"

const LED = Pin(24)
