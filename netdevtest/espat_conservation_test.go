package netdevtest

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tinynet/espat"
	"tinynet/sim/clock"
	modem "tinynet/sim/espat"
	"tinynet/sim/fault"
	"tinynet/sim/network"
)

// conservedESPAT are the modules of the conservation test: those that keep what they
// receive, with one switch for all links or one for each, and one that sends it
// unasked.
var conservedESPAT = []struct {
	version string
	active  bool
	baud    uint32
}{
	{"esp32-5.0", false, 921600},
	{"esp8266-1.7", true, 115200},
	{"esp32-2.4", false, 115200},
	{"esp8266-2.2", false, 921600},
}

// faultyESPAT is a connected board whose serial line can be disturbed, with a wire to the
// module's reset pin.
func faultyESPAT(seed uint64, class string) (*Faulty, error) {
	clk := clock.Virtual()
	kind := conservedESPAT[(seed^seed>>3)%4]
	var left atomic.Int32
	resets, lost, small := 0, 0, false
	cfg := modem.Config{
		Clock: clk, Seed: seed, Version: kind.version,
		LinkEvent: func(e modem.LinkEvent) {
			if e.Kind == modem.LinkLeft || e.Kind == modem.LinkLost {
				left.Add(1)
			}
		},
	}
	var odd modem.Oddities
	if class == "odd" {
		odd, _ = modem.ParseOddities(fmt.Sprintf("every=%d kinds=all", []int{10, 40, 150}[seed/3%3]))
	}
	if class == "overrun" {
		cfg.HostRing = 24
		if kind.active {
			cfg.HostRing = 3000
		}
	}
	if *conserveLog {
		cfg.Trace = func(e modem.Event) { fmt.Fprintln(os.Stderr, e.Time.Format("05.000000"), e) }
	}
	pin := &modulePin{}
	b := newESPAT(network.VirtualConfig{Clock: clk, RTT: []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond}[seed%3], Seed: seed}, cfg, func(c *espat.Config) {
		c.WatchdogTimeout = 2 * time.Second
		c.Active, c.MaxBaud, c.Reset = kind.active, kind.baud, pin
		c.FlowControl = kind.active && class != "overrun"
		if kind.active {
			c.Buffer = 96 << 10 // for all that may come
			if class != "none" && seed>>4&1 == 0 {
				small = true
				c.Buffer = 4 << 10
			}
		}
	})
	pin.b = b
	err := b.dev.NetConnect()
	limit := time.Duration(0)
	if class == "odd" {
		// A command that never ends cannot be told from a connection that takes
		// its time.
		limit = 150 * time.Second
	}
	return &Faulty{
		Setup: b.setup(), Patience: limit,
		Play: func(p fault.Plan) {
			left.Store(0)
			resets = b.chip.Ledger().Resets
			lost = b.chip.Ledger().LostIn
			b.wire.Play(p)
			b.chip.SetOddities(odd)
		},
		Stop: func() {
			b.wire.Stop()
			b.chip.SetOddities(modem.Oddities{})
		},
		Log: b.wire.Log,
		Quiet: func() bool {
			for o := modem.OddBusy; o <= modem.OddStray; o++ {
				if b.chip.Happened(o) > 0 {
					return false
				}
			}
			return b.chip.Ledger().LostIn == lost && !small
		},
		Left: func() string {
			// What nobody has any more is closed when the module is used next.
			for range 50 {
				if links, server := b.chip.Open(); links == 0 && !server {
					return ""
				}
				time.Sleep(100 * time.Millisecond)
			}
			links, server := b.chip.Open()
			return fmt.Sprintf("%d links open, and the server runs: %v", links, server)
		},
		DropLink: b.chip.DropLink, RestoreLink: b.chip.RestoreLink,
		Leave: b.dev.NetDisconnect, Join: func() error { return b.dev.NetConnect() },
		Disrupted: func() bool { return left.Load() > 0 || b.chip.Ledger().Resets > resets },
		Harm: func() Harm { return Harm{} },
		Listeners: 1,
	}, err
}

// modulePin is the module's reset pin, low to reset.
type modulePin struct{ b *espatBoard }

func (p *modulePin) Low() {
	p.b.wire.WasReset()
	p.b.chip.Restart()
}

func (p *modulePin) High() { p.Low() }

// espatConserves is ESP-AT's part of the conservation test.
var espatConserves = subject{
	test: "ESPATConserves",
	make: faultyESPAT,
	classes: []class{
		{"none", 0, 20},
		{"line", fault.Of(fault.Stall, fault.Cut, fault.Hang, fault.Reset), 20},
		{"odd", 0, 20},
		{"lose", fault.Of(fault.Lose), 20},
		{"double", fault.Of(fault.Double), 20},
		{"flip", fault.Of(fault.Damage), 20},
		{"overrun", 0, 20},
	},
	every: []int{400, 1500, 6000},
	other: 8000,
}

func TestESPATConserves(t *testing.T) { espatConserves.run(t) }

func TestESPATConservationReplays(t *testing.T) { espatConserves.replays(t, 2) }

var (
	_ = regexp.MustCompile
	_ = strconv.Itoa
	_ sync.Mutex
	_ = io.EOF
)
