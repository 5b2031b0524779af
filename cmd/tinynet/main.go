// Command tinynet builds unmodified network programs on tinynet's net and runs
// them on simulated boards. `tinynet help` says more.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"

	"tinynet/cmd/tinynet/internal/build"
	"tinynet/cmd/tinynet/internal/cache"
	"tinynet/cmd/tinynet/internal/checkout"
)

// Exit codes of the tool where they are not the program's own.
const (
	exitOK      = 0
	exitFailure = 1 // it could not be done
	exitUsage   = 2 // the command line is wrong
)

func main() {
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tinynet:", err)
		os.Exit(exitFailure)
	}
	t := &tool{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, dir: dir, environ: os.Environ()}
	os.Exit(t.main(os.Args[1:]))
}

// tool is the tool's surroundings.
type tool struct {
	stdin   *os.File
	stdout  io.Writer
	stderr  io.Writer
	dir     string   // current folder
	environ []string // environment

	mu   sync.Mutex
	held bool     // lines wait
	wait []string // those lines
}

// command is one of the tool's commands.
type command struct {
	name  string
	args  string // what follows the name in the usage line
	short string // one line of `tinynet help`
	long  string // text of `tinynet help NAME`, before the flags

	// setup defines the command's flags and returns what runs it with the
	// arguments that are left; that returns an exit code if there is no error.
	setup func(t *tool, flags *flag.FlagSet) func(args []string) (int, error)

	// split, if it is not nil, rewrites the arguments so that those which are
	// no flags of the command's come behind "--".
	split func(flags *flag.FlagSet, args []string) ([]string, error)

	hidden bool // in the list of commands
}

// commands returns the commands in the order of `tinynet help`.
func commands() []command {
	return []command{runCommand, buildCommand, testCommand, testStdCommand,
		tinygoCommand, sizeCommand, emulateCommand, attachCommand, simESPATCommand, overlayCommand, boardsCommand, versionCommand, onBoardCommand}
}

// usageError is a mistake in the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

func usagef(format string, arg ...any) error { return usageError(fmt.Sprintf(format, arg...)) }

// main runs a command line and returns the exit code.
func (t *tool) main(args []string) int {
	if len(args) == 0 {
		t.printHelp(t.stderr)
		return exitUsage
	}
	name, args := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		return t.help(args)
	}
	// A command of two words, such as test std.
	if len(args) > 0 {
		if _, ok := find(name + " " + args[0]); ok {
			name, args = name+" "+args[0], args[1:]
		}
	}
	cmd, ok := find(name)
	if !ok {
		t.say("unknown command %q: see `tinynet help`", name)
		return exitUsage
	}
	flags := newFlags(cmd)
	run := cmd.setup(t, flags)
	var err error
	if cmd.split != nil {
		args, err = cmd.split(flags, args)
	}
	if err == nil {
		err = flags.Parse(args)
	}
	if errors.Is(err, flag.ErrHelp) {
		t.printCommandHelp(t.stdout, cmd)
		return exitOK
	}
	code := exitOK
	if err != nil {
		err = usageError(err.Error())
	} else {
		code, err = run(flags.Args())
	}
	var usage usageError
	var caught signalError
	switch {
	case err == nil:
		return code
	case errors.As(err, &usage):
		t.say("%v (see `tinynet help %s`)", err, cmd.name)
		return exitUsage
	case errors.Is(err, build.ErrReported):
		return exitFailure
	case errors.As(err, &caught):
		return caught.exitCode()
	}
	t.say("%v", err)
	return exitFailure
}

func find(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

func newFlags(cmd command) *flag.FlagSet {
	flags := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// say prints a line of the tool's own. They all go to stderr: stdout is the
// program's.
func (t *tool) say(format string, arg ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.stderr, "tinynet: "+format+"\n", arg...)
}

// note is say for what is said of the board, which hold puts off.
func (t *tool) note(format string, arg ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("tinynet: "+format+"\n", arg...)
	if t.held {
		t.wait = append(t.wait, line)
		return
	}
	io.WriteString(t.stderr, line)
}

// hold keeps notes back until release.
func (t *tool) hold() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = true
}

func (t *tool) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range t.wait {
		io.WriteString(t.stderr, line)
	}
	t.held, t.wait = false, nil
}

// places returns the checkout's folder and that for what is generated.
func (t *tool) places() (root, cacheDir string, err error) {
	if root, err = checkout.Find(t.dir); err != nil {
		return "", "", err
	}
	if cacheDir, err = cache.Dir(); err != nil {
		return "", "", err
	}
	return root, cacheDir, nil
}
