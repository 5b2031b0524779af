package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"tinynet/sim/board"
	"tinynet/sim/clock"
	"tinynet/sim/espat"
	"tinynet/sim/fault"
	"tinynet/sim/network"
)

var simESPATCommand = command{
	name:  "sim espat",
	short: "simulate an ESP-AT module for any program, on a pseudo-terminal or a socket",
	long: "sim espat starts a simulated ESP-AT module, an ESP8266 or ESP32 with Espressif's AT\n" +
		"firmware, until Ctrl-C. Its serial line is a pseudo-terminal, whose path is printed, or\n" +
		"with -listen a socket. Any program that talks to such a module can use it, or a person:\n\n" +
		"  tinynet sim espat -version esp32-2.4       # prints, for example, /dev/pts/7\n" +
		"  picocom --omap crcrlf /dev/pts/7           # in another terminal; type AT\n\n" +
		"Commands end in CR LF. The module is 10.0.0.2. From there this machine is 10.0.0.1,\n" +
		"name host: AT+CIPSTART=\"TCP\",\"host\",8080 connects to 127.0.0.1:8080. A TCP port that\n" +
		"it listens on appears on 127.0.0.1, as that of a board does: see `tinynet help run`.\n" +
		"One program after another can use the module, which stays as the last has left it;\n" +
		"of a socket, a second at once is turned away. An end by a signal leaves nothing behind.\n" +
		"The line is never at the wrong speed: the terminal's does not count. Without -pace\n" +
		"nothing takes time.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		f := &simFlags{hosts: hostsValue{}}
		pty := flags.Bool("pty", false, "be on a pseudo-terminal; so it is without -listen")
		listen := flags.String("listen", "", "wait for a program on a socket `address`, unix:PATH or tcp:127.0.0.1:PORT;\none program at a time, port 0 for any")
		flags.StringVar(&f.firmware, "version", espat.Versions()[0], "chip and `version` of the firmware: "+strings.Join(espat.Versions(), ", "))
		flags.Uint64Var(&f.seed, "seed", 0, "`number` that decides which of the faults happen when, and all noise")
		flags.Var(&f.faults, "fault", faultUsage)
		networkFlags(f, flags)
		return func(args []string) (int, error) {
			switch {
			case len(args) > 0:
				return 0, usagef("sim espat takes no arguments but flags")
			case *pty && *listen != "":
				return 0, usagef("-pty and -listen: the module has one serial line, which is on either")
			case !slices.Contains(espat.Versions(), f.firmware):
				return 0, usagef("no version %q is simulated: there are %s", f.firmware, strings.Join(espat.Versions(), ", "))
			}
			return exitOK, t.simESPAT(f, *listen)
		}
	},
}

// line is where the module's serial line is to be found.
type line interface {
	// open waits for somebody at the other end; net.ErrClosed after Close.
	open() (io.ReadWriteCloser, error)
	// path is what to tell a person.
	path() string
	Close() error
}

func (t *tool) simESPAT(f *simFlags, address string) error {
	signals := catchSignals()
	defer signals.stop()

	var l line
	var err error
	if address == "" {
		l, err = openPTY()
	} else {
		l, err = openSocket(address)
	}
	if err != nil {
		return err
	}
	defer l.Close()
	stop := signals.do(func(syscall.Signal) { l.Close() })
	defer stop()

	clk := f.clock()
	host, err := t.network(f, clk)
	if err != nil {
		return err
	}
	defer host.Close()
	cfg, err := f.module(t, clk, host)
	if err != nil {
		return err
	}
	chip := espat.New(cfg)
	defer chip.Close()
	chip.UART().Follow()
	wire := fault.NewUART(chip.UART(), chip.Restart, clk)
	wire.Play(f.faults.wire(f.seed))
	// While it starts it takes no command.
	for chip.UART().Buffered() == 0 {
		time.Sleep(time.Millisecond)
	}

	fmt.Fprintln(t.stdout, l.path())
	t.say("%s is at %s, until Ctrl-C", espat.Describe(cmp.Or(f.firmware, espat.Versions()[0])), l.path())
	// The first program finds a module that has just been switched on. What it says
	// later, while nobody is there, is lost, as on a real line; a terminal keeps a
	// little.
	var there sink
	var listening sync.WaitGroup
	defer func() {
		chip.UART().Close()
		listening.Wait()
	}()
	var first sync.Once
	for {
		conn, err := l.open()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		there.set(conn)
		first.Do(func() { listening.Go(func() { io.Copy(&there, wire) }) })
		_, err = io.Copy(wire, conn)
		there.set(nil)
		conn.Close()
		if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrClosed) {
			t.note("%v", err)
		}
	}
}

// module is the configuration of the module that flags ask for.
func (f *simFlags) module(t *tool, clk clock.Clock, host *network.Host) (espat.Config, error) {
	if f.ssid == "" && f.passphrase != "" {
		return espat.Config{}, usagef("-pass needs -ssid")
	}
	cfg := board.Config{
		Network:    host,
		SSID:       f.ssid,
		Passphrase: f.passphrase,
		InRange:    f.inRange,
		Firmware:   f.firmware,
		Roots:      f.roots.pool,
		Clock:      clk,
		Seed:       f.seed,
		Oddities:   f.faults.oddities,
		Event:      func(e board.Event) { t.note("%s", e) },
	}
	if f.verbose {
		cfg.Trace = func(line string) { t.note("%s", line) }
	}
	m, err := board.Module(cfg)
	if err != nil {
		return m, usageError(err.Error())
	}
	return m, nil
}

// sink writes to whoever is there.
type sink struct {
	mu sync.Mutex
	w  io.Writer // nil for nobody
}

func (s *sink) set(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = w
}

// Write never fails: what cannot be written is lost.
func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	w := s.w
	s.mu.Unlock()
	if w != nil {
		w.Write(p)
	}
	return len(p), nil
}

// socket is a line on a socket, which one program at a time may use.
type socket struct {
	l    net.Listener
	name string
	used chan struct{} // of capacity 1: full while a program has the line
	next chan net.Conn // of capacity 1: the program that is to have it
	err  error         // why no more come, once next is closed

	mu     sync.Mutex
	closed bool
	conn   net.Conn
}

// handover is how long a program waits for the one before it, which has perhaps
// just ended, before it is turned away.
const handover = time.Second

// inUse is what a program that is turned away reads.
const inUse = "tinynet: another program uses the module\r\n"

// openSocket listens at unix:PATH or tcp:HOST:PORT. The latter may only be this
// machine's loopback: who reaches the module reaches the network behind it.
func openSocket(address string) (line, error) {
	kind, where, _ := strings.Cut(address, ":")
	switch kind {
	case "unix":
		if where == "" {
			break
		}
		path, err := filepath.Abs(where)
		if err != nil {
			return nil, err
		}
		l, err := listen(path)
		if err != nil {
			return nil, err
		}
		return newSocket(l, "unix:"+path), nil
	case "tcp":
		addr, err := netip.ParseAddrPort(where)
		if err != nil {
			break
		}
		if !addr.Addr().Unmap().IsLoopback() {
			return nil, usagef("-listen %s: others on the network could use the module: write tcp:127.0.0.1:%d", address, addr.Port())
		}
		l, err := net.Listen("tcp", where)
		if err != nil {
			return nil, err
		}
		return newSocket(l, "tcp:"+l.Addr().String()), nil
	}
	return nil, usagef("-listen %s: write unix:PATH or tcp:127.0.0.1:PORT", address)
}

func newSocket(l net.Listener, name string) *socket {
	s := &socket{l: l, name: name, used: make(chan struct{}, 1), next: make(chan net.Conn, 1)}
	go s.accept()
	return s
}

// accept lets one program after the other have the line.
func (s *socket) accept() {
	defer close(s.next)
	for {
		conn, err := s.l.Accept()
		if err != nil {
			s.err = err
			return
		}
		select {
		case s.used <- struct{}{}:
			s.next <- conn
		case <-time.After(handover):
			conn.SetWriteDeadline(time.Now().Add(handover))
			io.WriteString(conn, inUse)
			conn.Close()
		}
	}
}

// user is a program that has the line.
type user struct {
	net.Conn
	used chan struct{}
}

func (u user) Close() error {
	err := u.Conn.Close()
	<-u.used
	return err
}

func (s *socket) open() (io.ReadWriteCloser, error) {
	conn, ok := <-s.next
	if !ok {
		return nil, s.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	s.conn = conn
	return user{conn, s.used}, nil
}

func (s *socket) path() string { return s.name }

func (s *socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.conn != nil {
		s.conn.Close()
	}
	return s.l.Close()
}
