package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// emulated is the target of TinyGo's that ends up in a file which qemu-arm
// runs, and the board that it is. Their description is in src/_emulated.
const (
	emulatedTarget = "emulated"
	emulatedBoard  = "pyportal"
)

// emulator runs the processor's code. heapVariable tells the program how large
// its heap is, in bytes.
const (
	emulator     = "qemu-arm"
	heapVariable = "TINYNET_HEAP"
)

// maxHeap is the largest heap that the target's linker script leaves room for.
const maxHeap = 1 << 20

var errNoEmulator = errors.New("there is no " + emulator + " in PATH: install it (Debian and Ubuntu: qemu-user)")

var emulateCommand = command{
	name:  "emulate",
	args:  "PACKAGE|FILE",
	short: "build a program with TinyGo and run it on an emulated processor",
	long: "emulate compiles the program PACKAGE, a folder, with TinyGo for a Cortex-M4, and runs\n" +
		"that code under " + emulator + " on a simulated board: TinyGo's scheduler, goroutine stacks\n" +
		"and garbage collector are the board's, and the heap is as large as -heap says:\n\n" +
		"  tinynet emulate -heap 24K ./examples/net/tcpecho\n\n" +
		"In place of PACKAGE there can be a FILE that was built before, with whatever flags:\n\n" +
		"  tinynet tinygo build -target " + emulatedTarget + " -o app.elf ./app\n" +
		"  tinynet emulate app.elf\n\n" +
		"The board is a PyPortal with the pins of its LED and its Wi-Fi chip only; time and the\n" +
		"console are Linux's. A program that needs more heap or stack than there is panics, as\n" +
		"it does on a board. It has neither arguments nor environment: strings in the program\n" +
		"are set at link time, by -ldflags=\"-X main.url=http://host:8080/\". All other flags\n" +
		"are those of `tinynet run`.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		e := emulation{sim: simulationFlags(flags)}
		flags.Var(&e.heap, "heap", "`size` of the heap in bytes, or with K in units of 1024; without it 1024K")
		flags.StringVar(&e.stack, "stack-size", "", "`size` of goroutine stacks, as TinyGo's flag of that name")
		flags.StringVar(&e.ldflags, "ldflags", "", "`flags` for the linker, as TinyGo's flag of that name")
		return func(args []string) (int, error) {
			switch {
			case len(args) != 1:
				return 0, usagef("name one program: a package's folder, such as ./app, or a file that was built for -target %s", emulatedTarget)
			case e.sim.spec.Name != emulatedBoard:
				return 0, usagef("the board that can be emulated is %s", emulatedBoard)
			}
			e.program = args[0]
			return t.emulate(e)
		}
	},
}

// emulation is what to emulate.
type emulation struct {
	sim            *simFlags
	heap           heapValue
	stack, ldflags string
	program        string
}

// heapValue is the flag -heap: bytes, 0 if it is not given.
type heapValue int

func (h *heapValue) String() string { return strconv.Itoa(int(*h)) }

func (h *heapValue) Set(s string) error {
	digits, kilo := strings.CutSuffix(strings.ToUpper(s), "K")
	n, err := strconv.Atoi(digits)
	if err == nil && kilo {
		n *= 1024
	}
	if err != nil || n < 256 || n > maxHeap {
		return fmt.Errorf("write a number of bytes from 256 to %d, such as 24576 or 24K", maxHeap)
	}
	*h = heapValue(n)
	return nil
}

// emulate runs a program on an emulated processor and returns its exit code.
func (t *tool) emulate(e emulation) (int, error) {
	signals := catchSignals()
	defer signals.stop()
	qemu, err := exec.LookPath(emulator)
	if err != nil {
		return 0, errNoEmulator
	}
	file := e.program
	if !filepath.IsAbs(file) {
		file = filepath.Join(t.dir, file)
	}
	build := func() error { return nil }
	if is, err := isELF(file); err != nil {
		return 0, err
	} else if !is {
		dir, err := os.MkdirTemp("", "tinynet-emulate-")
		if err != nil {
			return 0, err
		}
		defer os.RemoveAll(dir)
		file = filepath.Join(dir, "program.elf")
		build = func() error { return t.buildEmulated(signals, e, file) }
	} else if e.stack != "" || e.ldflags != "" {
		return 0, usagef("%s is built already: -stack-size and -ldflags come too late", e.program)
	}
	return t.runOnBoard(signals, e.sim, build, func() *exec.Cmd {
		cmd := t.program(qemu, []string{file}, onPipe)
		if e.heap > 0 {
			cmd.Env = append(cmd.Env, heapVariable+"="+strconv.Itoa(int(e.heap)))
		}
		return cmd
	})
}

// isELF reports whether path is a file that a linker made, and no folder or
// Go file.
func isELF(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false, nil // an import path, maybe: TinyGo will say
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	magic := make([]byte, 4)
	_, err = io.ReadFull(f, magic)
	return err == nil && bytes.Equal(magic, []byte("\x7fELF")), nil
}

// buildEmulated builds a program for the emulated target.
func (t *tool) buildEmulated(signals signals, e emulation, file string) error {
	ctx, cancel := signals.context()
	defer cancel()
	b, err := t.forBoards(false)
	if err != nil {
		return err
	}
	args := []string{"build", "-target", emulatedTarget, "-o", file}
	if e.stack != "" {
		args = append(args, "-stack-size="+e.stack)
	}
	if e.ldflags != "" {
		args = append(args, "-ldflags="+e.ldflags)
	}
	cmd, err := b.command(ctx, append(args, e.program))
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = t.stderr, t.stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s does not build with TinyGo: %w", e.program, err)
	}
	return nil
}
