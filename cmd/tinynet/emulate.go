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
	"slices"
	"strconv"
	"strings"
)

// emulatedBoard is the board that programs for an emulated processor find, and otherBoard
// is the one that they find with a tag.
const (
	emulatedBoard = "pyportal"
	otherBoard    = "challenger-rp2040"
	otherTag      = "espat"
)

// emulatedTarget is a target of TinyGo's whose programs an emulator runs. Their
// descriptions are in src/_emulated.
type emulatedTarget struct {
	name     string
	about    string
	emulator string
	debian   string   // package that has the emulator
	args     []string // before the program's file; descriptor 3 is the board
	fixed    bool     // the heap is what the machine's RAM leaves
}

var emulatedTargets = []emulatedTarget{
	{name: "emulated", about: "Cortex-M4", emulator: "qemu-arm", debian: "qemu-user"},
	{name: "emulated-m0", about: "Cortex-M0+", emulator: "qemu-arm", debian: "qemu-user"},
	{name: systemTarget, about: "a whole machine: Cortex-M3, 64 KB of RAM", emulator: "qemu-system-arm", debian: "qemu-system-arm", fixed: true,
		args: []string{"-machine", "lm3s6965evb", "-display", "none", "-monitor", "none", "-semihosting",
			"-serial", "stdio", "-chardev", "socket,id=board,fd=3", "-serial", "chardev:board", "-kernel"}},
}

// systemTarget has the board at the other end of a UART, in place of a
// descriptor.
const systemTarget = "lm3s6965evb"

// find returns the emulator's file.
func (e emulatedTarget) find() (string, error) {
	path, err := exec.LookPath(e.emulator)
	if err != nil {
		return "", fmt.Errorf("there is no %s in PATH: install it (Debian and Ubuntu: %s)", e.emulator, e.debian)
	}
	return path, nil
}

// heapVariable tells the program how large its heap is, in bytes.
const heapVariable = "TINYNET_HEAP"

// maxHeap is the largest heap that the targets' linker script leaves room for.
const maxHeap = 1 << 20

var emulateCommand = command{
	name:  "emulate",
	args:  "PACKAGE|FILE",
	short: "build a program with TinyGo and run it on an emulated processor",
	long: "emulate compiles the program PACKAGE, a folder, with TinyGo for a Cortex-M4, and runs\n" +
		"that code under qemu-arm on a simulated board: TinyGo's scheduler, goroutine stacks\n" +
		"and garbage collector are the board's, and the heap is as large as -heap says:\n\n" +
		"  tinynet emulate -heap 24K ./examples/net/tcpecho\n\n" +
		"In place of PACKAGE there can be a FILE that was built before, with whatever flags:\n\n" +
		"  tinynet tinygo build -target emulated -o app.elf ./app\n" +
		"  tinynet emulate app.elf\n\n" +
		"The board is a PyPortal with the pins of its LED and its Wi-Fi chip only, or with\n" +
		"-board challenger-rp2040 that one's UART to its Wi-Fi module; a FILE for it is built\n" +
		"with -tags espat. Time and the console are Linux's. A program that needs more heap or\n" +
		"stack than there is panics, as it does on a board. It has neither arguments nor\n" +
		"environment: strings in the program are set at link time, by\n" +
		"-ldflags=\"-X main.url=http://host:8080/\". All other flags are those of `tinynet run`.\n\n" +
		"With -target emulated-m0 the code is a Cortex-M0+'s. With -target " + systemTarget + " it is a\n" +
		"Cortex-M3's on a whole machine, with interrupts and 64 KB of RAM, under\n" +
		"qemu-system-arm; the board is at the other end of a UART then.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		e := emulation{sim: simulationFlags(flags), target: emulatedTargets[0]}
		flags.Func("target", "TinyGo's `target`: emulated, emulated-m0 or "+systemTarget, func(name string) error {
			i := slices.IndexFunc(emulatedTargets, func(t emulatedTarget) bool { return t.name == name })
			if i < 0 {
				return errors.New("there are emulated, emulated-m0 and " + systemTarget)
			}
			e.target = emulatedTargets[i]
			return nil
		})
		flags.Var(&e.heap, "heap", "`size` of the heap in bytes, or with K in units of 1024; without it 1024K")
		flags.StringVar(&e.stack, "stack-size", "", "`size` of goroutine stacks, as TinyGo's flag of that name")
		flags.StringVar(&e.ldflags, "ldflags", "", "`flags` for the linker, as TinyGo's flag of that name")
		return func(args []string) (int, error) {
			switch {
			case len(args) != 1:
				return 0, usagef("name one program: a package's folder, such as ./app, or a file that was built before")
			case e.sim.spec.Name != emulatedBoard && e.sim.spec.Name != otherBoard:
				return 0, usagef("the boards that can be emulated are %s and %s", emulatedBoard, otherBoard)
			case e.heap > 0 && e.target.fixed:
				return 0, usagef("-heap: the heap of %s is what its RAM leaves", e.target.name)
			}
			e.program = args[0]
			return t.emulate(e)
		}
	},
}

// emulation is what to emulate.
type emulation struct {
	sim            *simFlags
	target         emulatedTarget
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
	qemu, err := e.target.find()
	if err != nil {
		return 0, err
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
		cmd := t.program(qemu, append(slices.Clone(e.target.args), file), onPipe)
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
	args := []string{"build", "-target", e.target.name, "-o", file}
	if e.stack != "" {
		args = append(args, "-stack-size="+e.stack)
	}
	if e.ldflags != "" {
		args = append(args, "-ldflags="+e.ldflags)
	}
	if e.sim.spec.Name == otherBoard {
		args = append(args, "-tags="+otherTag)
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
