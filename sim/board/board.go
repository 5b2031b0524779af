// Package board is the simulated board: a microcontroller's pins and buses with
// a simulated network chip on them. It serves a program that was built with the
// host's package machine, in whatever process that is.
package board

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"tinynet/sim/clock"
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
	// ErrClosed: the board was closed.
	ErrClosed = errors.New("the simulated board is closed")
)

// Network is where a board's chip gets its TCP/IP stack from: each time anew
// when it joins after a reset.
type Network interface {
	Station(p network.Params) network.Station
}

// Config is what a board is connected to.
type Config struct {
	// Network is the network behind the access point. Nil: nobody answers.
	Network Network

	// SSID and Passphrase are those of the access point. With neither it takes
	// whatever the program asks for; with an empty Passphrase alone it is open.
	SSID, Passphrase string

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

// firmware is the version that the chips of all boards have.
const firmware = "2.0.0"

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
	chip  *nina.Chip

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
	if cfg.SSID == "" && cfg.Passphrase != "" {
		return nil, errors.New("board: an access point with a passphrase needs an SSID")
	}
	if n := len(cfg.SSID); n > 32 {
		return nil, fmt.Errorf("board: SSID of %d bytes: at most 32 are possible", n)
	}
	if n := len(cfg.Passphrase); n != 0 && (n < 8 || n > 63) {
		return nil, fmt.Errorf("board: passphrase of %d characters: WPA2 needs 8 to 63", n)
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Free()
	}
	b := &Board{spec: spec, clock: cfg.Clock, event: cfg.Event, trace: cfg.Trace, conns: make(map[io.Closer]struct{})}
	b.emit(ChipEvent{Board: spec.Title, Chip: spec.Chip, Firmware: firmware, MAC: net.HardwareAddr(mac[:])})

	chip := nina.Config{
		Firmware:      firmware,
		MAC:           mac,
		Clock:         cfg.Clock,
		ResetInverted: spec.Wiring.ResetInverted,
		LinkEvent:     b.linkEvent,
		Trace:         b.chipEvent,
	}
	if cfg.Network != nil {
		chip.Attach = cfg.Network.Station
	}
	if cfg.SSID != "" {
		chip.AccessPoints = []nina.AccessPoint{{SSID: cfg.SSID, Passphrase: cfg.Passphrase, Channel: 6, RSSI: -50}}
	}
	b.chip = nina.New(chip)
	b.wire()
	return b, nil
}

// Ledger returns what the program has done to the chip so far, and what that
// cost.
func (b *Board) Ledger() nina.Ledger { return b.chip.Ledger() }

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
	b.chip.Close()
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
