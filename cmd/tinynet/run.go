package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"tinynet/sim/board"
)

// boardVariable is where package machine looks for the program's board.
const boardVariable = "TINYNET_BOARD"

// noBoard is that variable for a program that has none. Package machine shows
// it when the program looks for one.
const noBoard = boardVariable + "=none, since -board host has no pins"

var runCommand = command{
	name:  "run",
	args:  "PACKAGE [arguments…]",
	short: "build a program and run it on a simulated board",
	long: "run compiles the program PACKAGE for the board and runs it on a simulated one. The\n" +
		"program's input, output and exit code are its own; what the tool says about the\n" +
		"board goes to stderr. Ctrl-C ends the program.\n\n" +
		"  tinynet run ./examples/net/webserver\n\n" +
		"PACKAGE is a folder (./app), an import path or Go files, as for `go run`; it may be in\n" +
		"any module. Packages tinynet/… and machine are found without a line in its go.mod.\n\n" +
		"The board is 10.0.0.2. From there this machine is 10.0.0.1, name host: a server on\n" +
		"127.0.0.1:8080 is http://host:8080/. A TCP port that the program listens on appears\n" +
		"on 127.0.0.1, at the same number from 1024 on, at 8000 and the number below, or\n" +
		"where -p says.\n\n" +
		"With -board espat -serial PORT the program talks to a real ESP-AT module on a serial\n" +
		"port of this machine, and through that to the real network; or to `tinynet sim espat`.\n" +
		"The port has the speed that the program asks for, 8 data bits, no parity and one stop\n" +
		"bit. Its RTS and CTS are not used: leave espat.Config.FlowControl off.\n\n" +
		"With -board host there is no simulated board: net works on this machine's own\n" +
		"network from the start, and probe.Probe (tinynet/netlink/probe) returns that, always\n" +
		"connected. A program that makes a driver itself, as by wifinina.New, or uses pins\n" +
		"ends with an error.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		sim := simulationFlags(flags)
		return func(args []string) (int, error) {
			pkg, rest, err := packageArgs(args)
			if err == nil {
				err = sim.check(flags)
			}
			if err != nil {
				return 0, err
			}
			return t.run(sim, pkg, rest)
		}
	},
}

func (t *tool) run(flags *simFlags, pkg, args []string) (int, error) {
	signals := catchSignals()
	defer signals.stop()

	dir, err := os.MkdirTemp(os.Getenv("GOTMPDIR"), "tinynet-run-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)

	file := filepath.Join(dir, programName(pkg, t.dir))
	build := func() error {
		ctx, cancel := signals.context()
		defer cancel()
		return t.build(ctx, *flags.spec, pkg, file)
	}
	if flags.spec.Name == hostBoard.Name {
		if err := build(); err != nil {
			return 0, err
		}
		return t.startOnHost(signals, file, args)
	}

	return t.runOnBoard(signals, flags, build, func() *exec.Cmd { return t.program(file, args, onPipe) })
}

// runOnBoard builds a program and runs it on a board of its own.
func (t *tool) runOnBoard(signals signals, flags *simFlags, build func() error, program func() *exec.Cmd) (int, error) {
	// The board comes first, since what is wrong with it shows at once; what
	// it says waits until the program is there.
	t.hold()
	var ended atomic.Bool
	running := make(chan *os.Process, 1)
	sim, err := t.simulate(flags, func(line string) {
		ended.Store(true)
		go func() {
			p := <-running
			t.say("%s; the program goes on trying in vain and is ended", line)
			p.Kill()
		}()
	})
	if err != nil {
		return 0, err
	}
	defer sim.Close()
	if err := build(); err != nil {
		return 0, err
	}
	t.release()
	code, err := t.startOnBoard(sim, program(), func(p *os.Process) (stop func()) {
		running <- p
		return signals.forward(p)
	})
	if ended.Load() && err == nil {
		code = 1
	}
	return code, err
}

// onPipe is what tells a program that its board is at the other end of the
// first descriptor that it inherits.
const onPipe = boardVariable + "=fd:3"

// startOnBoard runs a command on a board and returns its exit code. started is
// called when it runs, and what that returned when it has ended.
func (t *tool) startOnBoard(sim *simulation, cmd *exec.Cmd, started func(*os.Process) (stop func())) (int, error) {
	ours, theirs, err := board.Pair()
	if err != nil {
		return 0, err
	}
	cmd.ExtraFiles = []*os.File{theirs}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		ours.Close()
		return 0, err
	}
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ours) }()
	stop := started(cmd.Process)
	err = cmd.Wait()
	stop()
	// The board reads the last that the program has written, to the end, which
	// never comes if the program has left the descriptor to others.
	late := time.AfterFunc(time.Second, func() { ours.Close() })
	defer late.Stop()
	defer ours.Close()
	if err := <-served; err != nil && !errors.Is(err, board.ErrClosed) {
		t.say("%v", err)
	}
	return exited(cmd, err)
}

// startOnHost runs a built program without a board.
func (t *tool) startOnHost(signals signals, file string, args []string) (int, error) {
	cmd := t.program(file, args, noBoard)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	stop := signals.forward(cmd.Process)
	err := cmd.Wait()
	stop()
	return exited(cmd, err)
}

// program returns a command that runs a built program. board is the
// environment variable that names its board.
func (t *tool) program(file string, args []string, board string) *exec.Cmd {
	cmd := exec.Command(file, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.stdin, t.stdout, t.stderr
	cmd.Env = append(t.environ[:len(t.environ):len(t.environ)], board)
	return cmd
}

// exited returns the exit code of a command for which Wait returned err.
func exited(cmd *exec.Cmd, err error) (int, error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return exitCode(cmd.ProcessState), nil
}

// programName returns the name that `go build` would give to the program.
func programName(pkg []string, dir string) string {
	name := pkg[0]
	if strings.HasSuffix(name, ".go") {
		name = strings.TrimSuffix(name, ".go")
	} else if name == "." || name == ".." || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		name = filepath.Join(dir, name)
	}
	name = path.Base(filepath.ToSlash(name))
	if name == "/" || name == "." {
		name = "program"
	}
	return name
}
