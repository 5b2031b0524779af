package main

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"go.bug.st/serial"

	"tinynet/sim/board"
)

// serialPort is a serial port of this machine, as a board wants it.
type serialPort struct{ serial.Port }

func (p serialPort) Read(b []byte) (int, error) {
	n, err := p.Port.Read(b)
	if err != nil {
		err = fmt.Errorf("%w: was the module unplugged?", err)
	}
	return n, err
}

// Write sends all of b, of which a signal can have the system take only a part.
func (p serialPort) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = p.Port.Write(b[n:])
		n += m
		if errors.Is(err, syscall.EINTR) {
			err = nil
		}
	}
	return n, err
}

// openSerial opens a port at 115200 baud, as modules have it at first.
func openSerial(name string) (serialPort, error) {
	p, err := serial.Open(name, &serial.Mode{BaudRate: 115200})
	if err != nil {
		return serialPort{}, fmt.Errorf("-serial %s: %w", name, serialError(err))
	}
	// What somebody else has left there is none of the program's.
	if err := errors.Join(p.ResetInputBuffer(), p.ResetOutputBuffer()); err != nil {
		p.Close()
		return serialPort{}, fmt.Errorf("-serial %s: %w", name, serialError(err))
	}
	return serialPort{p}, nil
}

func (p serialPort) SetBaud(baud int) error {
	if err := p.SetMode(&serial.Mode{BaudRate: baud}); err != nil {
		return fmt.Errorf("the serial port cannot go at %d baud: %w", baud, serialError(err))
	}
	return nil
}

// serialError says what to do about an error.
func serialError(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: is the module plugged in? `ls /dev/tty*` lists the ports", err)
	}
	var e *serial.PortError
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case serial.PortNotFound:
		return fmt.Errorf("%w: is the module plugged in? `ls /dev/tty*` lists the ports", err)
	case serial.PermissionDenied:
		return fmt.Errorf("%w: on most systems members of the group dialout may use it", err)
	case serial.InvalidSerialPort:
		return fmt.Errorf("%w: it is no serial port: `ls /dev/tty*` lists those", err)
	case serial.PortBusy:
		return fmt.Errorf("%w: another program has it open", err)
	}
	return err
}

// attachSerial starts a board whose module is a real one.
func (t *tool) attachSerial(f *simFlags) (*simulation, error) {
	if f.spec.Chip != board.ESPAT {
		return nil, usagef("-serial leads to an ESP-AT module, and %s has %s: use -board espat", f.spec.Name, f.spec.Chip)
	}
	p, err := openSerial(f.serial)
	if err != nil {
		return nil, err
	}
	cfg := board.Config{
		Serial: p,
		Event: func(e board.Event) {
			if line := e.String(); line != "" {
				t.note("%s", line)
			}
		},
	}
	if f.verbose {
		cfg.Trace = func(line string) { t.note("%s", line) }
	}
	b, err := board.New(*f.spec, cfg)
	if err != nil {
		p.Close()
		return nil, usageError(err.Error())
	}
	t.note("%s: a module on %s", f.spec.Title, f.serial)
	return &simulation{Board: b}, nil
}
