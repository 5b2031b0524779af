//go:build emulated && !espat

package machine

const boardName = "pyportal"

const LED = D13
