//go:build !tinygo

package espat

// What a program needs of the driver; see need_tinygo.go.
const (
	needStatic    = true
	needAP        = true
	needSoftAP    = true
	needServer    = true
	needDatagrams = true
	needScan      = true
	needReset     = true
	needRates     = true
	needSetter    = true
	needTLS       = true
	needTime      = true
	needIPv6      = true
)

func needingScan()      {}
func need(*Config)      {}
func needingAP()        {}
func needingServer()    {}
func needingDatagrams() {}
