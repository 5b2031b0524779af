package main

import (
	"flag"
	"slices"
	"strings"
	"time"

	"tinynet/cmd/tinynet/internal/toolchain"
	"tinynet/cmd/tinynet/internal/upstream"
)

var testStdCommand = command{
	name:  "test std",
	args:  "[PACKAGE…]",
	short: "run the Go installation's own tests on tinynet's net",
	long: "test std runs the tests of the Go installation's own packages on tinynet's net, and\n" +
		"prints what passes, fails and skips itself beside what does on Go's own net. Without\n" +
		"PACKAGE those are net and the packages that stand on it:\n\n" +
		"  " + wrap(upstream.Packages(), "\n  ") + "\n\n" +
		"pass, fail and skip count tests, examples and the seeds of fuzz targets, not their\n" +
		"subtests, which have a column of their own (pass/fail/skip), as stock, which is Go's\n" +
		"own net, has. Go's own results are kept in the cache folder for each version of Go.\n" +
		"Tests run with -short, from a module with the toolchain's own go line.\n\n" +
		"The list cmd/tinynet/internal/upstream/known.txt names each test that is left out or\n" +
		"cannot pass, and why. The exit code is 1 if a test fails, skips itself or does not\n" +
		"run that passes on Go's own net and is not on the list for this netdev.\n\n" +
		"hostnet has this machine's sockets; plain is hostnet without the optional methods of\n" +
		"a netdev; with loopback the tests meet in memory.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		cfg := upstream.Config{}
		netdevs := upstream.Netdevs()
		flags.StringVar(&cfg.Netdev, "netdev", netdevs[0], "the `device` that net works on: "+strings.Join(netdevs, ", "))
		flags.BoolVar(&cfg.Race, "race", false, "with the race detector")
		flags.StringVar(&cfg.Run, "run", "", "only the tests that match `regexp`, as go test's flag")
		flags.DurationVar(&cfg.Timeout, "timeout", 5*time.Minute, "end a package's tests after this `time`")
		flags.BoolVar(&cfg.Verbose, "v", false, "show what tests print that should pass and do not")
		flags.BoolVar(&cfg.Fresh, "fresh", false, "run Go's own net again, even if its results are known")
		nostock := flags.Bool("nostock", false, "do not compare with Go's own net")
		return func(args []string) (int, error) {
			if !slices.Contains(netdevs, cfg.Netdev) {
				return 0, usagef("there is no netdev %q, only: %s", cfg.Netdev, strings.Join(netdevs, ", "))
			}
			for _, arg := range args {
				if strings.HasPrefix(arg, "-") {
					return 0, usagef("%s: flags go before the packages", arg)
				}
			}
			cfg.Packages = args
			if len(args) == 0 {
				cfg.Packages = upstream.Packages()
			}
			cfg.Stock = !*nostock
			return exitOK, t.testStd(cfg)
		}
	},
}

func (t *tool) testStd(cfg upstream.Config) (err error) {
	if cfg.Root, cfg.Cache, err = t.places(); err != nil {
		return err
	}
	if cfg.Env, err = toolchain.Find(t.dir, t.environ); err != nil {
		return err
	}
	if err := cfg.Env.Check(""); err != nil {
		return err
	}
	cfg.Stdout, cfg.Say = t.stdout, t.say
	signals := catchSignals()
	defer signals.stop()
	ctx, cancel := signals.context()
	defer cancel()
	return upstream.Run(ctx, cfg)
}

// wrap joins words by spaces, and by sep where a line would be too long.
func wrap(words []string, sep string) string {
	text, line := "", 0
	for i, w := range words {
		switch {
		case i == 0:
		case line+len(w) > 76:
			text, line = text+sep, 0
		default:
			text, line = text+" ", line+1
		}
		text, line = text+w, line+len(w)
	}
	return text
}
