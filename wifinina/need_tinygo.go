//go:build tinygo

package wifinina

// What a program needs of the driver. What is never set, as the compiler sees it, is a
// constant, and what needs it is left out: see package offload.
var (
	needStatic     bool
	needEnterprise bool
)

func need(static, enterprise bool) {
	if static {
		needStatic = true
	}
	if enterprise {
		needEnterprise = true
	}
}
