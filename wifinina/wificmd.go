package wifinina

// Commands of the radio beyond joining. The caller holds the bus.

// setText sends a command that is a text.
func (b *bus) setText(cmd byte, text string) fault {
	b.start(cmd, 1).text(text)
	return b.acknowledged(b.askByte())
}

// setIPConfig sets the address instead of DHCP, until the next reset. The
// reply is 0 whatever happened.
func (b *bus) setIPConfig(ip, gateway, mask [4]byte) fault {
	f := b.start(cmdSetIPConfig, 4)
	f.octet(1)
	f.quad(&ip)
	f.quad(&gateway)
	f.quad(&mask)
	_, err := b.askByte()
	return err
}

// setDNS sets n name servers.
func (b *bus) setDNS(n byte, first, second [4]byte) fault {
	f := b.start(cmdSetDNS, 3)
	f.octet(n)
	f.quad(&first)
	f.quad(&second)
	return b.acknowledged(b.askByte())
}

// dns returns the name servers, zeros for none.
func (b *bus) dns() (first, second [4]byte, err fault) {
	b.start(cmdGetDNS, 1).octet(0xFF)
	if err := b.ask(2, 16); err != 0 {
		return first, second, err
	}
	if len(b.param(0)) != 4 || len(b.param(1)) != 4 {
		return first, second, b.nonsense()
	}
	return [4]byte(b.param(0)), [4]byte(b.param(1)), 0
}

// setAP makes the chip an access point, open without a passphrase.
func (b *bus) setAP(ssid, passphrase string, channel byte) (bool, fault) {
	if passphrase == "" {
		f := b.start(cmdSetAP, 2)
		f.text(ssid)
		f.octet(channel)
	} else {
		f := b.start(cmdSetAPPassphrase, 3)
		f.text(ssid)
		f.text(passphrase)
		f.octet(channel)
	}
	return yes(b.within(b.lim.slow).askByte())
}

// setEnterprise starts to join a network by WPA2 Enterprise. Certificates and
// keys are read as C strings, so that their end has to be in the parameter.
func (b *bus) setEnterprise(ssid, identity string, ent *Enterprise) fault {
	// Too long for the bus's own buffer.
	b.out.buf = make([]byte, 0, maxFrame)
	f := b.start(cmdEnterprise, 6)
	if ent.Cert == "" {
		f.octet(0)
		f.text(ssid)
		f.text(ent.User)
		f.text(ent.Password)
		f.text(identity)
	} else {
		f.octet(1)
		f.text(ssid)
		f.ctext(ent.Cert)
		f.ctext(ent.Key)
		f.text(identity)
	}
	f.ctext(ent.CA)
	err := b.acknowledged(b.within(b.lim.slow).askByte())
	b.out.buf = b.outb[:0]
	return err
}

// rssi returns the signal's strength in dBm.
func (b *bus) rssi() (int, fault) {
	b.start(cmdRSSI, 1).octet(0xFF)
	v, err := b.askNumber()
	return int(int32(v)), err
}

// time returns the time in seconds since 1970, 0 if the chip does not know it.
func (b *bus) time() (int64, fault) {
	b.start(cmdTime, 0)
	v, err := b.askNumber()
	return int64(v), err
}

// ping returns a host's answering time in milliseconds, -1 for none.
func (b *bus) ping(ip [4]byte, ttl byte) (int, fault) {
	f := b.start(cmdPing, 2)
	f.quad(&ip)
	f.octet(ttl)
	v, err := b.within(b.lim.resolve).askNumber()
	return int(int16(v)), err
}

// askNumber is ask for a reply that is a number of 1 to 8 bytes,
// little-endian.
func (b *bus) askNumber() (v uint64, err fault) {
	if err := b.ask(1, 12); err != 0 {
		return 0, err
	}
	p := b.param(0)
	if len(p) == 0 || len(p) > 8 {
		return 0, b.nonsense()
	}
	for i, x := range p {
		v |= uint64(x) << (8 * i)
	}
	return v, 0
}

// scan looks for networks, which ends the session, and puts their names into
// buf, as the reply that it returns.
func (b *bus) scan(buf []byte) ([]byte, fault) {
	b.start(cmdScan, 0)
	if err := b.within(b.lim.resolve).request(nil); err != 0 {
		return nil, err
	}
	if !b.tx(nil, buf) {
		return nil, b.finish(errSPI)
	}
	n := int(buf[2])
	if n == 0xFE { // Adafruit's, when it fails
		return nil, b.finish(0)
	}
	// Adafruit's sends more than 10, of which the rest is left alone.
	_, err := replyLen(buf, cmdScan, n)
	return buf, b.finish(err)
}

// scanned asks for a property of a network that was found.
func (b *bus) scanned(cmd, index byte) (uint64, fault) {
	b.start(cmd, 1).octet(index)
	return b.askNumber()
}
