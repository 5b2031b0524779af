package main

import (
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"

	"tinynet/sim/board"
)

var boardsCommand = command{
	name:  "boards",
	short: "list the boards that can be simulated",
	long:  "boards lists the boards that can be simulated, by the names that the flag -board\ntakes. They are those of TinyGo's flag -target.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		return func(args []string) (int, error) {
			if len(args) > 0 {
				return 0, usagef("boards takes no arguments")
			}
			w := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', 0)
			for _, s := range board.All() {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s flash\t%s RAM\t%s\n", s.Name, s.Title, s.MCU, size(s.Flash), size(s.RAM), s.Chip)
			}
			return exitOK, w.Flush()
		}
	},
}

// size writes a number of bytes as KB or MB.
func size(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d KB", n>>10)
}

// boardFlag defines the flag -board.
func boardFlag(flags *flag.FlagSet) *board.Spec {
	spec := board.All()[0]
	flags.Var((*boardValue)(&spec), "board", "build for the board of this `name`, one of `tinynet boards`")
	return &spec
}

// boardValue is a board as a flag.
type boardValue board.Spec

func (b *boardValue) String() string { return b.Name }

func (b *boardValue) Set(name string) error {
	spec, ok := board.Lookup(name)
	if !ok {
		var names []string
		for _, s := range board.All() {
			names = append(names, s.Name)
		}
		return fmt.Errorf("there is no such board, only: %s", strings.Join(names, ", "))
	}
	*b = boardValue(spec)
	return nil
}
