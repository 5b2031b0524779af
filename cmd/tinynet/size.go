package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"tinynet/cmd/tinynet/internal/build"
	"tinynet/cmd/tinynet/internal/tinygo"
	"tinynet/sim/board"
)

var sizeCommand = command{
	name:  "size",
	args:  "[PACKAGE…]",
	short: "measure what programs take of a board's flash and RAM",
	long: "size builds programs with TinyGo, each for each target, and prints the flash and RAM\n" +
		"that they take beside what the board has for them (the boot loader's flash is none of\n" +
		"it; the heap gets the RAM that is left), and which packages the flash goes to. PACKAGE\n" +
		"is a folder; without any, the programs are the examples in tinynet's checkout.\n\n" +
		"The sizes are compared with a table, that of the examples unless -table names another.\n" +
		"A program that has grown by more than 2 % since is an error, and the exit code 1.\n" +
		"-update writes the table anew. Sizes of another TinyGo, LLVM or Go than the table's\n" +
		"are not compared. A program that does not fit a board is shown as such; it is no error.\n" +
		"The linker gives up on it before the end, so that its size is a lower bound.\n\n" +
		"Where there is no TinyGo it says so and does nothing.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		s := sizing{}
		targets := flags.String("target", "all", "`boards` to build for, with commas between them")
		http := httpFlag(flags)
		flags.StringVar(&s.table, "table", "", "compare with the table in this `file`")
		flags.BoolVar(&s.update, "update", false, "write what was measured to the table")
		flags.BoolVar(&s.all, "all", false, "list packages of less than 1 KB too")
		return func(args []string) (int, error) {
			var err error
			if s.full, err = isFull(*http); err != nil {
				return 0, err
			}
			if s.boards, err = boardsNamed(*targets); err != nil {
				return 0, err
			}
			if s.update && s.full && s.table == "" {
				return 0, usagef("the examples' table is without -http=full: name another with -table")
			}
			s.packages = args
			return t.size(s)
		}
	},
}

// sizing is what to measure.
type sizing struct {
	boards   []board.Spec
	packages []string
	table    string
	update   bool
	all      bool
	full     bool
}

// boardsNamed returns the boards of a list with commas, or all.
func boardsNamed(list string) (specs []board.Spec, err error) {
	if list == "all" {
		return slices.DeleteFunc(board.All(), func(s board.Spec) bool { return s.Flash == 0 }), nil
	}
	for _, name := range strings.Split(list, ",") {
		spec, ok := board.Lookup(name)
		if !ok {
			return nil, usagef("there is no board %q: see `tinynet boards`", name)
		}
		if spec.Flash == 0 {
			return nil, usagef("%s is no board that TinyGo knows: it has no size", spec.Name)
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// sizesFile is the table of the examples, in the checkout.
const sizesFile = "examples/sizes.txt"

func (t *tool) size(s sizing) (int, error) {
	signals := catchSignals()
	defer signals.stop()
	ctx, cancel := signals.context()
	defer cancel()

	b, err := t.forBoards(s.full)
	if errors.Is(err, tinygo.ErrNone) {
		t.say("skipped: %v", err)
		return exitOK, nil
	}
	if err != nil {
		return 0, err
	}
	compiler := b.compiler.Full
	t.say("TinyGo %s", compiler)
	if len(s.packages) == 0 {
		if s.packages, err = examples(b.checkout); err != nil {
			return 0, err
		}
	}
	file := cmp.Or(s.table, filepath.Join(b.checkout, filepath.FromSlash(sizesFile)))
	table, err := tinygo.ReadTable(file)
	if err != nil {
		return 0, err
	}
	same := table.Compiler == compiler && !(s.full && s.table == "")
	switch {
	case s.update:
		if !same {
			table = &tinygo.Table{Compiler: compiler, Rows: map[tinygo.Program]tinygo.Row{}}
		}
	case s.full && s.table == "":
		t.say("the table of the examples is without -http=full: nothing is compared")
	case table.Compiler != "" && !same:
		t.say("the table is of TinyGo %s: nothing is compared", table.Compiler)
	}

	var grown []string
	for _, spec := range s.boards {
		var sizes []measured
		for _, pkg := range s.packages {
			m, err := b.measure(ctx, spec, pkg)
			if err != nil {
				if out := m.output; out != "" {
					fmt.Fprint(t.stderr, out)
				}
				return 0, err
			}
			if old, ok := table.Rows[m.program]; ok && same {
				m.was = old
				if old.Grown(m.row()) {
					grown = append(grown, fmt.Sprintf("%s for %s: flash %d, was %d; RAM %d, was %d",
						m.program.Name, m.program.Target, m.row().Flash, old.Flash, m.row().RAM, old.RAM))
				}
			}
			if s.update {
				table.Rows[m.program] = m.row()
			}
			sizes = append(sizes, m)
		}
		if err := t.printSizes(spec, sizes, s.all); err != nil {
			return 0, err
		}
		if s.update { // a board at a time: all of them take minutes
			if err := table.Write(file); err != nil {
				return 0, err
			}
		}
	}
	if s.update {
		return exitOK, nil
	}
	for _, g := range grown {
		t.say("grown by more than %d %%: %s", int(tinygo.Growth*100), g)
	}
	if len(grown) > 0 {
		t.say("if it has to be, write the table anew with -update")
		return exitFailure, nil
	}
	return exitOK, nil
}

// examples returns the folders of the checkout's example programs.
func examples(checkout string) ([]string, error) {
	mains, err := filepath.Glob(filepath.Join(checkout, "examples", "*", "*", "main.go"))
	if err != nil {
		return nil, err
	}
	for i, m := range mains {
		mains[i] = filepath.Dir(m)
	}
	return mains, nil
}

// measured is the size of a program for a board.
type measured struct {
	program tinygo.Program
	size    tinygo.Size
	limit   int        // of flash
	was     tinygo.Row // in the table; zero if it is not there
	output  string     // TinyGo's, if it failed
}

// row returns the size as the table has it.
func (m measured) row() tinygo.Row {
	if m.size.Fits() {
		return tinygo.Row{Flash: m.size.Flash, RAM: m.size.RAM}
	}
	return tinygo.Row{Flash: m.limit + m.size.Over.Flash}
}

// measure builds a program and returns its size.
func (b *boardBuilds) measure(ctx context.Context, spec board.Spec, pkg string) (measured, error) {
	dir := pkg
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(b.dir, dir)
	}
	m := measured{program: tinygo.Program{Target: spec.Name, Name: filepath.ToSlash(pkg)}, limit: spec.Flash - spec.Boot}
	if rel, err := filepath.Rel(b.checkout, dir); err == nil && filepath.IsLocal(rel) {
		m.program.Name = filepath.ToSlash(rel)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return m, fmt.Errorf("%w: there is no folder %s", build.ErrNoPackage, pkg)
	}
	tmp, err := os.MkdirTemp("", "tinynet-size-")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(tmp)
	cmd, err := b.command(ctx, []string{"build", "-o", filepath.Join(tmp, "program.elf"), "-size", "full", "-target", spec.Name, dir})
	if err != nil {
		return m, err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if ctx.Err() != nil {
		return m, context.Cause(ctx)
	}
	m.size, _ = tinygo.ParseSize(out.String())
	if err != nil && m.size.Fits() {
		m.output = out.String()
		return m, fmt.Errorf("%s does not build for %s: %w", m.program.Name, spec.Name, err)
	}
	if err == nil {
		m.size, err = tinygo.ParseSize(out.String())
		return m, err
	}
	return m, nil
}

// printSizes prints what was measured for a board.
func (t *tool) printSizes(spec board.Spec, sizes []measured, all bool) error {
	limit := spec.Flash - spec.Boot
	fmt.Fprintf(t.stdout, "%s: %s, %s, %d bytes of flash, %d of RAM\n", spec.Name, spec.Title, spec.MCU, limit, spec.RAM)
	w := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tflash\tof the board\tchange\tstatic RAM\tleft for the heap\t")
	for _, m := range sizes {
		name, row := shortName(m.program.Name), m.row()
		switch {
		case m.size.Over.Flash > 0:
			fmt.Fprintf(w, "%s\t%d\tat least %d too many\t%s\t\t\t\n", name, row.Flash, m.size.Over.Flash, change(m.was.Flash, row.Flash))
		case m.size.Over.RAM > 0:
			fmt.Fprintf(w, "%s\t\t\t\t%d\tat least %d too many\t\n", name, spec.RAM+m.size.Over.RAM, m.size.Over.RAM)
		default:
			fmt.Fprintf(w, "%s\t%d\t%d %%\t%s\t%d\t%d\t\n", name, row.Flash, (100*row.Flash+limit/2)/limit,
				change(m.was.Flash, row.Flash), row.RAM, spec.RAM-row.RAM)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return t.printPackages(sizes, all)
}

// change returns by how much a size has changed, empty if it was not known.
func change(was, is int) string {
	if was == 0 {
		return ""
	}
	return fmt.Sprintf("%+.1f %%", 100*float64(is-was)/float64(was))
}

func shortName(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// small is below what flash a package is one of many.
const small = 1 << 10

// printPackages prints where the flash goes: a line for each package, the
// biggest first, and a column for each program that fits.
func (t *tool) printPackages(sizes []measured, all bool) error {
	sizes = slices.DeleteFunc(slices.Clone(sizes), func(m measured) bool { return !m.size.Fits() })
	if len(sizes) == 0 {
		_, err := fmt.Fprintln(t.stdout)
		return err
	}
	type line struct {
		name  string
		flash []int
		most  int
	}
	lines := map[string]*line{}
	at := func(name string) *line {
		if lines[name] == nil {
			lines[name] = &line{name: name, flash: make([]int, len(sizes))}
		}
		return lines[name]
	}
	for i, m := range sizes {
		for _, p := range m.size.Packages {
			l := at(p.Package)
			l.flash[i] += p.Flash
			l.most = max(l.most, p.Flash)
		}
	}
	others := &line{name: "others", flash: make([]int, len(sizes))}
	var sorted []*line
	for _, l := range lines {
		if l.most >= small || all && l.most > 0 {
			sorted = append(sorted, l)
			continue
		}
		for i, n := range l.flash {
			others.flash[i] += n
		}
	}
	slices.SortFunc(sorted, func(a, b *line) int { return cmp.Or(b.most-a.most, strings.Compare(a.name, b.name)) })
	if !all {
		sorted = append(sorted, others)
	}
	w := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "flash by package\t")
	for _, m := range sizes {
		fmt.Fprintf(w, "%s\t", shortName(m.program.Name))
	}
	fmt.Fprintln(w)
	for _, l := range sorted {
		fmt.Fprintf(w, "%s\t", l.name)
		for _, n := range l.flash {
			if n == 0 {
				fmt.Fprint(w, "\t")
				continue
			}
			fmt.Fprintf(w, "%d\t", n)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	return w.Flush()
}
