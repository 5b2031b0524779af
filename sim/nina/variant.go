package nina

import (
	"crypto/tls"
	"slices"
	"strings"
	"time"
)

// Firmwares that can be simulated: names for Config.Firmware. The first is
// the default.
const (
	Arduino20  = "arduino-2.0"  // nina-fw 2.0.0
	Arduino14  = "arduino-1.4"  // nina-fw 1.4.8: no BSD-like sockets
	Arduino15  = "arduino-1.5"  // nina-fw 1.5.0: these, but no accept mode
	Arduino30  = "arduino-3.0"  // nina-fw 3.0.1, as far as known: 2.0.0 with what its host library asks for
	Adafruit17 = "adafruit-1.7" // Adafruit's fork, 1.7.7
	Adafruit33 = "adafruit-3.3" // Adafruit's fork, 3.3.0, on arduino-esp32
)

// Firmwares returns the names of the firmwares that can be simulated, the
// default one first.
func Firmwares() []string {
	return []string{Arduino20, Arduino14, Arduino15, Arduino30, Adafruit17, Adafruit33}
}

// FirmwareVersion returns what a firmware says of itself, such as "2.0.0"; ""
// for one that is not known.
func FirmwareVersion(name string) string { return variants[name].version }

// variant is one firmware. Its zero value, but for the version, is Arduino's
// 2.0.0; each field is something in which another differs.
type variant struct {
	version string // that 37 answers

	// Commands.
	lacks []byte           // numbers without a handler
	has   map[byte]command // handlers of its own

	// Frames and numbers.
	unpaddedReply bool // a reply's length is not made a multiple of 4
	naturalMAC    bool // hardware addresses are not reversed
	wideTime      bool // 3B answers 8 bytes
	rawScanAuth   bool // 33 answers the radio's own numbers

	// The stack.
	slots        int  // and lwIP's sockets in all; 0: 10
	mss          int  // 0: 1436; window and send buffer are 4 of them
	scansAtOnce  bool // the GPIO0 task does not sleep between scans
	dropIsSilent bool // a link that goes down closes no socket

	// Slots.
	mutexes         bool // one for each slot; 2D with a mode that is not known never gives it back
	stateFreesOwn   bool // 2F answering 0 frees only slots that 2D has connected
	connectTimeout  bool // a sixth parameter of 2D, in ms, counts for TCP
	clientNamesFail bool // 2D with a name in mode 0 or 1 looks up the address's bytes as a name

	// Servers.
	noAcceptMode  bool // 2B has no accept byte, GPIO0 task holds no connection
	serverNeverNo bool // 28 answers 1 for TCP also if it failed
	networkServer bool // arduino-esp32's NetworkServer: see there

	// TCP clients.
	endUnnoticed  bool // 2F does not look for the peer's FIN
	writeOnce     bool // 44 never waits, and a write that fails or finds no room closes
	networkClient bool // arduino-esp32's NetworkClient: see there

	// UDP.
	udpUnhurried bool // a datagram is readable at once when it was pulled
	udpAskParses bool // 2B pulls the next datagram
	networkUDP   bool // arduino-esp32's NetworkUDP: see there

	// TLS.
	noBearSSL       bool          // mode 4 is not known
	tlsMin          uint16        // 0: TLS 1.0
	tlsAddrInOrder  bool          // the address form prints the octets in order
	tlsNamesAddr    bool          // the address form checks the certificate for the printed address
	tlsTimeout      time.Duration // of a handshake; 0: none
	tlsFailureIsOK  time.Duration // a handshake that fails is tried again so long, and then 2D answers 1; 0: it fails
	tlsEndsAtOnce   bool          // the first 2F after close_notify answers 0
	tlsWriteWaits   bool          // 44 waits for room, 30 s at most
	tlsPeekKept     bool          // a peeked byte is still there for 45
	clientCert      bool          // 40 and 41 give TLS a certificate and its key
	clientCertAlone bool          // which then replaces the root store, unless the slot has used that before

	// Wi-Fi.
	scanUncapped   bool // 27 answers as many names as there are
	scanKeepsLink  bool // 27 neither restarts the radio nor sets the status
	esp32Status    bool // the status is arduino-esp32's
	autoRejoin     bool // a link that is lost, or a join that fails, is tried again for ever
	reasonStays    bool // 1F is 1 at first, and an association does not clear it
	assocFailFails bool // reason 203 sets status 4
	staticByAddr   bool // an address that is not 0 is static, wherever it is from; 14 with 0 is DHCP
	apAnyChannel   bool // 18 and 19 ignore the channel
	apUnseen       bool // access-point mode has no status, no address in 21, and 30 does not end it
	resolvedStays  bool // 35 keeps the last address when 34 fails
}

var variants = map[string]variant{
	Arduino20: {version: "2.0.0"},
	Arduino15: {
		version:      "1.5.0",
		lacks:        []byte{0x1e},
		noAcceptMode: true,
	},
	Arduino14: {
		version:       "1.4.8",
		lacks:         slices.Concat([]byte{0x1e}, bsdCommands),
		noAcceptMode:  true,
		serverNeverNo: true,
	},
	Arduino30: {
		version:        "3.0.1",
		naturalMAC:     true,
		connectTimeout: true,
		has: map[byte]command{
			0x38: {"stop server", stopServer, nil},
			0x5e: {"get firmware number", getVersionNumber, nil},
			0x5f: {"set time", setTime, nil},
		},
	},
	Adafruit17: {
		version:         "1.7.7",
		lacks:           slices.Concat([]byte{0x1e, 0x1f}, fileCommands, bsdCommands),
		has:             adafruitCommands,
		unpaddedReply:   true,
		dropIsSilent:    true,
		clientNamesFail: true,
		noAcceptMode:    true,
		serverNeverNo:   true,
		endUnnoticed:    true,
		writeOnce:       true,
		udpUnhurried:    true,
		udpAskParses:    true,
		noBearSSL:       true,
		tlsNamesAddr:    true,
		tlsFailureIsOK:  120 * time.Second,
		clientCert:      true,
		assocFailFails:  true,
		staticByAddr:    true,
		apAnyChannel:    true,
	},
	Adafruit33: {
		version:         "3.3.0",
		has:             adafruitCommands,
		naturalMAC:      true,
		wideTime:        true,
		rawScanAuth:     true,
		slots:           6,
		mss:             1440,
		scansAtOnce:     true,
		mutexes:         true,
		stateFreesOwn:   true,
		networkServer:   true,
		networkClient:   true,
		networkUDP:      true,
		noBearSSL:       true,
		tlsMin:          tls.VersionTLS12,
		tlsAddrInOrder:  true,
		tlsNamesAddr:    true,
		tlsTimeout:      120 * time.Second,
		tlsEndsAtOnce:   true,
		tlsWriteWaits:   true,
		tlsPeekKept:     true,
		clientCert:      true,
		clientCertAlone: true,
		scanUncapped:    true,
		scanKeepsLink:   true,
		esp32Status:     true,
		autoRejoin:      true,
		reasonStays:     true,
		staticByAddr:    true,
		apUnseen:        true,
		resolvedStays:   true,
	},
}

// adafruitCommands are those of both of Adafruit's firmwares.
var adafruitCommands = map[byte]command{
	0x40: {"set client certificate", setClientCert, nil},
	0x41: {"set client key", setClientKey, nil},
	0x4a: {"set identity", setIdentity, nil},
	0x4b: {"set user name", setUserName, nil},
	0x4c: {"set password", setPassword, nil},
	0x4f: {"enable enterprise", enableEnterprise, nil},
	0x54: {"analog read", analogReadPin, nil},
	0x67: {"download OTA", notThere, nil}, // on an Uno WiFi alone
}

var (
	fileCommands = []byte{0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67}
	bsdCommands  = []byte{0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f}
)

// handler returns a variant's handler of a command.
func (v *variant) handler(number byte) (command, bool) {
	if c, ok := v.has[number]; ok {
		return c, true
	}
	c := commands[number]
	return c, c.run != nil && !slices.Contains(v.lacks, number)
}

// lookupVariant returns a firmware by its name, whose default is the first.
func lookupVariant(name string) variant {
	if name == "" {
		name = Arduino20
	}
	v, ok := variants[name]
	if !ok {
		panic("nina: no firmware " + name + " is simulated: use one of " + strings.Join(Firmwares(), ", "))
	}
	if v.slots == 0 {
		v.slots = maxSlots
	}
	if v.mss == 0 {
		v.mss = tcpMSS
	}
	if v.tlsMin == 0 {
		v.tlsMin = tls.VersionTLS10
	}
	return v
}
