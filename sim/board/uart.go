package board

import (
	"fmt"
	"io"
	"sync"

	"machine/wire"

	"tinynet/sim/espat"
	"tinynet/sim/fault"
	"tinynet/sim/nina"
)

// SerialPort is a serial port of this machine.
type SerialPort interface {
	io.ReadWriteCloser
	// SetBaud changes the speed.
	SetBaud(baud int) error
}

// uart is what a board's UART leads to.
type uart interface {
	Write(p []byte) (int, error)
	// Receive takes what has come in, without waiting.
	Receive(p []byte) (int, error)
	SetBaud(baud int) error
	// Reset is a reset of the board.
	Reset()
	Close() error
}

// serial carries out a request for a UART. Nothing is connected to those that
// do not lead to the module.
func (b *Board) serial(h wire.Header, payload, buf []byte) ([]byte, error) {
	here := b.uart != nil && h.Unit == b.spec.Wiring.UART
	switch h.Op {
	case wire.OpUARTConfigure:
		if !here {
			return nil, nil
		}
		if h.N == 0 || h.N > 10_000_000 {
			return nil, fmt.Errorf("the UART cannot go at %d baud", h.N)
		}
		return nil, b.uart.SetBaud(int(h.N))
	case wire.OpUARTWrite:
		if here {
			b.uart.Write(payload) // a port that has failed says so to who reads
		}
		return nil, nil
	}
	if !here {
		b.clock.Charge(pinRead)
		return nil, nil
	}
	n, err := b.uart.Receive(buf[:h.N])
	if n == 0 && b.modem == nil {
		b.clock.Charge(pinRead)
	}
	return buf[:n], err
}

// newModem makes the board's simulated ESP-AT module.
func (b *Board) newModem(cfg Config) {
	cfg.Event, cfg.Trace = b.emit, b.trace
	m, _ := Module(cfg) // New has checked it
	b.modem = espat.New(m)
	wire := fault.NewUART(b.modem.UART(), b.modem.Restart, cfg.Clock)
	wire.Play(cfg.Wire)
	b.uart = modemUART{b.modem, wire}
}

// Module returns the ESP-AT module that a board with this configuration has, for
// who wants it without a board. Serial and Wire do not count.
func Module(cfg Config) (espat.Config, error) {
	aps, err := cfg.accessPoints()
	if err != nil {
		return espat.Config{}, err
	}
	m := espat.Config{
		Version:  cfg.Firmware,
		Roots:    cfg.Roots,
		MAC:      mac,
		Clock:    cfg.Clock,
		Seed:     cfg.Seed,
		Oddities: cfg.Oddities,
		LinkEvent: func(e espat.LinkEvent) {
			if cfg.Event != nil {
				cfg.Event(LinkEvent{State: linkStates[e.Kind], SSID: e.SSID, IP: e.Addr})
			}
		},
		Trace: func(e espat.Event) {
			switch {
			case e.Kind == espat.EventNote && cfg.Event != nil:
				cfg.Event(NoteEvent{Chip: ESPAT, Text: e.Text})
			case e.Kind != espat.EventNote && cfg.Trace != nil:
				cfg.Trace(e.Time.Format("15:04:05.000000 ") + e.String())
			}
		},
	}
	if cfg.Network != nil {
		m.Attach, m.AttachAP = cfg.Network.Station, cfg.Network.AccessPoint
	}
	for i, ap := range aps {
		m.AccessPoints = append(m.AccessPoints, espat.AccessPoint{
			SSID: ap.SSID, Passphrase: ap.Passphrase, BSSID: [6]byte{2, 0, 0, 0, 0, byte(i + 1)},
			Channel: []uint8{6, 1, 11}[i%3], RSSI: max(-50-5*i, -90),
		})
	}
	return m, nil
}

// linkStates are an ESP-AT module's as a board has them.
var linkStates = map[espat.LinkKind]LinkState{
	espat.LinkJoining:         nina.LinkJoining,
	espat.LinkJoined:          nina.LinkJoined,
	espat.LinkWrongPassphrase: nina.LinkWrongPassphrase,
	espat.LinkNoAccessPoint:   nina.LinkNoAccessPoint,
	espat.LinkLeft:            nina.LinkLeft,
	espat.LinkLost:            nina.LinkLost,
	espat.LinkServing:         nina.LinkServing,
	espat.LinkStationJoined:   nina.LinkStationJoined,
	espat.LinkStationLeft:     nina.LinkStationLeft,
	espat.LinkClosed:          nina.LinkClosed,
}

// modemUART is the line to a simulated module.
type modemUART struct {
	c    *espat.Chip
	wire *fault.UART
}

func (m modemUART) Write(p []byte) (int, error) { return m.wire.Write(p) }

func (m modemUART) Receive(p []byte) (int, error) {
	n := m.wire.Buffered()
	if n == 0 {
		return 0, nil
	}
	return m.wire.Read(p[:min(n, len(p))])
}

func (m modemUART) SetBaud(baud int) error {
	m.c.UART().SetBaud(baud)
	return nil
}

// Reset switches the module off and on, so that its sockets are closed.
func (m modemUART) Reset() {
	m.c.UART().SetBaud(115200)
	m.c.Restart()
}

func (m modemUART) Close() error {
	m.c.Close()
	return nil
}

// portRing is how much of what a serial port has received is kept.
const portRing = 64 << 10

// port is the line to a real module.
type port struct {
	rw    SerialPort
	trace func(line string) // may be nil
	ended chan struct{}

	mu   sync.Mutex
	ring []byte
	lost bool // the ring has overflown since the last reset
	err  error
}

// newPort starts to read from a serial port.
func newPort(b *Board, rw SerialPort) *port {
	p := &port{rw: rw, trace: b.trace, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		buf := make([]byte, 4096)
		for {
			n, err := rw.Read(buf)
			p.mu.Lock()
			room := min(n, portRing-len(p.ring))
			p.ring = append(p.ring, buf[:room]...)
			lost := room < n && !p.lost
			p.lost = p.lost || lost
			p.err = err
			p.mu.Unlock()
			if lost {
				b.emit(NoteEvent{Chip: b.spec.Chip, Text: fmt.Sprintf("more than %d KB are unread: what comes is lost", portRing>>10)})
			}
			if b.trace != nil && n > 0 {
				b.trace(fmt.Sprintf("< %q", buf[:n]))
			}
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *port) Write(b []byte) (int, error) {
	if p.trace != nil {
		p.trace(fmt.Sprintf("> %q", b))
	}
	return p.rw.Write(b)
}

func (p *port) Receive(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := copy(b, p.ring)
	p.ring = p.ring[n:]
	if n == 0 && p.err != nil {
		return 0, fmt.Errorf("%w: %w", ErrPort, p.err)
	}
	return n, nil
}

func (p *port) SetBaud(baud int) error { return p.rw.SetBaud(baud) }

// Reset forgets what was received: a real module goes on.
func (p *port) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ring, p.lost = nil, false
}

func (p *port) Close() error {
	err := p.rw.Close()
	<-p.ended
	return err
}
