package netdevtest

import (
	"testing"

	"tinynet/sim/clock"
	modem "tinynet/sim/espat"
	"tinynet/sim/network"
)

// Connections over the driver behave as those of package net. The check makes subtests
// and minds the true clock, so that the module's runs free. It has peers that send on and on
// what nobody reads, which the active mode cannot hold back.
func TestESPATConnIsANetConn(t *testing.T) {
	for _, version := range []string{"esp32-2.4", "esp8266-1.7"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b := startESPAT(t, network.VirtualConfig{Clock: clock.Free()}, modem.Config{Version: version})
			defer b.close()
			testConn(t, b.setup())
		})
	}
}
