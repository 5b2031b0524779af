package espat

import "net"

// AccessPoint is a network that was found.
type AccessPoint struct {
	SSID       string
	BSSID      net.HardwareAddr
	RSSI       int // dBm
	Channel    int
	Encryption Encryption
}

// Encryption is how a network is protected, in the firmware's numbers.
type Encryption uint8

// Kinds of protection.
const (
	EncryptionNone       Encryption = 0
	EncryptionWEP        Encryption = 1
	EncryptionWPA        Encryption = 2
	EncryptionWPA2       Encryption = 3
	EncryptionWPAWPA2    Encryption = 4
	EncryptionEnterprise Encryption = 5
	EncryptionWPA3       Encryption = 6
	EncryptionWPA2WPA3   Encryption = 7
	EncryptionUnknown    Encryption = 255
)

// maxScan is how many networks a scan returns at most.
const maxScan = 20

// Scan looks for networks, which takes seconds, and returns at most 20. Networks
// that hide their names are left out. No socket makes progress meanwhile.
func (d *Device) Scan() ([]AccessPoint, error) {
	c := d.chip()
	if err := c.eng.Begin(false); err != nil {
		return nil, err
	}
	f := c.scan()
	found, err := c.found, c.err(f)
	c.found = nil
	c.eng.Give()
	if err != nil {
		return nil, err
	}
	return found, nil
}

// scan looks for networks; what it finds is in found then.
func (c *chip) scan() fault {
	needingScan()
	if !c.joined && !c.isAP() {
		if err := c.cur("+CWMODE").num(1).run(c.lim.answer); err != 0 {
			return err
		}
	}
	// Only what is read below, if it can be chosen: encryption, name, strength,
	// address, channel.
	if err := c.optional(c.at("+CWLAPOPT=0,31")); err != 0 {
		return err
	}
	c.found = make([]AccessPoint, 0, maxScan)
	return c.at("+CWLAP").exchange(wantAPs, "", c.lim.scan)
}

// appendAP reads what stands between the parentheses of
// +CWLAP:(<encryption>,"<name>",<rssi>,"<mac>",<channel>[,...]).
// Quotes and commas in the name are not escaped.
func appendAP(all []AccessPoint, p []byte) []AccessPoint {
	enc, p := number(p)
	if enc < 0 || len(p) < 2 || len(all) == cap(all) {
		return all
	}
	name, p := fieldBefore(p[1:], ",-")
	rssi, p, ok := signed(p)
	if !ok || len(p) == 0 || len(name) < 2 {
		return all
	}
	addr, p := field(p[1:])
	bssid, ok := mac(addr)
	channel, _ := number(p)
	if name = unquote(name); !ok || channel < 0 || len(name) == 0 {
		return all
	}
	return append(all, AccessPoint{
		SSID: string(name), BSSID: bssid[:], RSSI: rssi, Channel: channel, Encryption: Encryption(min(enc, 255)),
	})
}

// fieldBefore cuts a field that ends with a quote, and may hold any others, before
// the last place where the quote and then next follow. The comma of next is
// left out.
func fieldBefore(p []byte, next string) (f, rest []byte) {
	for i := len(p) - len(next) - 1; i > 0; i-- {
		if p[i] == '"' && starts(p[i+1:], next) {
			return p[:i+1], p[i+2:]
		}
	}
	return nil, nil
}
