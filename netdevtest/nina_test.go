package netdevtest

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
	"tinynet/sim/nina"
	"tinynet/wifinina"
)

// virtualPeer is the machine at the other end of a virtual network.
type virtualPeer struct{ h *network.VirtualHost }

func (p virtualPeer) Addr() netip.Addr { return p.h.Addr() }

func (p virtualPeer) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return p.h.Dial(ctx, to)
}

func (p virtualPeer) Listen(port uint16) (net.Listener, error) { return p.h.Listen(port) }

func (p virtualPeer) ListenPacket(port uint16) (net.PacketConn, error) {
	return p.h.ListenPacket(port)
}

// ninaBoard is the WiFiNINA driver over the simulated chip on a virtual network.
type ninaBoard struct {
	chip *nina.Chip
	net  *network.Virtual
	dev  *wifinina.Device
}

// newNINA wires a driver to a chip. It must be called in a synctest bubble.
func newNINA(cfg network.VirtualConfig, chip nina.Config) *ninaBoard {
	cfg.Clock = clock.Virtual()
	b := &ninaBoard{net: network.NewVirtual(cfg)}
	chip.Clock = cfg.Clock
	chip.Attach = b.net.Station
	b.chip = nina.New(chip)
	b.dev = wifinina.New(&wifinina.Config{
		Ssid: "tinynet", Passphrase: "tinynet-pass",
		Spi: b.chip.SPI(), Cs: b.chip.CS(), Ack: b.chip.Ready(), Gpio0: b.chip.GPIO0(), Resetn: b.chip.Reset(),
	})
	return b
}

func (b *ninaBoard) close() {
	b.dev.NetDisconnect()
	b.chip.Close()
}

// startNINA is a connected board.
func startNINA(t *testing.T, cfg network.VirtualConfig) *ninaBoard {
	t.Helper()
	b := newNINA(cfg, nina.Config{})
	if err := b.dev.NetConnect(); err != nil {
		b.close()
		t.Fatal(err)
	}
	return b
}

func TestNINA(t *testing.T) {
	for _, rtt := range []time.Duration{0, 5 * time.Millisecond} {
		t.Run("RTT "+rtt.String(), func(t *testing.T) {
			Run(t, func(t *testing.T) *Setup {
				b := startNINA(t, network.VirtualConfig{RTT: rtt})
				return &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}, Sockets: 10, Close: b.close}
			}, synctest.Test)
		})
	}
}

// The driver is the same on every firmware that it takes.
func TestNINAOnOtherFirmwares(t *testing.T) {
	for firmware, sockets := range map[string]int{nina.Arduino15: 10, nina.Arduino30: 10, nina.Adafruit33: 6} {
		t.Run(firmware, func(t *testing.T) {
			Run(t, func(t *testing.T) *Setup {
				b := newNINA(network.VirtualConfig{RTT: 5 * time.Millisecond}, nina.Config{Firmware: firmware})
				if err := b.dev.NetConnect(); err != nil {
					b.close()
					t.Fatal(err)
				}
				return &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}, Sockets: sockets, Close: b.close}
			}, synctest.Test)
		})
	}
}
