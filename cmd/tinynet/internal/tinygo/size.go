package tinygo

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Size is what a program takes of a board, in bytes.
type Size struct {
	// Flash is for code, constants and what variables begin with.
	Flash int
	// RAM is for variables and the main stack. The heap is in the rest.
	RAM int
	// Packages is how Flash is divided, the biggest first.
	Packages []Share

	// Over is how much more flash or RAM than the board has the program
	// takes at least, if it does. The linker tells nothing else then.
	Over Over
}

// Share is a package's part of a program, in bytes.
type Share struct {
	Package    string
	Flash, RAM int
}

// Over is how much is too much, in bytes.
type Over struct{ Flash, RAM int }

// Fits reports whether the program fits the board.
func (s Size) Fits() bool { return s.Over == Over{} }

var (
	sizeLine  = regexp.MustCompile(`^ *\d+ +\d+ +\d+ +\d+ \| +(\d+) +(\d+) \| (.+)$`)
	flashOver = regexp.MustCompile(`flash overflowed by (\d+) bytes`)
	ramOver   = regexp.MustCompile(`RAM overflowed by (\d+) bytes`)
	// The linker's own words, which TinyGo passes on if its name is another
	// than expected: a line for each section that does not fit any more.
	linkerOver = regexp.MustCompile(`will not fit in region '(\w+)': overflowed by (\d+) bytes`)
)

// ParseSize returns the size from what TinyGo prints with -size full, be it the
// table or that the program does not fit.
func ParseSize(output string) (Size, error) {
	var s Size
	if m := flashOver.FindStringSubmatch(output); m != nil {
		s.Over.Flash, _ = strconv.Atoi(m[1])
	}
	if m := ramOver.FindStringSubmatch(output); m != nil {
		s.Over.RAM, _ = strconv.Atoi(m[1])
	}
	for _, m := range linkerOver.FindAllStringSubmatch(output, -1) {
		n, _ := strconv.Atoi(m[2])
		if m[1] == "RAM" {
			s.Over.RAM = max(s.Over.RAM, n)
		} else {
			s.Over.Flash = max(s.Over.Flash, n)
		}
	}
	if !s.Fits() {
		return s, nil
	}
	shares := map[string]Share{}
	for line := range strings.Lines(output) {
		m := sizeLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		flash, err1 := strconv.Atoi(m[1])
		ram, err2 := strconv.Atoi(m[2])
		if err := cmp.Or(err1, err2); err != nil {
			return s, fmt.Errorf("a size that is no number: %w", err)
		}
		if m[3] == "total" {
			s.Flash, s.RAM = flash, ram
			continue
		}
		name := packageName(m[3])
		sum := shares[name]
		shares[name] = Share{name, sum.Flash + flash, sum.RAM + ram}
	}
	if s.Flash == 0 {
		return s, fmt.Errorf("TinyGo printed no table of sizes, but: %s", strings.TrimSpace(output))
	}
	for _, share := range shares {
		s.Packages = append(s.Packages, share)
	}
	slices.SortFunc(s.Packages, func(a, b Share) int {
		return cmp.Or(b.Flash-a.Flash, strings.Compare(a.Package, b.Package))
	})
	return s, nil
}

// packageName returns TinyGo's name of a part of a program without what
// depends on the machine: C and assembler files are under their folder there.
func packageName(name string) string {
	switch {
	case strings.Contains(name, "/picolibc/"):
		return "C picolibc"
	case strings.Contains(name, "/compiler-rt/"):
		return "C compiler-rt"
	case strings.Contains(name, "/goroot-"):
		_, after, _ := strings.Cut(name, "/goroot-")
		if _, path, ok := strings.Cut(after, "/src/"); ok {
			return path
		}
	}
	return name
}
