package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

const about = `tinynet builds unmodified network programs for boards with a Wi-Fi
co-processor and runs them on this machine, on a simulated board.

usage: tinynet COMMAND [flags] [arguments]

`

const aboutMore = "\n`tinynet help COMMAND` says more about a command.\n"

func (t *tool) help(args []string) int {
	if len(args) == 2 {
		// A command of two words, if there is such a one.
		if _, ok := find(args[0] + " " + args[1]); ok {
			args = []string{args[0] + " " + args[1]}
		}
	}
	switch len(args) {
	case 0:
		t.printHelp(t.stdout)
		return exitOK
	case 1:
		if cmd, ok := find(args[0]); ok {
			t.printCommandHelp(t.stdout, cmd)
			return exitOK
		}
		if args[0] == "help" {
			t.printHelp(t.stdout)
			return exitOK
		}
		t.say("unknown command %q: see `tinynet help`", args[0])
		return exitUsage
	}
	t.say("help takes the name of one command: see `tinynet help`")
	return exitUsage
}

func (t *tool) printHelp(w io.Writer) {
	fmt.Fprint(w, about)
	for _, c := range commands() {
		if c.hidden {
			continue
		}
		fmt.Fprintf(w, "  %-8s  %s\n", c.name, c.short)
	}
	fmt.Fprint(w, aboutMore)
}

func (t *tool) printCommandHelp(w io.Writer, cmd command) {
	flags := newFlags(cmd)
	cmd.setup(t, flags)
	line := "usage: tinynet " + cmd.name
	any := false
	flags.VisitAll(func(*flag.Flag) { any = true })
	if any {
		line += " [flags]"
	}
	if cmd.args != "" {
		line += " " + cmd.args
	}
	fmt.Fprintf(w, "%s\n\n%s\n", line, strings.TrimSpace(cmd.long))
	if !any {
		return
	}
	fmt.Fprint(w, "\nflags:\n")
	flags.VisitAll(func(f *flag.Flag) {
		name, usage := flag.UnquoteUsage(f)
		if name != "" {
			name = " " + name
		}
		if f.DefValue != "" && f.DefValue != "false" {
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		fmt.Fprintf(w, "  -%s%s\n    \t%s\n", f.Name, name, strings.ReplaceAll(usage, "\n", "\n    \t"))
	})
}
