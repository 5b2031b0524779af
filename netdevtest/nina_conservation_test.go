package netdevtest

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/fault"
	"tinynet/sim/network"
	"tinynet/sim/nina"
	"tinynet/wifinina"
)

// faultyNINA is a connected board with a bus that can be disturbed.
func faultyNINA(seed uint64) (*Faulty, error) {
	clk := clock.Virtual()
	net := network.NewVirtual(network.VirtualConfig{Clock: clk, RTT: []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond}[seed%3], Seed: seed})
	var left atomic.Int32
	resets := 0
	// Where the firmware can be read in two ways, the seed chooses.
	bit := func(n int) bool { return seed>>n&1 != 0 }
	readings := nina.Readings{TailKept: bit(0), EmptyPulseKeepsReply: bit(1), GPIO0Misses: bit(2), StrictBacklog: bit(3)}
	timing := nina.DefaultTiming()
	timing.PinRead = 10 * time.Microsecond // a slower host, which takes the test less time
	cfg := nina.Config{Clock: clk, Timing: timing, Seed: seed, Attach: net.Station, Readings: readings, LinkEvent: func(e nina.LinkEvent) {
		if e.Kind == nina.LinkLeft || e.Kind == nina.LinkLost {
			left.Add(1)
		}
	}}
	if *conserveLog {
		cfg.Trace = func(e nina.Event) { fmt.Fprintln(os.Stderr, e.Time.Format("05.000000"), e) }
	}
	chip := nina.New(cfg)
	wire := fault.NewBus(fault.Wires{SPI: chip.SPI(), CS: chip.CS(), Ready: chip.Ready(), Reset: chip.Reset()}, &fault.NINA, clk)
	making.Lock()
	dev := wifinina.New(&wifinina.Config{
		Ssid: "tinynet", Passphrase: "tinynet-pass", WatchdogTimeout: 2 * time.Second,
		Spi: wire.SPI(), Cs: wire.CS(), Ack: wire.Ready(), Gpio0: chip.GPIO0(), Resetn: wire.Reset(),
	})
	making.Unlock()
	err := dev.NetConnect()
	return &Faulty{
		Setup: &Setup{Dev: dev, Peer: virtualPeer{net.Host()}, Sockets: 10, Close: func() {
			dev.NetDisconnect()
			chip.Close()
		}},
		Play: func(p fault.Plan) {
			left.Store(0)
			resets = chip.Ledger().Resets
			wire.Play(p)
		},
		Stop: wire.Stop, Log: wire.Log,
		Left: func() string {
			if s, n := chip.OpenSockets(), chip.TakenSlots(); s != 0 || n != 0 {
				return fmt.Sprintf("%d sockets open and %d slots taken", s, n)
			}
			return ""
		},
		DropLink: chip.DropLink, RestoreLink: chip.RestoreLink,
		Leave: dev.NetDisconnect, Join: func() error { return dev.NetConnect() },
		Disrupted: func() bool { return left.Load() > 0 || chip.Ledger().Resets > resets },
		// Commands about the station, and resolving, which has one result for
		// all.
		Harm: func() (h Harm) {
			for _, e := range wire.Log() {
				switch {
				case !fault.Undetectable.Has(e.Kind):
				case e.Number < 0x28 || e.Number >= 0x30 && e.Number < 0x39:
					h.All = true
				case e.Kind == fault.FlipPayload:
					h.Streams++
				default:
					h.Streams += 2 // the connection that was meant, and the one that was hit
				}
			}
			return h
		},
	}, err
}

// ninaConserves is WiFiNINA's part of the conservation test.
var ninaConserves = subject{
	test:    "NINAConserves",
	make:    func(seed uint64, _ string) (*Faulty, error) { return faultyNINA(seed) },
	classes: []class{{"none", 0, 100, nil}, {"detectable", fault.Detectable, 450, nil}, {"undetectable", fault.Undetectable, 450, nil}},
	every:   []int{15, 40, 150},
	other:   40,
}

func TestNINAConserves(t *testing.T) { ninaConserves.run(t) }

func TestConservationReplays(t *testing.T) { ninaConserves.replays(t, 3) }
