package net

import (
	"context"
	_ "unsafe" // for go:linkname
)

// dialTLS is d.DialContext for a stream that the device encrypts. The crypto/tls
// that stands on such streams links to it under the name net.dialTLS. Where
// there are none, as in the loopback, it fails with errors.ErrUnsupported.
//
//go:linkname dialTLS
func dialTLS(ctx context.Context, d *Dialer, network, address string) (Conn, error) {
	with := *d
	with.tls = true
	return with.DialContext(ctx, network, address)
}
