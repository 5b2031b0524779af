package espat

import "net/netip"

// TLS says what certificates have to do with TLS connections. The certificates
// themselves are in the module's flash, where the tools of its firmware put them.
type TLS struct {
	// Verify makes the module check the server's certificate against its list of
	// authorities number CA, and the name in it. It has to know the time for
	// that: see Config.TimeServer.
	Verify bool
	CA     int

	// ClientCert makes the module show its client certificate number Cert.
	ClientCert bool
	Cert       int

	// ServerVerify makes the server ask its clients for certificates and check
	// them.
	ServerVerify bool
}

// configureTLS prepares a link for a TLS connection to host.
func (c *chip) configureTLS(link int, host string) fault {
	mode, t := 0, c.cfg.TLS
	if needTLS && t != nil {
		if t.ClientCert {
			mode = 1
		}
		if t.Verify {
			mode |= 2
		}
	}
	c.at("+CIPSSLCCONF=").num(link).char(',').num(mode)
	if needTLS && mode != 0 {
		c.char(',').num(t.Cert).char(',').num(t.CA)
	}
	// Firmware without these commands makes connections all the same, but checks
	// nothing.
	err := c.run(c.lim.answer)
	if err == errRefused && mode == 0 {
		err = 0
	}
	if err != 0 || host == "" {
		return err
	}
	if !isAddress(host) {
		// Without it many servers do not know which certificate to show.
		if err = c.at("+CIPSSLCSNI=").num(link).char(',').text(host).run(c.lim.answer); err == errRefused {
			err = 0
		}
	}
	if err == 0 && needTLS && mode&2 != 0 {
		err = c.at("+CIPSSLCCN=").num(link).char(',').text(host).run(c.lim.answer)
	}
	return err
}

// isAddress reports whether host is an IP address.
func isAddress(host string) bool {
	var b [hostMax]byte
	return len(host) <= hostMax && address(b[:copy(b[:], host)]).IsValid()
}

// hostMax is the longest host that CIPSTART and PING take.
const hostMax = 64

// resolve looks up an address of a family: 4, 6, or 0 for either.
func (c *chip) resolve(name string, family int) (netip.Addr, fault) {
	c.at("+CIPDOMAIN=").text(name)
	if needIPv6 && c.v6 {
		// 1 prefers IPv4, 2 and 3 are the one and the other alone.
		c.char(',').num(max(family/2, 1))
	}
	if c.long {
		return netip.Addr{}, c.because(errLongHost)
	}
	err := c.ask("+CIPDOMAIN:", c.lim.name)
	if err == errRefused {
		return netip.Addr{}, c.unknown()
	}
	if err != 0 {
		return netip.Addr{}, err
	}
	ip := address(unquote(c.answer))
	if !ip.IsValid() {
		return ip, errGarbled
	}
	return ip, 0
}
