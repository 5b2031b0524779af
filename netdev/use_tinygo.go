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

// UseDNS makes package net look up hosts by DNS where the device leaves that to
// it: see DNSServerer. With TinyGo it brings the DNS client into the program, which
// is without it otherwise; with Go net does so in any case.
//
//go:linkname UseDNS net.useDNS
func UseDNS()
