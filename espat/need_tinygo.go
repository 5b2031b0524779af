//go:build tinygo

package espat

// What a program needs of the driver. What is never set, as the compiler sees it, is a
// constant, and what needs it is left out: see package offload.
var (
	needStatic    bool // Static
	needAP        bool // AP
	needSoftAP    bool // an access point only
	needServer    bool // Listen
	needDatagrams bool // a datagram socket
	needScan      bool // Scan
	needReset     bool // Reset
	needRates     bool // MaxBaud or FlowControl
	needSetter    bool // SetUART
	needTLS       bool // TLS
	needTime      bool // TimeServer
	needIPv6      bool // IPv6
)

func needingAP() { needSoftAP = true }

func needingServer() { needServer = true }

func needingDatagrams() { needDatagrams = true }

func needingScan() { needScan = true }

func need(c *Config) {
	if c.Static != nil {
		needStatic = true
	}
	if c.AP != nil {
		needAP = true
	}
	if c.Reset != nil {
		needReset = true
	}
	if c.MaxBaud != 0 || c.FlowControl {
		needRates = true
	}
	if c.SetUART != nil {
		needSetter = true
	}
	if c.TLS != nil {
		needTLS = true
	}
	if c.TimeServer != "" {
		needTime = true
	}
	if c.IPv6 {
		needIPv6 = true
	}
}
