//go:build !tinygo

package wifinina

// What a program needs of the driver; see need_tinygo.go.
const (
	needStatic     = true
	needEnterprise = true
)

func need(static, enterprise bool) {}
