package espat

import (
	"net/netip"

	"tinynet/offload"
)

// chip is the driver. Its methods are called with the bus held, so that it needs no lock.
//
// What is used most comes first: the smaller processors reach 32 bytes and 32 words from a
// pointer at once, which is 1 KB of flash.
type chip struct {
	eng *offload.Engine
	session
	limiter

	// More of the command.
	outn    int
	answer  string // of its reply, in out: the command was taken
	prefix  string
	began   span // when it was sent, or its answer became due
	limit   span // when it is late after that
	asked   span // when it was asked after; else as began
	left    span // when data mode was left: see sync
	sending int  // bytes of data

	// More of the read.
	got    int // bytes; -1 for more than most
	most   int
	readAt span

	// More of the module.
	lastLook  span // at its state
	baud      uint32
	localPort uint16 // of the link that was opened last
	slow      uint8  // times that the higher speed did not work
	lastLink  uint8
	ages      uint8
	sentAt    span  // when the last send was done
	sentConn  int8  // of whom it was, or noConn
	stops     uint8 // times that the server was told to stop
	booting   bool  // a restart is expected
	flow      bool  // flow control is
	rated     bool  // the UART's speed was set
	sense     bool  // something came that makes sense

	wire  wire
	pool  pool
	fw    firmware
	conns [maxConns]conn
	out   [commandMax]byte
	cfg   Config
	cause error           // see because
	found []AccessPoint   // by a scan
	from  place           // of the last datagram that was read
	peers [maxLinks]place // of accepted connections
}

// session is what a restart of the module ends.
type session struct {
	// The outstanding command: see command.go.
	step     step
	job      job
	want     want
	result   result
	jobConn  int8 // for whom it is, or noConn
	jobLink  int8 // the link that it opens, or noLink
	long     bool // it does not fit
	mine     bool // it is the one in out
	busy     bool // the module did not take it
	nudges   bool // it is to be asked after
	nudged   bool // and was
	owes     bool // and the module has not said anything to that
	freed    bool // and the module does nothing else any more
	up, down bool // the link that it opens was open, and has ended

	// The last read.
	readConn int8
	readLink int8 // that it was asked of
	closing  int8 // the link that CIPCLOSE is for, or noLink
	dataConn int8 // whose the last data were

	// What the module is and does.
	seen    uint8 // links of the last list
	orphans uint8 // links that are to be closed, and orphanServer
	server  int8  // conn of the listener, or noConn
	passive bool  // it keeps what it receives until it is asked
	joined  bool  // the station has an address
	ap      bool  // it is an access point only
	quiet   bool  // echo is off
	booted  bool  // a restart that was expected is done
	ill     fault // why it has to be restarted: it hangs, or came up unexpected
	waits   bool  // it may wait for data
	unsure  bool  // what comes next may be the answer to an earlier command
	active  uint8 // links that push what they receive, where each can be told
	silent  uint8 // times that the module was asked in vain
	tells   bool  // CIPDINFO: it is to say who sent what
	told    bool  // and says so
	untold  bool  // or does so perhaps
	v6      bool  // IPv6 is enabled
	new6    bool  // and there is an address that was not asked for yet
	timed   bool  // SNTP is
	missed  bool  // a link was not in the last list
	stops   uint8 // times that the server was told to stop
}

// ip adds an address in quotes.
func (c *chip) ip(a netip.Addr) *chip {
	c.char('"')
	if !needIPv6 || a.Is4() {
		for i, b := range a.As4() {
			if i > 0 {
				c.char('.')
			}
			c.num(int(b))
		}
	} else {
		b := a.As16()
		for i := 0; i < 16; i += 2 {
			if i > 0 {
				c.char(':')
			}
			const hex = "0123456789abcdef"
			c.char(hex[b[i]>>4]).char(hex[b[i]&15]).char(hex[b[i+1]>>4]).char(hex[b[i+1]&15])
		}
	}
	return c.char('"')
}

// unknown is the error of a look-up that the module refused.
func (c *chip) unknown() fault {
	if !c.joined && !c.isAP() {
		return errLost
	}
	return errHostUnknown
}

// startTime makes the module ask for the time.
func (c *chip) startTime() fault {
	c.at("+CIPSNTPCFG=1,0")
	if s := c.cfg.TimeServer; needTime && s != "" {
		c.char(',').text(s)
	}
	err := c.run()
	c.timed = err == 0
	return err
}

// time asks for the time; 0 if the module does not know it.
func (c *chip) time() (int64, fault) {
	if !c.timed {
		if err := c.startTime(); err != 0 {
			return 0, err
		}
	}
	if err := c.at("+CIPSNTPTIME?").ask("+CIPSNTPTIME:"); err != 0 {
		return 0, err
	}
	return clock(c.answer), 0
}

// ping returns how many milliseconds a host takes to answer.
func (c *chip) ping(ip netip.Addr) (int, fault) {
	prefix := "+PING:"
	if c.fw.nonos() {
		prefix = "+"
	}
	err := c.at("+PING=").ip(ip).askFor(prefix, c.lim().scan)
	if err != 0 && err != errRefused {
		return 0, err
	}
	if n := leading(c.answer); err == 0 && n >= 0 {
		return n, 0
	}
	return 0, c.because(errNoPong)
}

// rssi returns the strength of the access point's signal.
func (c *chip) rssi() (int, fault) {
	if err := c.cur2("+CWJAP").ask("+CWJAP"); err != 0 {
		return 0, err
	}
	p := c.answer
	for len(p) > 0 && p[0] != ':' {
		p = p[1:]
	}
	if len(p) == 0 {
		return 0, errLost // it is not joined
	}
	_, rest := fieldBefore(p[1:], `,"`) // the name may hold anything
	_, rest = field(rest)
	_, rest = field(rest)
	n, _, ok := signed(rest)
	if !ok {
		return 0, errGarbled
	}
	return n, 0
}

// cur2 begins a query of a setting.
func (c *chip) cur2(s string) *chip {
	c.at(s)
	if c.fw.nonos() {
		c.raw("_CUR")
	}
	return c.raw("?")
}

// dns asks for the name servers.
func (c *chip) dns() (servers []netip.AddrPort, err fault) {
	if err := c.cur2("+CIPDNS").ask("+CIPDNS"); err != 0 {
		return nil, err
	}
	p := c.answer
	for len(p) > 0 {
		var f string
		f, p = field(p)
		if i := len(f) - 1; i >= 0 && f[i] == '"' {
			f = f[:i]
		}
		if a := address(f); a.IsValid() && !a.IsUnspecified() {
			servers = append(servers, netip.AddrPortFrom(a, 53))
		}
	}
	return servers, 0
}
