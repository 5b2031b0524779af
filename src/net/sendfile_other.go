//go:build !linux || tinygo

package net

import "io"

func (c *conn) sendFile(r io.Reader) (sent int64, handled bool, err error) { return 0, false, nil }
