// Package netlink is the device model at the link layer: joining and leaving
// a network, and being told when the link comes and goes.
package netlink

import (
	"errors"
	"net"
	"time"
)

// Errors of NetConnect. Test with errors.Is.
var (
	ErrConnected         = errors.New("already connected")
	ErrConnectFailed     = errors.New("connect failed")
	ErrConnectTimeout    = errors.New("connect timed out")
	ErrMissingSSID       = errors.New("no SSID given")
	ErrLongSSID          = errors.New("SSID is longer than 32 bytes")
	ErrShortPassphrase   = errors.New("passphrase is shorter than 8 characters")
	ErrLongPassphrase    = errors.New("passphrase is longer than 63 characters")
	ErrAuthFailure       = errors.New("Wi-Fi authentication failed: is the passphrase right?")
	ErrNoAccessPoint     = errors.New("access point not found: is the SSID right?")
	ErrAuthTypeNoGood    = errors.New("Wi-Fi authorization type not supported")
	ErrConnectModeNoGood = errors.New("connect mode not supported")
	ErrNotSupported      = errors.New("not supported")
)

// Event is what NetNotify's callback is told.
type Event int

// Events.
const (
	EventNetUp   Event = iota // the network can be used from now on
	EventNetDown              // the link is lost, or was ended by NetDisconnect
)

// String returns "network up" or "network down".
func (e Event) String() string {
	switch e {
	case EventNetUp:
		return "network up"
	case EventNetDown:
		return "network down"
	}
	return "unknown event"
}

// ConnectMode says whether the device joins an access point or is one.
type ConnectMode int

// Connect modes.
const (
	ConnectModeSTA ConnectMode = iota // join an access point (default)
	ConnectModeAP                     // be an access point
)

// AuthType is how a Wi-Fi network is protected.
type AuthType int

// Authorization types.
const (
	AuthTypeWPA2      AuthType = iota // WPA2 (default)
	AuthTypeOpen                      // none
	AuthTypeWPA                       // WPA
	AuthTypeWPA2Mixed                 // WPA2 or WPA
)

// DefaultConnectTimeout bounds one attempt to connect where
// ConnectParams.ConnectTimeout is zero.
const DefaultConnectTimeout = 10 * time.Second

// ConnectParams says how to connect. The zero value of each field is its
// default.
type ConnectParams struct {
	// ConnectMode: station or access point.
	ConnectMode

	// Ssid is the access point's name, 1 to 32 bytes.
	Ssid string

	// Passphrase is 8 to 63 characters. Without one the network is taken
	// to be open.
	Passphrase string

	// AuthType is the network's protection.
	AuthType

	// Country is a code of two letters, such as "DE"; a device may ignore it.
	Country string

	// Retries is how many attempts are made. Zero means no limit: the access
	// point may yet appear. A refused passphrase is an error at once.
	Retries int

	// ConnectTimeout bounds each attempt. Zero means DefaultConnectTimeout.
	ConnectTimeout time.Duration

	// WatchdogTimeout is how often the link is checked and, if it is down or
	// the device hangs, restored. Zero means never.
	WatchdogTimeout time.Duration

	// Hostname is the name the device goes by, at most 32 bytes.
	Hostname string
}

// Netlinker is a network device at the link layer. All methods may be called
// by several goroutines at once.
type Netlinker interface {
	// NetConnect connects to the network and returns when it can be used, or
	// with the error of the last attempt. Without an argument the device's
	// own configuration names the network; of several, the first counts.
	NetConnect(params ...*ConnectParams) error

	// NetDisconnect leaves the network. It can be joined again.
	NetDisconnect()

	// NetNotify names the function that is told of link events, one at a
	// time, in order; nil for none. The function must return soon.
	NetNotify(cb func(Event))

	// GetHardwareAddr returns the device's MAC address.
	GetHardwareAddr() (net.HardwareAddr, error)
}
