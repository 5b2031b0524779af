//go:build tinygo

package netdev

import _ "unsafe" // for go:linkname

// UseNetdev makes dev the device that package net works on. Call it once,
// before the first use of net: sockets belong to the device that made them.
//
// The New functions of tinynet's drivers call it.
//
//go:linkname UseNetdev net.useNetdev
func UseNetdev(dev Netdever)
