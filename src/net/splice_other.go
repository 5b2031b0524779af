//go:build !linux || tinygo

package net

import "io"

func (c *conn) spliceFrom(r io.Reader) (moved int64, handled bool, err error) { return 0, false, nil }
func (c *conn) spliceTo(w io.Writer) (moved int64, handled bool, err error)   { return 0, false, nil }
