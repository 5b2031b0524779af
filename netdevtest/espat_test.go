package netdevtest

import (
	"testing"
	"testing/synctest"
	"time"

	modem "tinynet/sim/espat"
	"tinynet/sim/network"
)

// The driver keeps what package netdev promises, on every firmware.
func TestESPAT(t *testing.T) {
	for i, v := range modem.Versions() {
		t.Run(v, func(t *testing.T) {
			Run(t, func(t *testing.T) *Setup {
				rtt := []time.Duration{5 * time.Millisecond, 0, 20 * time.Millisecond}[i%3]
				return startESPAT(t, network.VirtualConfig{RTT: rtt}, modem.Config{Version: v}).setup()
			}, synctest.Test)
		})
	}
}
