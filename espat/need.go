//go:build !tinygo

package espat

import (
	"net/netip"

	"tinynet/offload"
)

// What a program needs of the driver; see need_tinygo.go.
const (
	needStatic = true
	needAP     = true
	needReset  = true
	needRates  = true
	needSetter = true
	needTLS    = true
	needTime   = true
	needIPv6   = true
)

func need(*Config) {}

func setIPv6(e *offload.Engine, ip netip.Addr) { e.SetIPv6(ip) }
