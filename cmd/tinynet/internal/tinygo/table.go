package tinygo

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Table is a list of sizes that programs had: a file that is kept with them.
type Table struct {
	// Compiler is what they were built with: the sizes hold for it only.
	Compiler string
	Rows     map[Program]Row
}

// Program is a program on a board.
type Program struct{ Target, Name string }

// Row is a program's size, in bytes. RAM is 0, and
// Flash a lower bound, if it does not fit its board.
type Row struct{ Flash, RAM int }

// compilerMark begins the line with Table.Compiler.
const compilerMark = "# TinyGo "

const tableHead = "# Bytes of flash and static RAM that programs take: `tinynet size -update` writes\n# this file, and `tinynet size` compares with it. RAM is 0 where the flash is\n# too small: its size is a lower bound then.\n"

// ReadTable reads a table. One that does not exist is empty.
func ReadTable(file string) (*Table, error) {
	t := &Table{Rows: map[Program]Row{}}
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if compiler, ok := strings.CutPrefix(line, compilerMark); ok {
			t.Compiler = compiler
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var p Program
		var r Row
		if _, err := fmt.Sscan(line, &p.Target, &p.Name, &r.Flash, &r.RAM); err != nil || r.Flash <= 0 || r.RAM < 0 {
			return nil, fmt.Errorf("%s:%d: %q is no row of sizes", file, n, line)
		}
		t.Rows[p] = r
	}
	return t, nil
}

// Write writes the table.
func (t *Table) Write(file string) error {
	var b bytes.Buffer
	b.WriteString(tableHead + compilerMark + t.Compiler + "\n")
	target := ""
	for _, p := range slices.SortedFunc(maps.Keys(t.Rows), func(a, b Program) int {
		return strings.Compare(a.Target+" "+a.Name, b.Target+" "+b.Name)
	}) {
		if p.Target != target {
			b.WriteByte('\n')
			target = p.Target
		}
		fmt.Fprintf(&b, "%-20s %-26s %8d %7d\n", p.Target, p.Name, t.Rows[p].Flash, t.Rows[p].RAM)
	}
	return os.WriteFile(file, b.Bytes(), 0o666)
}

// Growth is by how much a program may grow, as a part of what it was.
const Growth = 0.02

// Grown reports whether now is too much more than r.
func (r Row) Grown(now Row) bool {
	grown := func(was, is int) bool { return was > 0 && float64(is) > float64(was)*(1+Growth) }
	return grown(r.Flash, now.Flash) || grown(r.RAM, now.RAM)
}
