//go:build !unix

package main

import "errors"

// openPTY fails: there are no pseudo-terminals.
func openPTY() (line, error) {
	return nil, errors.New("this system has no pseudo-terminals: use -listen")
}
