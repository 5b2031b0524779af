//go:build !tinygo

package offload

// What a program needs of the engine; see need_tinygo.go.
const (
	needDatagrams = true
	needTLS       = true
	needBuffers   = true
	needEvents    = true
	needIPv6      = true
	needAP        = true
)

func need(Kind)       {}
func needingBuffers() {}
func needingEvents()  {}
func needingIPv6()    {}
func needingAP()      {}
