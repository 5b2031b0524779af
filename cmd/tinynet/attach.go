package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"tinynet/sim/board"
)

var attachCommand = command{
	name:  "attach",
	short: "simulate a board for a program that something else starts",
	long: "attach starts a simulated board and waits for programs that `tinynet build` made, one\n" +
		"after another, until Ctrl-C. So a debugger can start them:\n\n" +
		"  tinynet attach                      # in one terminal\n" +
		"  tinynet build -o app.out ./app      # in another one\n" +
		"  ./app.out\n\n" +
		"A program finds the board by itself, or by the variable TINYNET_BOARD=unix:PATH if\n" +
		"the flag -socket was given.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		sim := simulationFlags(flags)
		socket := flags.String("socket", "", "`path` of the socket on which to wait")
		return func(args []string) (int, error) {
			if len(args) > 0 {
				return 0, usagef("attach takes no package: start the program by hand")
			}
			if sim.spec.Name == hostBoard.Name {
				return 0, usagef("there is nothing to attach to: a program for -board host needs no board")
			}
			if err := sim.check(flags); err != nil {
				return 0, err
			}
			return exitOK, t.attach(sim, *socket)
		}
	},
}

func (t *tool) attach(flags *simFlags, socket string) error {
	signals := catchSignals()
	defer signals.stop()

	var programs sync.WaitGroup
	defer programs.Wait()
	sim, err := t.simulate(flags, nil)
	if err != nil {
		return err
	}
	defer sim.Close() // ends the programs
	variable := ""
	if socket == "" {
		if socket, err = defaultSocket(); err != nil {
			return err
		}
	} else {
		if socket, err = filepath.Abs(socket); err != nil {
			return err
		}
		variable = boardVariable + "=unix:" + socket + " "
	}
	listener, err := listen(socket)
	if err != nil {
		return err
	}
	t.say("waiting for a program: tinynet build -board %s -o app.out PACKAGE && %s./app.out", flags.spec.Name, variable)
	stop := signals.do(func(syscall.Signal) { listener.Close() })
	defer stop()

	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		programs.Go(func() {
			t.say("a program is there")
			err := sim.Serve(conn)
			if err != nil && !errors.Is(err, board.ErrClosed) {
				t.say("%v", err)
				return
			}
			t.say("the program is gone")
		})
	}
}

// defaultSocket returns the path at which programs look for a board by
// themselves. Its folder is the user's alone.
func defaultSocket() (string, error) {
	dir := filepath.Join(os.TempDir(), "tinynet-"+strconv.Itoa(os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	if err := checkPrivate(dir); err != nil {
		return "", fmt.Errorf("%w: remove it, or use -socket", err)
	}
	return filepath.Join(dir, "board.sock"), nil
}

// listen listens on a unix socket. One that a killed tool left there goes.
func listen(path string) (net.Listener, error) {
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("%s exists and is no socket: name another path", path)
	}
	if err == nil {
		if conn, err := net.Dial("unix", path); err == nil {
			conn.Close()
			return nil, fmt.Errorf("another tinynet waits on %s: stop it, or name another path", path)
		}
		os.Remove(path)
	}
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EINVAL) {
		return nil, fmt.Errorf("%s is too long for the path of a socket: name a shorter one", path)
	}
	if err != nil {
		return nil, err
	}
	// Others could drive the board, and through it reach the user's network.
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}
