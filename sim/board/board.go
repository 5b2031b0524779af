// Package board is the simulated board: a microcontroller's pins and buses with
// a simulated network chip on them. It serves a program that was built with the
// host's package machine, in whatever process that is.
package board

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/espat"
	"tinynet/sim/fault"
	"tinynet/sim/network"
	"tinynet/sim/nina"
)

// Errors of Serve. Test with errors.Is.
var (
	// ErrBusy: the board serves a program already.
	ErrBusy = errors.New("the simulated board is in use by another program")
	// ErrWrongBoard: the program was built for another board, or for none.
	ErrWrongBoard = errors.New("the program does not fit the simulated board")
	// ErrProtocol: what came was not sent by package machine, or by another
	// version of it.
	ErrProtocol = errors.New("not a program on package machine")
	// ErrPort: the serial port to a real module has failed.
	ErrPort = errors.New("the serial port has failed")
	// ErrClosed: the board was closed.
	ErrClosed = errors.New("the simulated board is closed")
)

// Network is where a board's chip gets its TCP/IP stack from: each time anew
// when it joins after a reset, or becomes an access point.
type Network interface {
	Station(p network.Params) network.Station
	AccessPoint(p network.Params, ap network.AccessPoint) network.Station
}

// Config is what a board is connected to.
type Config struct {
	// Network is the network behind the access point. Nil: nobody answers.
	Network Network

	// SSID and Passphrase are those of the access point. With neither, and
	// nobody InRange, there is one that takes whatever the program asks for;
	// with an empty Passphrase alone it is open.
	SSID, Passphrase string

	// InRange are further access points, for scans and to join.
	InRange []AccessPoint

	// Firmware is the chip's, one of the Spec's Firmwares; empty for the board's
	// own.
	Firmware string

	// Roots is the root store of the chip's own TLS client; nil: none is
	// trusted.
	Roots *x509.CertPool

	// Serial, if not nil, is a serial port with a real module, instead of a
	// simulated one. Only boards with ESP-AT can have it; of the rest of the
	// configuration only Clock, Trace and Event count then. Close closes it.
	Serial SerialPort

	// Oddities are what a simulated ESP-AT module does that is rare, and Seed
	// when. Wire is what happens to bytes on its way.
	Oddities espat.Oddities
	Seed     uint64
	Wire     fault.Plan

	// Clock is the board's time; nil for clock.Free().
	Clock clock.Clock

	// Trace, if not nil, is called with a line for every command on the wire to
	// the chip: when its reply was there, the command and the reply. It must not
	// block.
	Trace func(line string)

	// Event, if not nil, is called for every event, one at a time. It must not
	// block.
	Event func(Event)
}

// AccessPoint is a Wi-Fi network in range of a board; an open one without a
// passphrase.
type AccessPoint struct{ SSID, Passphrase string }

// check returns an error if there can be no such network.
func (ap AccessPoint) check() error {
	if n := len(ap.SSID); n > 32 {
		return fmt.Errorf("board: SSID of %d bytes: at most 32 are possible", n)
	}
	if n := len(ap.Passphrase); n != 0 && (n < 8 || n > 63) {
		return fmt.Errorf("board: passphrase of %d characters: WPA2 needs 8 to 63", n)
	}
	return nil
}

// accessPoints returns all that are in range.
func (cfg *Config) accessPoints() ([]AccessPoint, error) {
	if cfg.SSID == "" && cfg.Passphrase != "" {
		return nil, errors.New("board: an access point with a passphrase needs an SSID")
	}
	aps := cfg.InRange
	if cfg.SSID != "" {
		aps = append([]AccessPoint{{cfg.SSID, cfg.Passphrase}}, aps...)
	}
	for i, ap := range aps {
		if err := ap.check(); err != nil {
			return nil, err
		}
		if ap.SSID == "" {
			return nil, errors.New("board: an access point needs an SSID")
		}
		for _, other := range aps[:i] {
			if other.SSID == ap.SSID {
				return nil, fmt.Errorf("board: two access points are called %q", ap.SSID)
			}
		}
	}
	return aps, nil
}

// mac is the chips' hardware address: the prefix is Espressif's.
var mac = [6]byte{0x24, 0x0a, 0xc4, 0x00, 0x00, 0x02}

// pinRead is what a look at a pin or an empty UART costs where the chip does
// not charge for it, so that a program that polls lets time pass.
const pinRead = time.Microsecond

// Board is a simulated board. Its methods may be called by several goroutines
// at once.
type Board struct {
	spec  Spec
	clock clock.Clock
	chip  *nina.Chip  // nil on a board with another
	modem *espat.Chip // simulated; nil on a board with another, or a real one
	uart  uart        // to the modem; nil on a board without one

	eventMu sync.Mutex
	event   func(Event)
	trace   func(line string)

	mu     sync.Mutex
	closed bool
	busy   bool                   // a program is being served
	conns  map[io.Closer]struct{} // of all programs, refused ones too
	ended  sync.WaitGroup         // Serve calls

	pins [256]pin // of the program that is being served
	led  bool     // lit
}

// New returns a board with its chip powered up. It calls cfg.Event with a
// ChipEvent.
func New(spec Spec, cfg Config) (*Board, error) {
	aps, err := cfg.accessPoints()
	if err != nil {
		return nil, err
	}
	version, title, err := spec.firmware(cfg.Firmware)
	switch {
	case err != nil:
		return nil, err
	case spec.Chip != ESPAT && (cfg.Oddities.Every != 0 || cfg.Wire.Every != 0 || len(cfg.Wire.List) > 0):
		return nil, fmt.Errorf("board: faults are those of an ESP-AT module, and %s has %s", spec.Name, spec.Chip)
	case cfg.Serial != nil && spec.Chip != ESPAT:
		return nil, fmt.Errorf("board: a serial port leads to an ESP-AT module, and %s has %s", spec.Name, spec.Chip)
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Free()
	}
	b := &Board{spec: spec, clock: cfg.Clock, event: cfg.Event, trace: cfg.Trace, conns: make(map[io.Closer]struct{})}
	if cfg.Serial != nil {
		b.uart = newPort(b, cfg.Serial)
		b.wire()
		return b, nil
	}
	b.emit(ChipEvent{Board: spec.Title, Chip: spec.Chip, Firmware: title, MAC: net.HardwareAddr(mac[:])})
	if spec.Chip == ESPAT {
		cfg.Firmware = version
		b.newModem(cfg)
		b.wire()
		return b, nil
	}

	chip := nina.Config{
		Firmware:      version,
		Roots:         cfg.Roots,
		MAC:           mac,
		Clock:         cfg.Clock,
		ResetInverted: spec.Wiring.ResetInverted,
		LinkEvent:     b.linkEvent,
		Trace:         b.chipEvent,
	}
	if cfg.Network != nil {
		chip.Attach = cfg.Network.Station
		chip.AttachAP = cfg.Network.AccessPoint
	}
	for i, ap := range aps {
		// Channels that do not overlap, each a little further away.
		chip.AccessPoints = append(chip.AccessPoints, nina.AccessPoint{
			SSID: ap.SSID, Passphrase: ap.Passphrase, BSSID: [6]byte{2, 0, 0, 0, 0, byte(i + 1)},
			Channel: []uint8{6, 1, 11}[i%3], RSSI: int32(max(-50-5*i, -90)),
		})
	}
	b.chip = nina.New(chip)
	b.wire()
	return b, nil
}

// Ledger returns what the program has done to the board's WiFiNINA chip so far,
// and what that cost.
func (b *Board) Ledger() nina.Ledger {
	if b.chip == nil {
		return nina.Ledger{}
	}
	return b.chip.Ledger()
}

// Spec returns the board's description.
func (b *Board) Spec() Spec { return b.spec }

// Close ends the programs that are being served, waits for Serve to return, and
// switches the chip off.
func (b *Board) Close() error {
	b.mu.Lock()
	b.closed = true
	for c := range b.conns {
		c.Close()
	}
	b.mu.Unlock()
	b.ended.Wait()
	if b.chip != nil {
		b.chip.Close()
	}
	if b.uart != nil {
		b.uart.Close()
	}
	return nil
}

func (b *Board) linkEvent(e nina.LinkEvent) {
	b.emit(LinkEvent{State: e.Kind, SSID: e.SSID, IP: e.Addr})
}

// chipEvent is told of commands, and of what the chip does by itself.
func (b *Board) chipEvent(e nina.Event) {
	if e.Name == "" {
		b.emit(NoteEvent{Chip: b.spec.Chip, Text: e.Note})
	} else if b.trace != nil {
		b.trace(e.Time.Format("15:04:05.000000 ") + e.String())
	}
}

func (b *Board) emit(e Event) {
	if b.event == nil {
		return
	}
	b.eventMu.Lock()
	defer b.eventMu.Unlock()
	b.event(e)
}
