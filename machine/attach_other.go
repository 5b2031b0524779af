//go:build !unix

package machine

import (
	"errors"
	"io"
)

func inherited(int) (io.ReadWriteCloser, error) {
	return nil, errors.ErrUnsupported
}

func dial(string) (io.ReadWriteCloser, error) {
	return nil, errors.ErrUnsupported
}

func defaultSocket() (string, bool) { return "", false }
