//go:build !unix

package board

import (
	"errors"
	"io"
	"os"
)

// Pair returns errors.ErrUnsupported: this system has no socket pairs.
func Pair() (io.ReadWriteCloser, *os.File, error) {
	return nil, nil, errors.ErrUnsupported
}
