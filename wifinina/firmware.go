package wifinina

import (
	"tinynet/netdev"
	"tinynet/offload"
)

// firmware is what the chip runs. Arduino's nina-fw and Adafruit's fork of it
// count their versions apart and share most commands.
type firmware struct {
	version      string
	major, minor uint8
	adafruit     bool
	descriptors  bool  // has the commands 70 to 7F
	slots        uint8 // also the number of lwIP sockets
}

// The oldest firmware that is supported: the first whose slots behave.
const oldestMajor, oldestMinor = 1, 4

// identify finds out what the chip runs. Firmware that is too old is asked
// nothing but its version.
func (c *chip) identify() fault {
	b := &c.bus
	version, err := b.firmwareVersion()
	if err != 0 {
		return err
	}
	fw := firmware{version: version, slots: 10}
	major, minor, ok := parseVersion(version)
	if ok && (major < oldestMajor || major == oldestMajor && minor < oldestMinor) {
		return c.because(tooOld(version))
	}
	fw.major, fw.minor = uint8(major), uint8(minor)
	// Adafruit's 1.x has numbers up to 1.7 and none of the commands that
	// Arduino's has since 1.5, so ask. The question has no side effect.
	if major > 1 || minor >= 5 {
		known, err := b.knows(cmdErrno)
		if err != 0 {
			return err
		}
		fw.descriptors, fw.adafruit = known, !known
	}
	if major >= 3 {
		known, err := b.knows(cmdVersionNumber)
		if err != 0 {
			return err
		}
		if !known {
			fw.adafruit, fw.slots = true, 6
		}
	}
	c.fw = fw
	c.eng.SetSockets(int(fw.slots))
	return 0
}

// knows reports whether the chip knows a command, which has no parameters and is
// answered by a number. What the driver does until the next reset hangs on it, and noise
// on the wire can look like a refusal.
func (b *bus) knows(cmd byte) (bool, fault) {
	var err fault
	for range 3 {
		b.start(cmd, 0)
		if err = b.ask(1, 8); err == 0 {
			return true, 0
		}
		if err != errRefused && err != errGarbled {
			break
		}
	}
	if err == errRefused {
		return false, 0
	}
	return false, err
}

// arduino32 reports whether it stands on arduino-esp32, as Adafruit's does from
// 3.0 on, whose states differ.
func (f *firmware) arduino32() bool { return f.adafruit && f.major >= 3 }

// tellsReason reports whether it says why the station was disconnected.
func (f *firmware) tellsReason() bool { return !f.adafruit || f.major >= 3 }

// fullCloses reports whether it closes a connection that is written to while
// the chip's send buffer is full, as Adafruit's before 3.0 does.
func (f *firmware) fullCloses() bool { return f.adafruit && f.major < 3 }

// macReversed reports whether the chip sends MAC addresses with their last
// byte first.
func (f *firmware) macReversed() bool { return f.major < 3 }

// tooOld is the error for firmware that cannot be supported.
func tooOld(version string) error {
	return offload.Wrap("wifinina: firmware "+version+" is too old: 1.4.0 or newer is needed, update the chip", netdev.ErrNotSupported)
}

// parseVersion returns the first two numbers of a version.
func parseVersion(s string) (major, minor int, ok bool) {
	major, s, ok = leadingNumber(s)
	if !ok || s == "" || s[0] != '.' {
		return 0, 0, false
	}
	minor, _, ok = leadingNumber(s[1:])
	return major, minor, ok
}

func leadingNumber(s string) (n int, rest string, ok bool) {
	i := 0
	for ; i < len(s) && i < 2 && '0' <= s[i] && s[i] <= '9'; i++ {
		n = 10*n + int(s[i]-'0')
	}
	return n, s[i:], i > 0
}
