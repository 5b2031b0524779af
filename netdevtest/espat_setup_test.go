package netdevtest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/espat"
	"tinynet/sim/clock"
	modem "tinynet/sim/espat"
	"tinynet/sim/fault"
	"tinynet/sim/network"
)

// espatBoard is the ESP-AT driver over the simulated module on a virtual network,
// with a serial line that can be disturbed.
type espatBoard struct {
	chip *modem.Chip
	wire *fault.UART
	net  *network.Virtual
	dev  *espat.Device
}

// boardRing is what the UART of a board keeps: TinyGo's has 128 bytes.
const boardRing = 128

// newESPAT wires a driver to a module. It must be called in a synctest bubble, unless
// cfg has another clock. Whatever is not set is as on a board with nothing but TX and
// RX: 115200 baud, no flow control, no reset pin.
func newESPAT(cfg network.VirtualConfig, module modem.Config, change ...func(*espat.Config)) *espatBoard {
	return wiredESPAT(cfg, module, func(_ *espatBoard, c *espat.Config) {
		for _, f := range change {
			f(c)
		}
	})
}

// wiredESPAT is newESPAT for who changes the wire, too.
func wiredESPAT(cfg network.VirtualConfig, module modem.Config, change func(*espatBoard, *espat.Config)) *espatBoard {
	if cfg.Clock == nil {
		cfg.Clock = clock.Virtual()
	}
	b := &espatBoard{net: network.NewVirtual(cfg)}
	module.Clock = cfg.Clock
	module.Attach, module.AttachAP = b.net.Station, b.net.AccessPoint
	if module.HostRing == 0 {
		module.HostRing = boardRing
	}
	b.chip = modem.New(module)
	b.wire = fault.NewUART(b.chip.UART(), b.chip.Restart, cfg.Clock)
	driver := &espat.Config{Ssid: "tinynet", Passphrase: "tinynet-pass", Uart: b.wire, SetUART: b.setUART}
	change(b, driver)
	making.Lock()
	b.dev = espat.New(driver)
	making.Unlock()
	return b
}

// setUART is what a board does to its UART for the driver.
func (b *espatBoard) setUART(baud uint32, flow bool) error {
	b.chip.UART().SetBaud(int(baud))
	b.chip.UART().SetFlowControl(flow, flow)
	return nil
}

// setup is the board for the conformance suite: five links, and a listener uses none of
// them.
func (b *espatBoard) setup() *Setup {
	return &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}, Sockets: 5, Close: b.close}
}

func (b *espatBoard) close() {
	b.dev.NetDisconnect()
	b.chip.Close()
}

// startESPAT is a connected board.
func startESPAT(t *testing.T, cfg network.VirtualConfig, module modem.Config, change ...func(*espat.Config)) *espatBoard {
	t.Helper()
	b := newESPAT(cfg, module, change...)
	if err := b.dev.NetConnect(); err != nil {
		b.close()
		t.Fatal(err)
	}
	return b
}

// watchedESPAT is a board whose watchdog looks every second.
func watchedESPAT(t *testing.T, cfg network.VirtualConfig, module modem.Config, change ...func(*espat.Config)) *espatBoard {
	return startESPAT(t, cfg, module, append(change, func(c *espat.Config) { c.WatchdogTimeout = time.Second })...)
}

// everyESPAT runs a test on each firmware.
func everyESPAT(t *testing.T, test func(t *testing.T, version string)) {
	for _, v := range modem.Versions() {
		t.Run(v, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test(t, v) })
		})
	}
}

// onESP8266 reports whether a firmware is that chip's.
func onESP8266(version string) bool { return strings.HasPrefix(version, "esp8266") }

// The rig works: each firmware is told apart, joins, and has an address.
func TestESPATConnects(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{}, modem.Config{Version: version})
		defer b.close()
		v, err := b.dev.FirmwareVersion()
		check(t, err)
		_, number, _ := strings.Cut(version, "-")
		if !strings.HasPrefix(v, number+".") {
			t.Errorf("the firmware is %q, want %s", v, number)
		}
		ip, err := b.dev.Addr()
		check(t, err)
		if ip != network.BoardAddr {
			t.Errorf("the address is %v, want %v", ip, network.BoardAddr)
		}
	})
}
