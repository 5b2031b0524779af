//go:build !tinygo

package net

import (
	"errors"
	"io"
)

// identical reports whether two errors are the same value.
func identical(a, b error) bool { return a == b }

// is is errors.Is.
func is(err, target error) bool { return errors.Is(err, target) }

func isEOF(err error) bool { return err == io.EOF }
