package main

import (
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A program that had the terminal for itself alone, and died, leaves it to the next.
func TestSimESPATTerminalIsFreeAgain(t *testing.T) {
	m := startModem(t)
	open := func() *os.File {
		f, err := os.OpenFile(m.path, os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	next := open() // looks on: only the superuser could open it later
	taken := func() bool {
		on, err := unix.IoctlGetInt(int(next.Fd()), unix.TIOCGEXCL)
		if err != nil {
			t.Fatal(err)
		}
		return on != 0
	}
	for range 2 {
		f := open()
		if err := unix.IoctlSetInt(int(f.Fd()), unix.TIOCEXCL, 0); err != nil {
			t.Fatal(err)
		}
		if !taken() {
			t.Fatal("the terminal cannot be had alone")
		}
		f.Close()
		for deadline := time.Now().Add(time.Minute); taken(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("after a minute nobody else can have it")
			}
		}
	}
	m.interrupt(syscall.SIGINT)
}
