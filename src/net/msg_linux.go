//go:build !tinygo

package net

import "syscall"

// msgFlags has descriptors that arrive not passed on to other programs.
const msgFlags = syscall.MSG_CMSG_CLOEXEC

func closeOnExec(oob []byte) {}
