//go:build !tinygo

package wifinina

// What a program needs of the driver; see need_tinygo.go.
const (
	needAP         = true
	needStatic     = true
	needEnterprise = true
)

func needed(ap, static, enterprise bool) {}
