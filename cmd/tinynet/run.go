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

	"tinynet/sim/board"
)

// boardVariable is where package machine looks for the program's board.
const boardVariable = "TINYNET_BOARD"

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
		"where -p says.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		sim := simulationFlags(flags)
		return func(args []string) (int, error) {
			pkg, rest, err := packageArgs(args)
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

	// The board comes first, since what is wrong with it shows at once; what
	// it says waits until the program is there.
	t.hold()
	var ended atomic.Bool
	program := make(chan *os.Process, 1)
	sim, err := t.simulate(flags, func(line string) {
		ended.Store(true)
		go func() {
			p := <-program
			t.say("%s; the program goes on trying in vain and is ended", line)
			p.Kill()
		}()
	})
	if err != nil {
		return 0, err
	}
	defer sim.Close()
	file := filepath.Join(dir, programName(pkg, t.dir))
	ctx, cancel := signals.context()
	err = t.build(ctx, *flags.spec, pkg, file)
	cancel()
	if err != nil {
		return 0, err
	}
	t.release()

	ours, theirs, err := board.Pair()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(file, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.stdin, t.stdout, t.stderr
	cmd.Env = append(t.environ[:len(t.environ):len(t.environ)], boardVariable+"=fd:3")
	cmd.ExtraFiles = []*os.File{theirs}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		ours.Close()
		return 0, err
	}
	program <- cmd.Process
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ours) }()
	unforward := signals.forward(cmd.Process)
	err = cmd.Wait()
	unforward()
	// A program that started others may have left them the descriptor.
	ours.Close()
	if err := <-served; err != nil && !errors.Is(err, board.ErrClosed) {
		t.say("%v", err)
	}
	if ended.Load() {
		return 1, nil
	}
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
