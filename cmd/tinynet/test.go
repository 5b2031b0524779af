package main

import (
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"tinynet/cmd/tinynet/internal/build"
)

var testCommand = command{
	name:  "test",
	args:  "[go test flags] [PACKAGE…] [-args arguments…]",
	short: "run the tests of your packages on simulated boards",
	long: "test runs `go test` of packages, ./... for example, on tinynet's net. Flags that are\n" +
		"not listed below are go test's: -run, -v, -race, -count, -bench … What the test\n" +
		"itself should get goes behind -args.\n\n" +
		"  tinynet test -race -run TestServer ./...\n\n" +
		"The tests of each package run on a simulated board of their own, which the tests\n" +
		"connect as a program does: in TestMain or in a test by probe.Probe (tinynet/netlink/\n" +
		"probe) or wifinina.New, and NetConnect. Until then net has its loopback. The board is\n" +
		"in the network that `tinynet help run` describes. Go test prints what the board says\n" +
		"together with what the test prints.\n\n" +
		"With -board espat -serial PORT that is a real module: one package is tested after the\n" +
		"other.\n\n" +
		"With -board host net works on this machine's own network from the start, without a\n" +
		"board and without pins, and probe.Probe returns that network.\n\n" +
		"Results are not cached, since they depend on the board too: -count=1 is the default.\n" +
		"For GOROOT's own packages: `tinynet help test std`.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		sim := testFlags(flags)
		return func(args []string) (int, error) { return t.test(sim, flags, args) }
	},
	split: splitTestArgs,
}

// onBoardCommand is what go test runs test binaries by.
var onBoardCommand = command{
	name:   "on-board",
	args:   "FILE [arguments…]",
	short:  "run a built program on a simulated board",
	long:   "on-board is for `tinynet test`.",
	hidden: true,
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		sim := testFlags(flags)
		return func(args []string) (int, error) {
			if len(args) == 0 {
				return 0, usagef("name the program's file")
			}
			return t.onBoard(sim, args[0], args[1:])
		}
	},
}

// testFlags defines the flags of simulationFlags whose names go test does not
// have.
func testFlags(flags *flag.FlagSet) *simFlags {
	all := flag.NewFlagSet("", flag.ContinueOnError)
	f := simulationFlags(all)
	all.VisitAll(func(given *flag.Flag) {
		if given.Name != "p" && given.Name != "v" {
			flags.Var(given.Value, given.Name, given.Usage)
		}
	})
	return f
}

// goTestSwitches are go test's flags that take no value. All others do.
var goTestSwitches = []string{
	"a", "artifacts", "asan", "benchmem", "buildvcs", "c", "cover", "failfast", "fullpath", "json", "linkshared",
	"modcacherw", "msan", "n", "race", "short", "trimpath", "v", "work", "x",
}

// goTestValues are go test's flags that take a value.
var goTestValues = []string{
	"asmflags", "bench", "benchtime", "blockprofile", "blockprofilerate", "buildmode", "compiler", "count", "covermode",
	"coverpkg", "coverprofile", "cpu", "cpuprofile", "fuzz", "fuzzminimizetime", "fuzztime", "gccgoflags", "gcflags",
	"installsuffix", "ldflags", "list", "memprofile", "memprofilerate", "mutexprofile", "mutexprofilefraction", "o",
	"outputdir", "p", "parallel", "pgo", "pkgdir", "run", "shuffle", "skip", "tags", "test", "timeout", "toolexec", "trace",
	"vet",
}

// splitTestArgs puts the tool's own flags first, then "--", then what is go
// test's: flags and packages may come in any order.
func splitTestArgs(flags *flag.FlagSet, args []string) ([]string, error) {
	var own, rest []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "-args" || arg == "--args" {
			rest = append(rest, args[i:]...)
			break
		}
		name, _, assigned := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		name = strings.TrimPrefix(name, "test.")
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			rest = append(rest, arg)
			continue
		}
		list := &rest
		value := false // the next argument is the flag's
		switch f := flags.Lookup(name); {
		case name == "h" || name == "help":
			list = &own
		case f != nil:
			list = &own
			b, ok := f.Value.(interface{ IsBoolFlag() bool })
			value = !ok || !b.IsBoolFlag()
		case name == "exec" || name == "overlay" || name == "C" || name == "mod" || name == "modfile":
			return nil, usagef("-%s cannot be given: tinynet sets up the build itself", name)
		case slices.Contains(goTestSwitches, name):
		case slices.Contains(goTestValues, name):
			value = true
		default:
			return nil, usagef("go test has no flag -%s: what is for the test itself goes behind -args", name)
		}
		*list = append(*list, arg)
		if value && !assigned {
			if i++; i == len(args) {
				return nil, usagef("flag needs an argument: -%s", name)
			}
			*list = append(*list, args[i])
		}
	}
	return append(append(own, "--"), rest...), nil
}

// test runs go test. args are flags of go test's and packages, in any order,
// and -args with what follows it.
func (t *tool) test(sim *simFlags, flags *flag.FlagSet, args []string) (int, error) {
	if err := sim.check(flags); err != nil {
		return 0, err
	}
	if sim.ssid == "" && sim.passphrase != "" {
		return 0, usagef("-pass needs -ssid")
	}
	cfg := build.TestConfig{}
	var tags []string
	counted := false
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "-args" || arg == "--args" {
			cfg.Args = args[i:]
			break
		}
		if !strings.HasPrefix(arg, "-") {
			cfg.Package = append(cfg.Package, arg)
			continue
		}
		name, value, assigned := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		name = strings.TrimPrefix(name, "test.")
		given := []string{arg}
		if !assigned && slices.Contains(goTestValues, name) {
			i++
			value = args[i]
			given = append(given, value)
		}
		counted = counted || name == "count"
		if name == "tags" {
			tags = strings.Split(value, ",")
			continue
		}
		cfg.Flags = append(cfg.Flags, given...)
	}
	if len(cfg.Package) == 0 {
		cfg.Package = []string{"."}
	}
	if !counted {
		cfg.Flags = append(cfg.Flags, "-count=1")
	}
	if sim.serial != "" {
		// There is one module for all packages.
		cfg.Flags = append(cfg.Flags, "-p=1")
	}
	if sim.spec.Name != hostBoard.Name {
		exe, err := os.Executable()
		if err != nil {
			return 0, err
		}
		wrapper := []string{exe, onBoardCommand.name}
		flags.Visit(func(f *flag.Flag) {
			for _, v := range flagValues(f) {
				wrapper = append(wrapper, "-"+f.Name+"="+v)
			}
		})
		for i, w := range wrapper {
			wrapper[i] = quote(w)
		}
		cfg.Flags = append(cfg.Flags, "-exec="+strings.Join(wrapper, " "))
	}
	root, cacheDir, err := t.places()
	if err != nil {
		return 0, err
	}
	cfg.Config = build.Config{
		Dir:     t.dir,
		Package: cfg.Package,
		Tags:    slices.Concat(sim.spec.Tags, tags),
		Netdev:  netdevOf(*sim.spec),
		Root:    root,
		Cache:   cacheDir,
		Environ: t.environ,
		Stderr:  t.stderr,
	}
	if sim.spec.Name == hostBoard.Name {
		cfg.Environ = append(t.environ[:len(t.environ):len(t.environ)], noBoard)
	}
	signals := catchSignals()
	defer signals.stop()
	ctx, cancel := signals.context()
	cmd, err := build.Test(ctx, cfg)
	if err != nil {
		cancel()
		return 0, err
	}
	// From here on signals are go's: it waits for its tests, and says why.
	cancel()
	return t.handOver(signals, uncanceled(cmd))
}

// handOver runs a command that has the terminal, and the signals, from now on.
func (t *tool) handOver(signals signals, cmd *exec.Cmd) (int, error) {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.stdin, t.stdout, t.stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	stop := signals.forward(cmd.Process)
	err := cmd.Wait()
	stop()
	return exited(cmd, err)
}

// uncanceled returns the command without its context.
func uncanceled(cmd *exec.Cmd) *exec.Cmd {
	return &exec.Cmd{Path: cmd.Path, Args: cmd.Args, Dir: cmd.Dir, Env: cmd.Env}
}

// onBoard runs a test binary on a board of its own.
func (t *tool) onBoard(flags *simFlags, file string, args []string) (int, error) {
	signals := catchSignals()
	defer signals.stop()
	sim, err := t.simulate(flags, nil)
	if err != nil {
		return 0, err
	}
	defer sim.Close()
	return t.startOnBoard(sim, t.program(file, args, onPipe), func(p *os.Process) (stop func()) {
		// Go sends them to this process alone, when the time is over.
		return signals.do(func(sig syscall.Signal) { p.Signal(sig) })
	})
}

// flagValues returns what a flag has been given, to be given again.
func flagValues(f *flag.Flag) []string {
	switch v := f.Value.(type) {
	case *apsValue:
		var list []string
		for _, ap := range *v {
			list = append(list, ap.SSID+":"+ap.Passphrase) // as it is without a passphrase, too
		}
		return list
	case *faultsValue:
		return v.given
	case hostsValue:
		return strings.Fields(v.String())
	case *portsValue:
		return strings.Fields(v.String())
	}
	return []string{f.Value.String()}
}

// quote quotes a word for go's flag -exec, which knows quotes of either kind
// but no way to write both in one word.
func quote(word string) string {
	if !strings.ContainsAny(word, " \t\r\n'\"") {
		return word
	}
	if strings.Contains(word, "'") {
		return `"` + word + `"`
	}
	return "'" + word + "'"
}
