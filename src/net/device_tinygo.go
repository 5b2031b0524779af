//go:build tinygo

package net

// tinynetDevice is the device, a netdever, or nil. TinyGo cannot link to
// variables by name: useNetdev sets it.
var tinynetDevice any

// A board has few sockets, and no files.
const (
	unixSockets = false
	rawSockets  = false

	loopbackBuffer  = 4 << 10
	loopbackBacklog = 16
	copyBuffer      = 1 << 10
)
