package netdevtest

import (
	"testing"
	"testing/synctest"
	"time"

	"tinynet/espat"
	modem "tinynet/sim/espat"
	"tinynet/sim/network"
)

// The driver keeps what package netdev promises, on every firmware.
func TestESPAT(t *testing.T) {
	for i, v := range modem.Versions() {
		t.Run(v, func(t *testing.T) {
			t.Parallel()
			Run(t, func(t *testing.T) *Setup {
				rtt := []time.Duration{5 * time.Millisecond, 0, 20 * time.Millisecond}[i%3]
				return startESPAT(t, network.VirtualConfig{RTT: rtt}, modem.Config{Version: v}).setup()
			}, synctest.Test)
		})
	}
}

// So it does if the module sends at once what it receives, and at a higher speed. Flow
// control holds that back, but not within a command: a buffer has to take what comes then.
func TestESPATActive(t *testing.T) {
	for _, v := range []string{"esp32-2.4", "esp32-5.0", "esp8266-1.7"} {
		t.Run(v, func(t *testing.T) {
			t.Parallel()
			Run(t, func(t *testing.T) *Setup {
				return startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: v}, func(c *espat.Config) {
					c.Active, c.FlowControl, c.MaxBaud, c.Buffer = true, true, 921600, 32<<10
				}).setup()
			}, synctest.Test)
		})
	}
}
