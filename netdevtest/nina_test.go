package netdevtest

import (
	"context"
	"io"
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
func newNINA(cfg network.VirtualConfig, chip nina.Config, change ...func(*wifinina.Config)) *ninaBoard {
	cfg.Clock = clock.Virtual()
	b := &ninaBoard{net: network.NewVirtual(cfg)}
	chip.Clock = cfg.Clock
	chip.Attach = b.net.Station
	b.chip = nina.New(chip)
	driver := &wifinina.Config{
		Ssid: "tinynet", Passphrase: "tinynet-pass",
		Spi: b.chip.SPI(), Cs: b.chip.CS(), Ack: b.chip.Ready(), Gpio0: b.chip.GPIO0(), Resetn: b.chip.Reset(),
	}
	for _, f := range change {
		f(driver)
	}
	making.Lock()
	b.dev = wifinina.New(driver)
	making.Unlock()
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

// A slot is woken by GPIO0, however long it has been silent, and costs little
// until then.
func TestNINASlotsAreWokenByGPIO0(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newNINA(network.VirtualConfig{}, nina.Config{Firmware: nina.Arduino14})
		defer b.close()
		check(t, b.dev.NetConnect())
		device, peer := pair(t, &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}}, 7000)
		defer device.Close()
		go io.Copy(device, device)
		for i := range 10 {
			time.Sleep(time.Minute + time.Duration(i)*1300*time.Microsecond)
			before := b.chip.Ledger().Exchanges
			time.Sleep(10 * time.Second)
			// Twice a second the link, and 2B, 2C and 2F on the socket.
			if n := b.chip.Ledger().Exchanges - before; n > 85 {
				t.Errorf("%d exchanges in 10 s of silence", n)
			}
			start := time.Now()
			_, err := peer.Write([]byte("x"))
			check(t, err)
			_, err = io.ReadFull(peer, make([]byte, 1))
			check(t, err)
			// A tick of the chip's, and a look of the driver's.
			if d := time.Since(start); d > 17*time.Millisecond {
				t.Errorf("an echo after %v", d)
			}
		}
		peer.Close()
		time.Sleep(time.Second)
	})
}

// Transfers by slots come near what the profile allows, too.
func TestNINASlotSpeed(t *testing.T) {
	for _, rtt := range []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			b := newNINA(network.VirtualConfig{RTT: rtt}, nina.Config{Firmware: nina.Arduino14})
			defer b.close()
			check(t, b.dev.NetConnect())
			device, peer := pair(t, &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}}, 7000)
			const size = 256 << 10
			buf := make([]byte, size)
			run := func(what string, from io.Writer, to io.Reader, bound time.Duration) {
				start := time.Now()
				go from.Write(make([]byte, size))
				_, err := io.ReadFull(to, buf)
				check(t, err)
				if took := time.Since(start); took*85/100 > bound {
					t.Errorf("%s, RTT %v: %v, the bound is %v", what, rtt, took, bound)
				}
				time.Sleep(time.Second)
			}
			run("download", peer, chunks{device}, downloadBound(size, rtt))
			run("upload", device, peer, uploadBound(size, rtt))
			device.Close()
			peer.Close()
		})
	}
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
	for _, tt := range []struct {
		firmware string
		sockets  int
		slots    bool // it has nothing else, so that connections without data are not accepted
	}{
		{nina.Arduino14, 10, true},
		{nina.Arduino15, 10, false},
		{nina.Arduino30, 10, false},
		{nina.Adafruit17, 10, true},
		{nina.Adafruit33, 6, false},
	} {
		t.Run(tt.firmware, func(t *testing.T) {
			Run(t, func(t *testing.T) *Setup {
				b := newNINA(network.VirtualConfig{RTT: 5 * time.Millisecond}, nina.Config{Firmware: tt.firmware})
				if err := b.dev.NetConnect(); err != nil {
					b.close()
					t.Fatal(err)
				}
				if v, err := b.dev.FirmwareVersion(); v != nina.FirmwareVersion(tt.firmware) {
					t.Fatal(v, err)
				}
				return &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}, Sockets: tt.sockets, AcceptNeedsData: tt.slots, FullBufferCloses: tt.firmware == nina.Adafruit17, Close: b.close}
			}, synctest.Test)
		})
	}
}
