package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tinynet/sim/board"
)

// leastStack is what a goroutine needs that uses net, in bytes, on a processor
// that needs most: as the boards with little RAM have it, and any that are not
// known. docs/memory.md has what was measured, and its test compares.
const leastStack = 3840

// withStacks returns arguments of TinyGo's in which goroutines get stacks that
// are large enough for the target, unless they say how large or the target's
// own are.
func (b *boardBuilds) withStacks(args []string) []string {
	need, has := b.stacks(args)
	if _, said := argument(args, "stack-size"); said || has >= need {
		return args
	}
	return slices.Insert(slices.Clone(args), 1, fmt.Sprintf("-stack-size=%dB", need))
}

// stackWarning returns what a user should know who has set a stack size
// that is too small, or an empty string.
func (b *boardBuilds) stackWarning(args []string) string {
	need, _ := b.stacks(args)
	text, _ := argument(args, "stack-size")
	if size, ok := parseSize(text); ok && size < need {
		return fmt.Sprintf("-stack-size=%s is less than the %d bytes that net may need on this board: a goroutine whose stack is too small overwrites other memory, and TinyGo notices late or never (docs/memory.md says what needs how much)", text, need)
	}
	return ""
}

// stacks returns the stack that a goroutine needs on the target that arguments
// of TinyGo's name, and what the target gives it, in bytes. need is 0 if
// nothing is built for a board.
func (b *boardBuilds) stacks(args []string) (need, has int) {
	name, ok := argument(args, "target")
	if !ok || args[0] == "list" || !slices.Contains(compiling, args[0]) {
		return 0, 0
	}
	need = leastStack
	if spec, ok := board.Lookup(name); ok && spec.Stack > 0 {
		need = spec.Stack
	} else if name == emulatedTargets[0].name {
		spec, _ := board.Lookup(emulatedBoard)
		need = spec.Stack
	}
	return need, b.targetStack(name, 0)
}

// targetStack returns the size of stacks in a target's description, 0 if there
// is none. A description inherits from others.
func (b *boardBuilds) targetStack(name string, depth int) int {
	file := filepath.Join(b.root, "targets", strings.ToLower(name)+".json")
	if strings.HasSuffix(name, ".json") {
		if file = name; !filepath.IsAbs(file) {
			file = filepath.Join(b.dir, file)
		}
	}
	var target struct {
		Inherits []string `json:"inherits"`
		Stack    int      `json:"default-stack-size"`
	}
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &target) != nil || depth > 10 {
		return 0 // TinyGo will say what is wrong with it
	}
	if target.Stack > 0 {
		return target.Stack
	}
	for _, parent := range slices.Backward(target.Inherits) {
		if size := b.targetStack(parent, depth+1); size > 0 {
			return size
		}
	}
	return 0
}

// argument returns the value of a flag among arguments of TinyGo's.
func argument(args []string, name string) (value string, ok bool) {
	for i, arg := range args {
		key, value, has := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		if !strings.HasPrefix(arg, "-") || key != name {
			continue
		}
		if !has && i+1 < len(args) {
			value = args[i+1]
		}
		return value, true
	}
	return "", false
}

var sizeText = regexp.MustCompile(`^(\d+) *(B|KB|MB)?$`)

// parseSize parses a size as TinyGo's -stack-size takes it.
func parseSize(s string) (bytes int, ok bool) {
	m := sizeText.FindStringSubmatch(strings.ToUpper(s))
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n << map[string]int{"KB": 10, "MB": 20}[m[2]], err == nil
}
