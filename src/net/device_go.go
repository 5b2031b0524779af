//go:build !tinygo

package net

import _ "unsafe" // for go:linkname

// tinynetDevice is the device, a netdever, or nil. Package netdev sets it under
// the name net.tinynetDevice.
//
//go:linkname tinynetDevice
var tinynetDevice any

const (
	// unixSockets and rawSockets say that the device may have some.
	unixSockets = true
	rawSockets  = true

	loopbackBuffer  = 64 << 10 // bytes in each direction of a loopback connection
	loopbackBacklog = 4096     // connections that a listener has not accepted yet
	copyBuffer      = 32 << 10 // bytes that ReadFrom and WriteTo copy at a time
)
