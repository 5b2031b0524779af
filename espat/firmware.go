package espat

import (
	"tinynet/netdev"
	"tinynet/offload"
)

// firmware is what the module runs, from AT+GMR.
type firmware struct {
	major, minor uint8
	esp8266      bool
	version      string
}

// nonos reports whether it is the AT of the ESP8266's first SDK, whose commands that
// set something have names of their own.
func (f *firmware) nonos() bool { return f.major == 1 }

func (f *firmware) least(major, minor uint8) bool {
	return f.major > major || f.major == major && f.minor >= minor
}

// perLink reports whether each link can be told whether to send what it receives
// or to keep it (CIPRECVTYPE).
func (f *firmware) perLink() bool { return f.least(4, 0) }

// ipv6 reports whether there are types of links for IPv6.
func (f *firmware) ipv6() bool { return !f.esp8266 && f.least(2, 2) }

// sendMax is the most that CIPSEND takes. What is beyond the module's send buffer has
// to wait for the network, within the one command; so no more than that is sent.
func (f *firmware) sendMax() int {
	if f.esp8266 || !f.least(2, 4) {
		return 2048
	}
	return 5760
}

// recvMax is the most to ask for by CIPRECVDATA: no more than the TCP window can be
// there. A module that has not the memory refuses; see smallRead.
func (f *firmware) recvMax() int {
	if !f.least(2, 1) {
		return 2048
	}
	return 5760
}

// identify asks the module what it runs.
func (c *chip) identify() fault {
	if err := c.at("+GMR").ask("AT version:", c.lim.answer); err != 0 {
		return err
	}
	p := c.answer
	major, rest := number(p)
	if major < 0 || len(rest) == 0 || rest[0] != '.' {
		return errGarbled
	}
	minor, rest := number(rest[1:])
	if minor < 0 || major > 255 || minor > 255 {
		return errGarbled
	}
	end := 0
	for end < len(p) && p[end] != '(' {
		end++
	}
	c.fw = firmware{major: uint8(major), minor: uint8(minor), esp8266: major == 1 || holds(rest, "ESP8266"), version: string(p[:end])}
	if major < 1 || major == 1 && minor < 7 {
		return c.because(offload.Wrap("espat: firmware "+c.fw.version+" is too old: 1.7 or newer is needed, update the module", netdev.ErrNotSupported))
	}
	return 0
}

// holds reports whether s is somewhere in p.
func holds(p []byte, s string) bool {
	for ; len(p) >= len(s); p = p[1:] {
		if starts(p, s) {
			return true
		}
	}
	return false
}
