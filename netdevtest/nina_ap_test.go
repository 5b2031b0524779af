package netdevtest

import (
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netlink"
	"tinynet/sim/network"
	"tinynet/sim/nina"
)

// A board that is an access point serves who joins it, and can be a station
// before and after.
func TestNINAAccessPoint(t *testing.T) {
	for _, firmware := range nina.Firmwares() {
		t.Run(firmware, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := nina.Config{Firmware: firmware}
				var b *ninaBoard
				cfg.AttachAP = func(p network.Params, ap network.AccessPoint) network.Station { return b.net.AccessPoint(p, ap) }
				b = newNINA(network.VirtualConfig{RTT: 5 * time.Millisecond}, cfg)
				defer b.close()
				for _, pass := range []string{"passw0rd", ""} {
					check(t, b.dev.NetConnect())
					b.dev.NetDisconnect()
					check(t, b.dev.NetConnect(&netlink.ConnectParams{ConnectMode: netlink.ConnectModeAP, Ssid: "board", Passphrase: pass}))
					l, err := Listen(b.dev, 80)
					check(t, err)
					served := make(chan struct{})
					go func() {
						defer close(served)
						for {
							c, err := l.Accept()
							if err != nil {
								return
							}
							io.Copy(c, c)
							c.Close()
						}
					}()
					if pass != "" {
						if _, err := b.net.Join("board", "something else"); err == nil {
							t.Error("a wrong passphrase was taken")
						}
					}
					h, err := b.net.Join("board", pass)
					check(t, err)
					ip, err := b.dev.Addr()
					check(t, err)
					c, err := h.Dial(t.Context(), netip.AddrPortFrom(ip, 80))
					check(t, err)
					want := payload(1, 3000)
					go c.Write(want)
					got := make([]byte, len(want))
					_, err = io.ReadFull(c, got)
					check(t, err)
					c.Close()
					time.Sleep(5 * time.Second)
					if _, err := b.dev.Addr(); err != nil {
						t.Errorf("the access point did not last: %v", err)
					}
					l.Close()
					<-served
					b.dev.NetDisconnect()
					if _, err := b.net.Join("board", pass); err == nil {
						t.Error("the access point is still there")
					}
				}
				check(t, b.dev.NetConnect())
			})
		})
	}
}
