//go:build tinygo

package netdev

// systemError is an error of the device. TinyGo's syscall has few numbers.
type systemError struct {
	text  string
	errno int8
}

func (e *systemError) Error() string { return e.text }

const (
	enotconn = iota
	eaddrinuse
	econnrefused
	econnreset
	enetdown
	emsgsize
)
