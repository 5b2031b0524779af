package main

import (
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"

	"tinynet/cmd/tinynet/internal/overlay"
	"tinynet/sim/board"
)

// hostBoard stands for this machine without a simulated board: net works on
// its own network.
var hostBoard = board.Spec{Name: "host", Tags: []string{"tinynet_host"}}

// netdevOf returns the device that net has from the start in a program for a
// board.
func netdevOf(spec board.Spec) string {
	if spec.Name == hostBoard.Name {
		return overlay.NetdevHostnet
	}
	return overlay.NetdevNone
}

var boardsCommand = command{
	name:  "boards",
	short: "list the boards that can be simulated",
	long:  "boards lists the boards that can be simulated, by the names that the flag -board\ntakes. They are those of TinyGo's flag -target; espat, which is a board of no\nparticular kind with an ESP-AT module, simulated or, with -serial, real; and host, which\nis this machine's own network without a board.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		return func(args []string) (int, error) {
			if len(args) > 0 {
				return 0, usagef("boards takes no arguments")
			}
			w := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', 0)
			for _, s := range board.All() {
				if s.Flash == 0 {
					fmt.Fprintf(w, "%s\t%s\t\t\t\t%s\n", s.Name, s.Title, s.Chip)
					continue
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s flash\t%s RAM\t%s\n", s.Name, s.Title, s.MCU, size(s.Flash), size(s.RAM), s.Chip)
			}
			fmt.Fprintf(w, "%s\tthis machine's own network, no board\n", hostBoard.Name)
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
	if name == hostBoard.Name {
		spec, ok = hostBoard, true
	}
	if !ok {
		var names []string
		for _, s := range board.All() {
			names = append(names, s.Name)
		}
		names = append(names, hostBoard.Name)
		return fmt.Errorf("there is no such board, only: %s", strings.Join(names, ", "))
	}
	*b = boardValue(spec)
	return nil
}
