package main

import (
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tinynet/sim/board"
	"tinynet/sim/clock"
	"tinynet/sim/espat"
	"tinynet/sim/network"
	"tinynet/sim/nina"
)

// simFlags are the flags of commands that simulate a board.
type simFlags struct {
	spec             *board.Spec
	ports            portsValue
	hosts            hostsValue
	ssid, passphrase string
	inRange          apsValue
	firmware         string
	faults           faultsValue
	seed             uint64
	serial           string
	roots            rootsValue
	rtt              time.Duration
	loss             lossValue
	isolated, pace   bool
	verbose          bool
}

// simulationFlags defines those flags.
func simulationFlags(flags *flag.FlagSet) *simFlags {
	f := &simFlags{spec: boardFlag(flags), hosts: hostsValue{}}
	flags.Var((*firmwareValue)(&f.firmware), "firmware", "`version` of the chip's firmware: of WiFiNINA "+strings.Join(nina.Firmwares(), ", ")+
		";\nof ESP-AT "+strings.Join(espat.Versions(), ", ")+"; without it the board's own")
	flags.Var(&f.faults, "fault", faultUsage)
	flags.Uint64Var(&f.seed, "seed", 0, "`number` that decides which of the faults happen when")
	flags.StringVar(&f.serial, "serial", "", "`port` of this machine with a real ESP-AT module, such as /dev/ttyUSB0, instead of a\nsimulated one; for boards with ESP-AT")
	networkFlags(f, flags)
	return f
}

// networkFlags defines those that are about what is around the board.
func networkFlags(f *simFlags, flags *flag.FlagSet) {
	flags.Var(&f.ports, "p", "with `HOST:BOARD`, TCP port BOARD of the board appears on 127.0.0.1 as port HOST;\nmay be repeated")
	flags.Var(f.hosts, "host", "with `NAME=ADDR`, the board's DNS answers NAME with ADDR; may be repeated")
	flags.StringVar(&f.ssid, "ssid", "", "`name` of the access point; without it, and without -ap, there is one of every name")
	flags.StringVar(&f.passphrase, "pass", "", "`passphrase` of the access point; without it the network is open")
	flags.Var(&f.inRange, "ap", "with `NAME` or NAME:PASS, there is that access point too, for scans and to join;\nNAME ends at the first colon; may be repeated")
	flags.Var(&f.roots, "roots", "PEM `file` with the certificates that TLS in the chip trusts; without it none")
	flags.DurationVar(&f.rtt, "rtt", 0, "round trip between the board and others, on top of their own, such as `50ms`")
	flags.Var(&f.loss, "loss", "`share` of segments and datagrams that is lost, such as 0.01")
	flags.BoolVar(&f.isolated, "isolated", false, "let nothing reach beyond the simulated network and this machine")
	flags.BoolVar(&f.pace, "pace", false, "let the wire and the chip take the time that real ones take")
	flags.BoolVar(&f.verbose, "v", false, "show every command on the wire to the network chip")
}

// check returns an error if flags ask for something of a board or a module that
// is not simulated.
func (f *simFlags) check(flags *flag.FlagSet) (err error) {
	if f.firmware != "" && f.spec.Name != hostBoard.Name && !slices.Contains(f.spec.Firmwares(), f.firmware) {
		return usagef("-firmware %s: %s has %s, of which there are %s", f.firmware, f.spec.Name, f.spec.Chip, strings.Join(f.spec.Firmwares(), ", "))
	}
	flags.Visit(func(given *flag.Flag) {
		switch {
		case f.spec.Name == hostBoard.Name && given.Name != "board":
			err = usagef("-%s is about a simulated board: with -board %s there is none", given.Name, hostBoard.Name)
		case f.serial != "" && !slices.Contains(realFlags, given.Name):
			err = usagef("-%s is about a simulated module: with -serial there is none", given.Name)
		}
	})
	return err
}

// realFlags are those that go with a real module.
var realFlags = []string{"board", "serial", "v", "socket"}

// portsValue is the flag -p.
type portsValue []network.Forward

func (p *portsValue) String() string {
	var list []string
	for _, f := range *p {
		list = append(list, fmt.Sprintf("%d:%d", f.HostPort, f.BoardPort))
	}
	return strings.Join(list, " ")
}

func (p *portsValue) Set(s string) error {
	host, to, _ := strings.Cut(s, ":")
	h, err1 := strconv.ParseUint(host, 10, 16)
	b, err2 := strconv.ParseUint(to, 10, 16)
	if err1 != nil || err2 != nil || h == 0 || b == 0 {
		return errors.New("write HOST:BOARD, two port numbers from 1 to 65535, such as 18080:80")
	}
	for _, f := range *p {
		if f.HostPort == uint16(h) {
			return fmt.Errorf("port %d of this machine is port %d of the board already", h, f.BoardPort)
		}
	}
	*p = append(*p, network.Forward{Proto: "tcp", HostPort: uint16(h), BoardPort: uint16(b)})
	return nil
}

// hostsValue is the flag -host: an address by its name.
type hostsValue map[string]netip.Addr

func (h hostsValue) String() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		list = append(list, name+"="+h[name].String())
	}
	return strings.Join(list, " ")
}

func (h hostsValue) Set(s string) error {
	name, text, _ := strings.Cut(s, "=")
	addr, err := netip.ParseAddr(text)
	if name == "" || err != nil || !addr.Unmap().Is4() {
		return errors.New("write NAME=ADDR, a name and an IPv4 address, such as api.example.com=10.0.0.1")
	}
	h[name] = addr.Unmap()
	return nil
}

// apsValue is the flag -ap.
type apsValue []board.AccessPoint

func (a *apsValue) String() string {
	var list []string
	for _, ap := range *a {
		list = append(list, ap.SSID)
	}
	return strings.Join(list, " ")
}

func (a *apsValue) Set(s string) error {
	name, pass, _ := strings.Cut(s, ":")
	if name == "" {
		return errors.New("write NAME for an open access point or NAME:PASS, such as cafe:passw0rd")
	}
	*a = append(*a, board.AccessPoint{SSID: name, Passphrase: pass})
	return nil
}

// firmwareValue is the flag -firmware.
type firmwareValue string

func (v *firmwareValue) String() string { return string(*v) }

func (v *firmwareValue) Set(s string) error {
	if !slices.Contains(nina.Firmwares(), s) && !slices.Contains(espat.Versions(), s) {
		return fmt.Errorf("there are %s of WiFiNINA, and %s of ESP-AT", strings.Join(nina.Firmwares(), ", "), strings.Join(espat.Versions(), ", "))
	}
	*v = firmwareValue(s)
	return nil
}

// rootsValue is the flag -roots.
type rootsValue struct {
	file string
	pool *x509.CertPool
}

func (r *rootsValue) String() string { return r.file }

func (r *rootsValue) Set(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	// A test finds it from another folder.
	if r.file, err = filepath.Abs(file); err != nil {
		return err
	}
	r.pool = x509.NewCertPool()
	if !r.pool.AppendCertsFromPEM(text) {
		return errors.New("there is no certificate in it: it needs one or more PEM blocks")
	}
	return nil
}

// lossValue is the flag -loss.
type lossValue float64

func (l *lossValue) String() string { return strconv.FormatFloat(float64(*l), 'g', -1, 64) }

func (l *lossValue) Set(s string) error {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= 0 && v < 1) {
		return errors.New("write a share from 0 up to but not 1, such as 0.01")
	}
	*l = lossValue(v)
	return nil
}

// simulation is a board and its network.
type simulation struct {
	*board.Board
	host *network.Host
}

// simulate starts a board. Its events are lines of the tool's. hopeless, if not
// nil, is called when a program can only go on failing to join the network.
func (t *tool) simulate(f *simFlags, hopeless func(line string)) (*simulation, error) {
	if f.ssid == "" && f.passphrase != "" {
		return nil, usagef("-pass needs -ssid")
	}
	if f.serial != "" {
		return t.attachSerial(f)
	}
	clk := f.clock()
	host, err := t.network(f, clk)
	if err != nil {
		return nil, err
	}
	link := &linkWatch{hopeless: hopeless}
	if f.ssid != "" {
		link.inRange = append(link.inRange, f.ssid)
	}
	for _, ap := range f.inRange {
		link.inRange = append(link.inRange, ap.SSID)
	}
	cfg := board.Config{
		Network:    host,
		SSID:       f.ssid,
		Passphrase: f.passphrase,
		InRange:    f.inRange,
		Firmware:   f.firmware,
		Oddities:   f.faults.oddities,
		Wire:       f.faults.wire(f.seed),
		Seed:       f.seed,
		Roots:      f.roots.pool,
		Clock:      clk,
		Event: func(e board.Event) {
			line := e.String()
			if e, ok := e.(board.LinkEvent); ok {
				line = link.line(e)
			}
			if line != "" {
				t.note("%s", line)
			}
		},
	}
	if f.verbose {
		cfg.Trace = func(line string) { t.note("%s", line) }
	}
	b, err := board.New(*f.spec, cfg)
	if err != nil {
		host.Close()
		return nil, usageError(err.Error())
	}
	return &simulation{Board: b, host: host}, nil
}

// clock returns the time of what is simulated.
func (f *simFlags) clock() clock.Clock {
	if f.pace {
		return clock.Paced()
	}
	return clock.Free()
}

// network starts the network of what is simulated.
func (t *tool) network(f *simFlags, clk clock.Clock) (*network.Host, error) {
	if f.rtt < 0 {
		return nil, usagef("-rtt %v: a round trip takes no less than no time", f.rtt)
	}
	return network.NewHost(network.HostConfig{
		Clock:    clk,
		Hosts:    f.hosts,
		Forward:  f.ports,
		Isolated: f.isolated,
		Announce: t.announce,
		RTT:      f.rtt,
		Loss:     float64(f.loss),
	})
}

// Close ends the board's program and frees the host's ports.
func (s *simulation) Close() {
	s.Board.Close()
	if s.host != nil {
		s.host.Close()
	}
}

// announce says where a port of the board is.
func (t *tool) announce(a network.Announcement) {
	switch {
	case a.Proto != "tcp":
		t.note("%s %v is %s port %d of the board", a.Proto, a.HostAddr, a.Proto, a.BoardPort)
	case a.BoardPort == 80 || a.BoardPort == 8080:
		t.note("http://%v/ is port %d of the board", a.HostAddr, a.BoardPort)
	case a.BoardPort == 443:
		t.note("https://%v/ is port %d of the board", a.HostAddr, a.BoardPort)
	default:
		t.note("%v is port %d of the board", a.HostAddr, a.BoardPort)
	}
}
