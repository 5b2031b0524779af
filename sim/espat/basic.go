package espat

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// flash is what survives a reset.
type flash struct {
	baud, flow int
	sysmsg     int

	mode      int
	ssid      string
	pass      string
	known     bool // ssid is an access point to join
	autoconn  bool
	dhcp      int // bit 0 station, bit 1 access point
	static    ipConfig
	staMAC    [6]byte
	apMAC     [6]byte
	sap       apConfig
	apAddr    ipConfig
	dnsManual bool
	dns       []netip.Addr
	ipv6      bool
}

// ipConfig is an address with its gateway and mask.
type ipConfig struct{ ip, gw, mask netip.Addr }

func factory(c *Chip) flash {
	mac := c.cfg.MAC
	ap := mac
	ap[5]++
	mode := 1
	if c.v.esp8266() && c.v.nonOS() {
		mode = 2 // its factory setting is an open access point
	} else if !c.v.esp8266() {
		mode = 0
	}
	return flash{
		baud:     defaultBaud,
		mode:     mode,
		autoconn: true,
		dhcp:     3,
		staMAC:   mac,
		apMAC:    ap,
		sap: apConfig{
			ssid:    fmt.Sprintf("ESP_%02X%02X%02X", ap[3], ap[4], ap[5]),
			channel: 1,
			max:     4,
		},
		apAddr: ipConfig{
			ip:   netip.MustParseAddr("192.168.4.1"),
			gw:   netip.MustParseAddr("192.168.4.1"),
			mask: netip.MustParseAddr("255.255.255.0"),
		},
	}
}

func (f *firmware) cmdRST(request) fault {
	f.out("\r\nOK\r\n")
	f.drainTo(0)
	f.restart()
	return finished
}

func (f *firmware) cmdRESTORE(request) fault {
	f.out("\r\nOK\r\n")
	f.drainTo(0)
	if !f.dead() {
		f.c.flash = factory(f.c)
		f.restart()
	}
	return finished
}

func (f *firmware) cmdGMR(request) fault {
	f.print(strings.Join(f.v.gmr, "\r\n") + "\r\n")
	return 0
}

// cmdCMD lists the commands with flags for test, query, set and execute.
func (f *firmware) cmdCMD(request) fault {
	n := 0
	for i := range commandTable {
		e := &commandTable[i]
		if !e.in(f.v) {
			continue
		}
		flag := func(x form) int {
			if e.forms&x != 0 {
				return 1
			}
			return 0
		}
		f.print(fmt.Sprintf("+CMD:%d,\"AT%s\",%d,%d,%d,%d\r\n", n, e.name,
			flag(formTest), flag(formQuery), flag(formSet), flag(formExecute)))
		n++
	}
	return 0
}

// uartMost is the fastest speed that the UART takes (esp-at docs).
const uartMost = 5_000_000

func (f *firmware) cmdUART(r request) fault {
	c := f.c
	if r.form == formQuery {
		f.reply(r, "%d,8,1,0,%d", actualBaud(c.baud), c.flow)
		return 0
	}
	a := args{list: r.params}
	baud := a.number(80, uartMost)
	a.number(5, 8)
	a.number(1, 3)
	a.number(0, 2)
	flow := a.number(0, 3)
	if bad := a.end(); bad != 0 {
		return bad
	}
	if r.name != "+UART_CUR" {
		c.flash.baud, c.flash.flow = baud, flow
	}
	// OK goes out at the old speed, and the next command comes at the new one.
	f.out("\r\nOK\r\n")
	f.drainTo(0)
	if f.dead() {
		return finished
	}
	c.settle()
	c.baud, c.flow = baud, flow
	c.tx.setSpeed(c.clk.Now(), c.perByte(baud))
	c.follow()
	c.setFlow()
	return finished
}

// actualBaud is what the divider of an 80 MHz clock in sixteenths gives.
func actualBaud(baud int) int {
	const clock = 80_000_000
	div := clock * 16 / baud
	return clock * 16 / div
}

func (f *firmware) cmdSYSSTORE(r request) fault {
	if r.form == formQuery {
		f.reply(r, "%d", b2i(f.store))
		return 0
	}
	a := args{list: r.params}
	on := a.number(0, 1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.store = on == 1
	return 0
}

func (f *firmware) cmdSYSLOG(r request) fault {
	if r.form == formQuery {
		f.reply(r, "%d", b2i(f.syslog))
		return 0
	}
	a := args{list: r.params}
	on := a.number(0, 1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.syslog = on == 1
	return 0
}

func (f *firmware) cmdSYSMSG(r request) fault {
	if r.form == formQuery {
		f.replyBare(r, "%d", f.sysmsg)
		return 0
	}
	a := args{list: r.params}
	bits := a.number(0, 7)
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.sysmsg = bits
	if f.saves(r) {
		f.c.flash.sysmsg = bits
	}
	return 0
}

// now is the time as the module has it: from 1970 on until it was told.
func (f *firmware) now() time.Time { return f.c.clk.Now().Add(f.timeOffset) }

func (f *firmware) cmdSYSTIMESTAMP(r request) fault {
	if r.form == formQuery {
		f.replyBare(r, "%d", f.now().Unix())
		return 0
	}
	a := args{list: r.params}
	at := a.number(0, 1<<31-1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.timeOffset = time.Unix(int64(at), 0).Sub(f.c.clk.Now())
	return 0
}

func (f *firmware) cmdSYSRAM(r request) fault {
	free := 150_000
	if f.v.esp8266() {
		free = 35_000
	}
	f.reply(r, "%d,%d", free, free-8000)
	return 0
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
