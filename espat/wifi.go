package espat

import (
	"net"
	"net/netip"
	"time"

	"tinynet/netlink"
	"tinynet/offload"
)

// checkParams checks what Config has beside the parameters.
func (c *chip) checkParams(p *netlink.ConnectParams) error {
	cfg := &c.cfg
	if cfg.APChannel > 13 {
		return errChannel
	}
	if st := cfg.Static; needStatic && st != nil && (!st.Addr.Is4() || !st.Mask.Is4()) {
		return errStatic
	}
	if a := cfg.AP; needAP && a != nil {
		n := len(a.Passphrase)
		if a.Ssid == "" || len(a.Ssid) > 32 || n != 0 && (n < 8 || n > 63) {
			return errBoth
		}
	}
	return nil
}

// join makes an attempt to join a network or to become an access point.
func (c *chip) join(p *netlink.ConnectParams) (netip.Addr, error) {
	if offload.IsAP(p) {
		c.eng.Take()
		ip, f := c.become(p)
		err := c.err(f)
		c.eng.Give()
		return ip, err
	}
	// An attempt that was given up may still be under way.
	for wait := true; wait; {
		c.eng.Take()
		c.pump()
		wait = c.step != stepIdle && c.state() == 0
		c.eng.Give()
		if wait {
			if err := c.eng.Pause(joinStep); err != nil {
				return netip.Addr{}, err
			}
		}
	}
	c.eng.Take()
	err := c.err(c.beginJoin(p))
	c.eng.Give()
	for waited := 0 * joinStep; err == nil; waited += joinStep {
		c.eng.Take()
		c.pump()
		over := c.step == stepIdle || c.state() != 0
		if over {
			ip, f := c.endJoin(p)
			err = c.err(f)
			c.eng.Give()
			return ip, err
		}
		c.eng.Give()
		// The module has the same limit, where it can be told.
		if waited >= p.ConnectTimeout+time.Second {
			return netip.Addr{}, netlink.ErrConnectTimeout
		}
		err = c.eng.Pause(joinStep)
	}
	return netip.Addr{}, err
}

const joinStep = 20 * time.Millisecond

// beginJoin tells the module to join a network.
func (c *chip) beginJoin(p *netlink.ConnectParams) fault {
	c.ap = false
	mode := 1
	if needAP && c.cfg.AP != nil {
		mode = 3
	}
	if err := c.cur("+CWMODE").num(mode).run(); err != 0 {
		return err
	}
	if needAP && c.cfg.AP != nil {
		if err := c.setAP(c.cfg.AP.Ssid, c.cfg.AP.Passphrase, netlink.AuthTypeWPA2, c.cfg.AP.Hidden); err != 0 {
			return err
		}
	}
	if p.Hostname != "" {
		if err := c.at("+CWHOSTNAME=").text(p.Hostname).run(); err != 0 {
			return err
		}
	}
	if err := c.setStatic(false); err != 0 {
		return err
	}
	c.joined = false
	c.cur("+CWJAP").text(p.Ssid).char(',').text(p.Passphrase)
	if c.fw.least(2, 2) {
		s := int((p.ConnectTimeout + time.Second - 1) / time.Second)
		c.raw(",,,,,,").num(min(max(s, 3), 600))
	}
	return c.issue(jobJoin, stepFinal, wantLine, "+CWJAP:", spanOf(max(p.ConnectTimeout, 20*time.Second))+c.lim().answer)
}

// endJoin takes the result of the attempt.
func (c *chip) endJoin(p *netlink.ConnectParams) (netip.Addr, fault) {
	if err := c.state(); err != 0 {
		return netip.Addr{}, err
	}
	if c.result != resultOK {
		// The module's reasons are "for reference only".
		reason := leading(c.answer)
		switch {
		case c.result == resultLost:
			return netip.Addr{}, errConnectTimeout
		case reason == 1:
			return netip.Addr{}, errConnectTimeout
		case reason == 2 && p.AuthType != netlink.AuthTypeOpen:
			return netip.Addr{}, errAuthFailure
		case reason == 3:
			return netip.Addr{}, errNoAccessPoint
		}
		return netip.Addr{}, errConnectFailed
	}
	c.joined = true
	c.lastLook = c.now()
	if needTime && c.cfg.TimeServer != "" || needTLS && c.cfg.TLS != nil && c.cfg.TLS.Verify {
		if err := c.startTime(); err != 0 && err != errRefused {
			return netip.Addr{}, err
		}
	}
	return c.address()
}

// become makes the module an access point.
func (c *chip) become(p *netlink.ConnectParams) (netip.Addr, fault) {
	err := c.cur("+CWMODE").num(2).run()
	if err == 0 {
		err = c.setAP(p.Ssid, p.Passphrase, p.AuthType, false)
	}
	if err == 0 {
		err = c.setStatic(true)
	}
	if err != 0 {
		return netip.Addr{}, err
	}
	c.ap = true
	needingAP()
	return c.address()
}

// isAP reports whether the module is an access point only.
func (c *chip) isAP() bool { return needSoftAP && c.ap }

// setAP sets up the access point.
func (c *chip) setAP(ssid, passphrase string, auth netlink.AuthType, hidden bool) fault {
	ecn := 3 // WPA2
	switch {
	case passphrase == "":
		ecn = 0
	case auth == netlink.AuthTypeWPA:
		ecn = 2
	case auth == netlink.AuthTypeWPA2Mixed:
		ecn = 4
	}
	c.cur("+CWSAP").text(ssid).char(',').text(passphrase).char(',').num(max(int(c.cfg.APChannel), 1)).char(',').num(ecn)
	if hidden {
		c.raw(",,1")
	}
	if err := c.runFor(c.lim().scan); err != errRefused {
		return err
	}
	return c.because(errAPFailed)
}

// setStatic sets the address of Config, or makes the station ask for one by DHCP.
func (c *chip) setStatic(ap bool) fault {
	st := c.cfg.Static
	if !needStatic || st == nil {
		if ap {
			return 0
		}
		// On and station, or on NonOS 1.7 station and on.
		return c.cur("+CWDHCP").raw("1,1").run()
	}
	name := "+CIPSTA"
	if ap {
		name = "+CIPAP"
	}
	c.cur(name).ip(st.Addr)
	if st.Gateway.Is4() {
		c.char(',').ip(st.Gateway)
	} else {
		c.char(',').ip(st.Addr)
	}
	if err := c.char(',').ip(st.Mask).run(); err != 0 {
		return err
	}
	if ap || !st.DNS[0].IsValid() {
		return 0
	}
	c.cur("+CIPDNS").raw("1,").ip(st.DNS[0])
	if st.DNS[1].IsValid() {
		c.char(',').ip(st.DNS[1])
	}
	return c.run()
}

// address asks for the module's own address.
func (c *chip) address() (netip.Addr, fault) {
	name := "+CIFSR:STAIP,"
	if c.isAP() {
		name = "+CIFSR:APIP,"
	}
	if err := c.at("+CIFSR").ask(name); err != 0 {
		return netip.Addr{}, err
	}
	ip := address(unquote(c.answer))
	if !ip.Is4() || ip.IsUnspecified() {
		return netip.Addr{}, errNoAddress
	}
	return ip, 0
}

// address6 asks for the module's IPv6 address: that of the Internet, or of the link.
func (c *chip) address6() fault {
	c.new6 = false
	for _, name := range [...]string{"+CIFSR:STAIP6GL,", "+CIFSR:STAIP6LL,"} {
		if err := c.at("+CIFSR").ask(name); err != 0 {
			return err
		}
		if len(c.answer) > 0 {
			c.knows6(unquote(c.answer))
			break
		}
	}
	return 0
}

// knows6 tells the engine the IPv6 address, or that it is not known.
func (c *chip) knows6(p string) {
	if !needIPv6 || !c.v6 {
		return
	}
	ip := address(p)
	if !ip.Is6() {
		ip = netip.IPv6Unspecified()
	}
	c.eng.SetIPv6(ip)
}

// hardwareAddr returns the MAC address.
func (c *chip) hardwareAddr() (net.HardwareAddr, fault) {
	name := "+CIFSR:STAMAC,"
	if c.isAP() {
		name = "+CIFSR:APMAC,"
	}
	if err := c.at("+CIFSR").ask(name); err != 0 {
		return nil, err
	}
	m, ok := mac(unquote(c.answer))
	if !ok {
		return nil, errGarbled
	}
	return m[:], 0
}

// leave leaves the network, or ends the access point.
func (c *chip) leave() fault {
	c.pump()
	for c.step != stepIdle && c.job != jobJoin {
		if c.await(c.step, c.lim().probe, never) != 0 {
			break
		}
	}
	if c.step != stepIdle {
		// It is still at something, which only a restart ends.
		switch {
		case needReset && c.cfg.Reset != nil:
			c.pulse()
		case c.step < stepPrompt || c.step > stepRecv: // else it would be data
			c.writeText("AT+RST\r\n")
		default:
			c.cancel()
		}
		return errLate
	}
	both := c.isAP() || needAP && c.cfg.AP != nil
	c.ap, c.joined = false, false
	if both {
		off := 0
		if c.fw.nonos() { // which has no such mode
			off = 1
		}
		if err := c.cur("+CWMODE").num(off).run(); err != 0 || off == 0 {
			return err
		}
	}
	return c.at("+CWQAP").run()
}

// signal reports whether something has come from the module, or should have: that
// the rest of data does not come is to be seen before something else does.
func (c *chip) signal() bool {
	return c.wire.wired() && (c.wire.buffered() > 0 || c.wire.due.get())
}

// check returns whether the module is still connected. It tells when it is not;
// should that be lost on the wire, it is asked now and then.
func (c *chip) check() (up bool, err fault) {
	c.pump()
	if err := c.state(); err != 0 {
		return false, err
	}
	if !c.joined && !c.isAP() {
		return false, 0
	}
	if c.step != stepIdle || c.wire.need > 0 {
		return true, 0 // it has its time to answer, or waits for room for its data
	}
	if err := c.ready(); err != 0 {
		return true, err
	}
	if needIPv6 && c.new6 {
		if err := c.address6(); err != 0 {
			return true, err
		}
	}
	if c.since(c.lastLook) < c.lim().check && !c.missed {
		return true, 0
	}
	return c.look()
}

// look asks the module for its links and whether it is joined.
func (c *chip) look() (up bool, err fault) {
	if err := c.ready(); err != 0 {
		return false, err
	}
	c.lastLook = c.now()
	c.seen = 0
	newer := c.fw.least(2, 3)
	if newer {
		c.at("+CIPSTATE?")
	} else {
		c.at("+CIPSTATUS")
	}
	if err := c.exchange(wantLinks, "", c.lim().answer); err != 0 {
		return false, err
	}
	status := leading(c.answer)
	up = c.joined // if a line of the answer is lost it stays
	if status >= 0 {
		up = status >= 2 && status <= 4
	}
	c.missed = false
	for i := range c.conns {
		k := &c.conns[i]
		if k.state != connOpen || k.kind.IsDatagram() || k.avail {
			continue
		}
		was := k.missed
		if k.missed = c.seen&bit(int(k.link)) == 0; !k.missed {
			continue
		}
		if was {
			c.end(i) // the news of it was lost
		}
		c.missed = true // or a line of the list was: that takes a second look
	}
	if c.isAP() {
		return true, 0
	}
	switch {
	case c.fw.least(2, 2):
		if err := c.at("+CWSTATE?").ask("+CWSTATE:"); err != 0 {
			return false, err
		}
		if n := leading(c.answer); n >= 0 {
			up = n == 2
		}
	case status == 3 && c.joined:
		// Links of datagrams are open without a network, too.
		up = false
		for try := 0; try < 2 && !up; try++ {
			if err := c.cur2("+CWJAP").ask("+CWJAP"); err != 0 {
				return false, err
			}
			up = len(c.answer) > 0
		}
	case status == 3:
		up = false // it has told so
	}
	c.joined = up
	return up, 0
}
