//go:build !linux || tinygo

package net

func (c *conn) writev(v *Buffers) (sent int64, handled bool, err error) { return 0, false, nil }
