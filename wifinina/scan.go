package wifinina

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
	EncryptionWPA     Encryption = 2
	EncryptionWPA2    Encryption = 4 // or WPA and WPA2
	EncryptionWEP     Encryption = 5
	EncryptionNone    Encryption = 7
	EncryptionUnknown Encryption = 255
)

// Scan looks for networks, which takes seconds, and returns at most 10.
// Networks that hide their names are left out. The radio cannot do both, so
// that the device must not be connected.
func (d *Device) Scan() ([]AccessPoint, error) {
	c := d.chip()
	if c.eng.Addr().IsValid() {
		return nil, errScanUp
	}
	if err := c.eng.Begin(false); err != nil {
		return nil, err
	}
	found, err := c.scan()
	c.eng.Give()
	return found, err
}

func (c *chip) scan() ([]AccessPoint, error) {
	const most = 10
	reply, err := c.bus.scan(make([]byte, 4+most*33))
	if err != 0 {
		return nil, c.err(err)
	}
	if reply == nil {
		return nil, errScan
	}
	n := min(int(reply[2]), most)
	found := make([]AccessPoint, 0, n)
	for i := 0; i < n; i++ {
		name := replyParam(reply, cmdScan, i)
		if name == nil {
			break
		}
		a := AccessPoint{SSID: string(name)}
		index := byte(i)
		rssi, err := c.bus.scanned(cmdScanRSSI, index)
		if err != 0 {
			return nil, c.err(err)
		}
		enc, err := c.bus.scanned(cmdScanEncryption, index)
		if err != 0 {
			return nil, c.err(err)
		}
		bssid, err := c.bus.scanned(cmdScanBSSID, index)
		if err != 0 {
			return nil, c.err(err)
		}
		channel, err := c.bus.scanned(cmdScanChannel, index)
		if err != 0 {
			return nil, c.err(err)
		}
		a.RSSI, a.Encryption, a.Channel = int(int32(rssi)), Encryption(enc), int(channel)
		if c.fw.arduino32() {
			a.Encryption = radioEncryption(enc)
		}
		a.BSSID = make(net.HardwareAddr, 6)
		for j := range a.BSSID {
			if k := 8 * j; c.fw.macReversed() {
				a.BSSID[5-j] = byte(bssid >> k)
			} else {
				a.BSSID[j] = byte(bssid >> k)
			}
		}
		found = append(found, a)
	}
	return found, nil
}

// radioEncryption converts the radio's own number, which Adafruit's firmware
// gives from 3.0 on (wifi_auth_mode_t of ESP-IDF).
func radioEncryption(n uint64) Encryption {
	switch n {
	case 0:
		return EncryptionNone
	case 1:
		return EncryptionWEP
	case 2:
		return EncryptionWPA
	case 3, 4:
		return EncryptionWPA2
	}
	return EncryptionUnknown
}
