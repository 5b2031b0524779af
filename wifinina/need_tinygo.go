//go:build tinygo

package wifinina

// What a program needs of the driver. What is never set, as the compiler sees it, is a
// constant, and what needs it is left out: see package offload.
var (
	needAP         bool
	needStatic     bool
	needEnterprise bool
)

func needed(ap, static, enterprise bool) {
	if ap {
		needAP = true
	}
	if static {
		needStatic = true
	}
	if enterprise {
		needEnterprise = true
	}
}
