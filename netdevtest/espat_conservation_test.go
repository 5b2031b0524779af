package netdevtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
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
	var busy func() time.Duration
	if class == overrunClass {
		cfg.HostRing = boardRing
		kind.baud = 2000000
		if kind.active {
			cfg.HostRing = 3000
		}
		// Now and then the board has something else to do, for up to twice as long as
		// its ring lasts.
		rng := rand.New(rand.NewPCG(seed, 1))
		one := []int{4, 12, 40}[seed/3%3]
		full := time.Duration(cfg.HostRing) * 10 * time.Second / time.Duration(kind.baud)
		busy = func() time.Duration {
			if rng.IntN(one) > 0 {
				return 0
			}
			return full/2 + time.Duration(rng.Int64N(int64(full*3/2)))
		}
	}
	if *conserveLog {
		cfg.Trace = func(e modem.Event) { fmt.Fprintln(os.Stderr, e.Time.Format("05.000000"), e) }
	}
	pin, line := &modulePin{}, &tap{clk: clk}
	b := wiredESPAT(network.VirtualConfig{Clock: clk, RTT: []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond}[seed%3], Seed: seed}, cfg, func(b *espatBoard, c *espat.Config) {
		line.UART = b.chip.UART()
		pin.b, pin.tap = b, line
		b.wire = fault.NewUART(line, pin.restart, clk)
		c.Uart = driverEnd{b.wire, line}
		c.WatchdogTimeout = 2 * time.Second
		c.Active, c.MaxBaud, c.Reset = kind.active, kind.baud, pin
		c.FlowControl = kind.active && class != overrunClass
		if kind.active {
			c.Buffer = 96 << 10 // for all that may come
			if class != "none" && seed>>4&1 == 0 {
				small = true
				c.Buffer = 4 << 10
			}
		}
	})
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
			line.parts, line.sends = [2][]part{}, nil
			line.setBusy(busy)
			b.wire.Play(p)
			b.chip.SetOddities(odd)
		},
		Stop: func() {
			b.wire.Stop()
			line.setBusy(nil)
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
		Harm: func() Harm {
			h := line.harm(b.wire.Log(), small)
			if b.chip.Ledger().LostIn > lost {
				h.All, h.Text = true, true // as if each byte had been lost on the wire
				if kind.active {
					h.Streams++ // or whole messages, which leave no trace
				}
			}
			return h
		},
		Overrun:   func() int { return b.chip.Ledger().LostIn - lost },
		Listeners: 1,
	}, err
}

// modulePin is the module's reset pin, low to reset.
type modulePin struct {
	b   *espatBoard
	tap *tap
}

func (p *modulePin) Low() {
	p.b.wire.WasReset()
	p.restart()
}

func (p *modulePin) restart() {
	p.b.chip.Restart()
	p.tap.clear()
}

func (p *modulePin) High() { p.Low() }

// espatConserves is ESP-AT's part of the conservation test.
var espatConserves = subject{
	test: "ESPATConserves",
	make: faultyESPAT,
	classes: []class{
		{"none", 0, 20, []uint64{456, 606}},
		{"line", fault.Of(fault.Stall, fault.Cut, fault.Hang, fault.Reset), 20, []uint64{1351, 3420, 5399}},
		{"odd", 0, 20, []uint64{770, 804}},
		{"lose", fault.Of(fault.Lose), 20, []uint64{532, 1125, 2999, 4148}},
		{"double", fault.Of(fault.Double), 20, []uint64{2834, 3106, 4055}},
		{"flip", fault.Of(fault.Damage), 20, []uint64{44, 1361}},
		{overrunClass, 0, 20, []uint64{1509, 6280}},
	},
	every: []int{400, 1500, 6000},
	other: 8000,
}

func TestESPATConserves(t *testing.T) { espatConserves.run(t) }

func TestESPATConservationReplays(t *testing.T) { espatConserves.replays(t, 2) }

// part is what a byte on the serial line is.
type part uint8

const (
	partLine     part = iota // a command, or a line from the module
	partHead                 // of data from the module
	partStream               // data of a connection
	partDatagram             // a datagram
)

// tap is on the line between the faults and the driver, or the module, and knows what
// each byte is before anything happened to it.
type tap struct {
	*modem.UART
	mu    sync.Mutex
	parts [2][]part // of each direction, since Play
	sends []send
	line  [2][]byte
	need  [2]int
	kind  [2]part
	told  bool
	busy  func() time.Duration // with what else the board is busy; under mu
	clk   clock.Clock
}

// send is where a CIPSEND and its data begin and end among what the driver sent.
type send struct{ command, data, end int }

// setBusy sets for how long the board is busy before it looks at what has come, nil for never.
func (p *tap) setBusy(f func() time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = f
}

var (
	tapSend = regexp.MustCompile(`^AT\+CIPSEND=\d,(\d+)(,")?.*\r\n$`)
	tapPush = regexp.MustCompile(`^\+IPD,\d,(\d+)(,"?[0-9.]+"?,(\d+))?:$`)
	tapRead = regexp.MustCompile(`^\+CIPRECVDATA:(\d+),$|^\+CIPRECVDATA,(\d+):$`)
	tapTold = regexp.MustCompile(`^\+CIPRECVDATA:(\d+),"?[0-9.]+"?,\d+,$`)
)

// see takes bytes of a direction.
func (p *tap) see(half fault.Half, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range data {
		if p.need[half] > 0 {
			p.need[half]--
			p.parts[half] = append(p.parts[half], p.kind[half])
			continue
		}
		p.parts[half] = append(p.parts[half], partLine)
		line := append(p.line[half], b)
		p.line[half] = line
		var m [][]byte
		switch {
		case half == fault.Reply && b == ':':
			if m = tapPush.FindSubmatch(line); m == nil {
				m = tapRead.FindSubmatch(line)
			}
		case half == fault.Reply && b == ',' && p.told:
			m = tapTold.FindSubmatch(line)
		case half == fault.Reply && b == ',':
			m = tapRead.FindSubmatch(line)
		case half == fault.Command && b == '\n':
			m = tapSend.FindSubmatch(line)
			p.told = p.told || string(line) == "AT+CIPDINFO=1\r\n"
		}
		if m != nil {
			n := m[1]
			if len(n) == 0 {
				n = m[2]
			}
			p.need[half], _ = strconv.Atoi(string(n))
			if half == fault.Reply {
				for i := range line {
					if at := len(p.parts[half]) - 1 - i; at >= 0 {
						p.parts[half][at] = partHead
					}
				}
			}
			p.kind[half] = partStream
			if half == fault.Command {
				at := len(p.parts[half])
				p.sends = append(p.sends, send{at - len(line), at, at + p.need[half]})
			}
			if half == fault.Command && len(m[2]) > 0 || half == fault.Reply && len(m) > 3 && string(m[3]) == fmt.Sprint(echoPort) {
				p.kind[half] = partDatagram
			}
			p.line[half] = nil
		} else if b == '\n' || len(line) > 300 {
			p.line[half] = nil
		}
	}
}

// clear begins anew, as the module does.
func (p *tap) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.need, p.line, p.told = [2]int{}, [2][]byte{}, false
}

func (p *tap) of(e fault.Event) part {
	p.mu.Lock()
	defer p.mu.Unlock()
	if all := p.parts[e.Half]; e.At < len(all) {
		return all[e.At]
	}
	return partLine
}

// Read is the module's end.
func (p *tap) Read(b []byte) (int, error) {
	n, err := p.UART.Read(b)
	p.see(fault.Reply, b[:n])
	return n, err
}

// driverEnd is what the driver writes to.
type driverEnd struct {
	*fault.UART
	tap *tap
}

func (d driverEnd) Write(b []byte) (int, error) {
	d.tap.mu.Lock()
	if len(b) >= 2 && string(b[:2]) == "AT" && len(b) != d.tap.need[fault.Command] {
		d.tap.need[fault.Command] = 0 // the data were never asked for
	}
	d.tap.mu.Unlock()
	d.tap.see(fault.Command, b)
	return d.UART.Write(b)
}

// Buffered is where the driver looks for what has come.
func (d driverEnd) Buffered() int {
	n := d.UART.Buffered()
	var busy time.Duration
	d.tap.mu.Lock()
	if n > 0 && d.tap.busy != nil {
		busy = d.tap.busy()
	}
	d.tap.mu.Unlock()
	if busy == 0 {
		return n
	}
	d.tap.clk.Charge(busy)
	return d.UART.Buffered()
}

// harm is what a serial line without check sums lets happen.
//
// A byte of data that is flipped is not noticed, and one that is doubled in what is
// sent only when the peer has it. In a command or a line a flipped byte may mean another
// link, or another address; a lost or doubled one another address or a shorter
// datagram. Data that lack a byte are sent if the length that was told lacks a digit; and
// whole messages are taken for data if a digit of their length is doubled.
//
// Where what is pushed has little room, any connection may fail for want of it, and data
// have to make some before it is seen that they lack a byte or have one too many: then
// that is noticed later.
func (p *tap) harm(log []fault.Event, small bool) (h Harm) {
	h.Noticed, h.All = small, small
	p.mu.Lock()
	for _, s := range p.sends {
		lost := func(from, to int) bool {
			return slices.ContainsFunc(log, func(e fault.Event) bool {
				return e.Half == fault.Command && e.Kind == fault.Lose && from <= e.At && e.At < to
			})
		}
		if lost(s.command, s.data) && lost(s.data, s.end) {
			h.Streams++
		}
	}
	p.mu.Unlock()
	for _, e := range log {
		what := p.of(e)
		head := what == partHead
		if head {
			what = partLine
		}
		counted := e.Half == fault.Reply && what != partLine && (e.Kind == fault.Lose || e.Kind == fault.Double)
		h.Noticed = h.Noticed && counted
		switch {
		case small && counted:
			h.Streams++
		case e.Kind == fault.Damage && what == partLine:
			h.Streams += 2
			h.All, h.Text = true, true
		case e.Kind == fault.Damage:
			h.Streams++
		case e.Kind == fault.Double && e.Half == fault.Command && what != partLine:
			h.Streams++
			h.All = true
			h.Text = h.Text || what == partDatagram
		case e.Kind == fault.Lose || e.Kind == fault.Double:
			if h.All = true; head && e.Kind == fault.Double {
				h.Streams++
			}
			h.Text = h.Text || what == partLine
		case e.Kind == fault.Hang || e.Kind == fault.Reset || e.Kind == fault.Stall:
			h.All = true
		}
	}
	return h
}
