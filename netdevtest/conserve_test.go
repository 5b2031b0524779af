package netdevtest

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/fault"
)

var (
	conserveSeeds  = flag.Int("conserve.seeds", 0, "how many seeds of each class; 0: 1000 in all, a tenth with -short or the race detector")
	conserveFirst  = flag.Uint64("conserve.first", 0, "the first seed")
	conserveClass  = flag.String("conserve.class", "", "the only class of faults: one of the test's own, or kinds with commas")
	conservePlan   = flag.String("conserve.plan", "", "the faults instead of those of the seed, as a failed test printed them")
	conserveOps    = flag.Int("conserve.ops", 0, "operations of a run, 0 for the usual number")
	conserveLog    = flag.Bool("conserve.log", false, "print the operations of every run, and the wire's to standard error")
	conserveShrink = flag.Bool("conserve.shrink", false, "look for a shorter script that fails in the same way")
	conserveShard  = flag.String("conserve.shard", "", "of the test itself")
)

// making guards what the New of a driver shares with others: package net's
// device.
var making sync.Mutex

// subject is what the conservation test is made for: a driver on its chip.
type subject struct {
	test    string // the test's name without Test
	make    func(seed uint64, class string) (*Faulty, error)
	classes []class
	every   []int // one in so many exchanges or bytes has a fault; the seed chooses
	other   int   // and in a class that the command line made up
}

// class is a class of faults.
type class struct {
	name  string
	kinds fault.Kinds
	seeds int      // in all; a tenth with -short or the race detector
	again []uint64 // seeds beyond them that once failed
}

// list returns the seeds of a run.
func (c class) list() (seeds []uint64) {
	for i := range c.runs() {
		seeds = append(seeds, *conserveFirst+uint64(i))
	}
	if *conserveSeeds == 0 && *conserveFirst == 0 {
		seeds = append(seeds, c.again...)
	}
	return seeds
}

// overrunClass is the class in which boards leave bytes in their UART for too long.
const overrunClass = "overrun"

// class returns a class by name.
func (b *subject) class(name string) class {
	i := slices.IndexFunc(b.classes, func(c class) bool { return c.name == name })
	if i < 0 {
		return class{name: name, seeds: 100}
	}
	return b.classes[i]
}

// script returns what a seed stands for.
func (b *subject) script(seed uint64, name string) (Script, error) {
	c := b.class(name)
	s := Script{Seed: seed, Ops: *conserveOps, Link: name != "none" && seed%8 == 7, Rejoin: seed%8 == 3}
	if slices.ContainsFunc(b.classes, func(c class) bool { return c.name == name }) {
		if c.kinds != 0 {
			s.Plan = fault.Plan{Seed: seed, Every: b.every[seed/3%uint64(len(b.every))], Kinds: c.kinds}
		}
	} else {
		p, err := fault.Parse(fmt.Sprintf("every=%d kinds=%s", b.other, name))
		if err != nil {
			return s, err
		}
		p.Seed = seed
		s.Plan = p
	}
	if *conservePlan != "" {
		p, err := fault.Parse(*conservePlan)
		if err != nil {
			return s, err
		}
		s.Plan = p
	}
	return s, nil
}

// conserve runs a script over the driver.
func (b *subject) conserve(t *testing.T, name string, s Script) (out *Outcome) {
	synctest.Test(t, func(t *testing.T) {
		f, err := b.make(s.Seed, name)
		if err != nil {
			f.Close()
			t.Fatal(err)
		}
		out = Conserve(f, s)
	})
	return out
}

// run runs in processes of its own, one for each processor: with one processor
// each, a run is the same every time.
func (b *subject) run(t *testing.T) {
	if *conserveShard != "" {
		b.some(t)
		return
	}
	exe, err := os.Executable()
	check(t, err)
	n := min(runtime.NumCPU(), 4)
	if *conserveSeeds == 1 {
		n = 1
	}
	for i := range n {
		t.Run(fmt.Sprintf("process %d", i), func(t *testing.T) {
			t.Parallel()
			args := []string{"-test.run=^Test" + b.test + "$", "-test.cpu=1", "-test.v=true", fmt.Sprintf("-conserve.shard=%d/%d", i, n)}
			if deadline, ok := t.Deadline(); ok { // before this process's own, which would leave the other behind
				args = append(args, fmt.Sprintf("-test.timeout=%v", max(time.Until(deadline)-5*time.Second, time.Second)))
			}
			flag.Visit(func(f *flag.Flag) {
				if strings.HasPrefix(f.Name, "conserve.") || f.Name == "test.short" {
					args = append(args, "-"+f.Name+"="+f.Value.String())
				}
			})
			out, err := exec.CommandContext(t.Context(), exe, args...).CombinedOutput()
			text := strings.TrimSpace(string(out))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			t.Log(text)
		})
	}
}

// runs returns how many seeds a class gets.
func (c class) runs() int {
	n := c.seeds
	switch {
	case *conserveSeeds > 0:
		return *conserveSeeds
	case testing.Short(), raceEnabled:
		return n / 10
	}
	return n
}

// some runs the part of the seeds that -conserve.shard names.
func (b *subject) some(t *testing.T) {
	var shard, shards int
	if _, err := fmt.Sscanf(*conserveShard, "%d/%d", &shard, &shards); err != nil || runtime.GOMAXPROCS(0) != 1 {
		t.Fatalf("-conserve.shard is %q: want, for example, 0/1, and -cpu 1", *conserveShard)
	}
	classes := b.classes
	if *conserveClass != "" {
		classes = []class{b.class(*conserveClass)}
	}
	for _, c := range classes {
		t.Run(c.name, func(t *testing.T) {
			class := c.name
			var bytes, faults, failed, overrun, runs int
			var kinds [32]int
			s0, err := b.script(0, class)
			check(t, err)
			seeds := c.list()
			for i := shard; i < len(seeds); i += shards {
				seed := seeds[i]
				s, err := b.script(seed, class)
				check(t, err)
				out := b.conserve(t, class, s)
				runs++
				bytes += out.Bytes
				faults += len(out.Faults)
				failed += out.Failed
				overrun += out.Overrun
				for _, f := range out.Faults {
					kinds[f.Kind]++
				}
				if *conserveLog {
					t.Logf("seed %d:\n%s\nfaults %s, %d bytes overran\nhash %016x", seed, strings.Join(out.Log, "\n"), fault.ListOf(out.Faults), out.Overrun, out.Hash)
				}
				if len(out.Broken) == 0 {
					continue
				}
				text := s
				if *conserveShrink {
					s, out = b.shrink(t, class, s, out)
				}
				t.Errorf("seed %d, %s: %v\nreplay: %s", seed, class, out.Broken, b.replayLine(class, text, s))
			}
			t.Logf("%d seeds, %d bytes arrived, %d overran, %d faults, %d connections failed", runs, bytes, overrun, faults, failed)
			if class == overrunClass && runs >= 5 && overrun == 0 {
				t.Errorf("in %d seeds nothing overran", runs)
			}
			if p := s0.Plan; runs >= 40 && len(p.List) == 0 && p.Every > 0 {
				for k, n := range kinds {
					if p.Kinds.Has(fault.Kind(k)) && n == 0 {
						t.Errorf("in %d seeds there was no fault of kind %v", runs, fault.Kind(k))
					}
				}
			}
		})
	}
}

// replayLine returns the command that runs a script again.
func (b *subject) replayLine(class string, was, s Script) string {
	line := fmt.Sprintf("go test ./netdevtest -run %s -conserve.class %s -conserve.first %d -conserve.seeds 1", b.test, class, s.Seed)
	if s.Ops != was.Ops {
		line += fmt.Sprintf(" -conserve.ops %d", s.Ops)
	}
	if len(s.Plan.List) > 0 {
		line += fmt.Sprintf(" -conserve.plan '%v'", s.Plan)
	}
	return line
}

// shrink looks for fewer operations and faults that break the same promise as out's
// first breach.
func (b *subject) shrink(t *testing.T, class string, s Script, out *Outcome) (Script, *Outcome) {
	promise := out.Broken[0].Promise
	try := func(c Script) bool {
		o := b.conserve(t, class, c)
		for _, b := range o.Broken {
			if b.Promise == promise {
				s, out = c, o
				return true
			}
		}
		return false
	}
	for ops := 8; ops < cmp.Or(s.Ops, defaultOps); ops += 8 {
		c := s
		c.Ops = ops
		if try(c) {
			break
		}
	}
	c := s
	c.Plan = fault.ListOf(out.Faults)
	if !try(c) {
		return s, out
	}
	for size := len(s.Plan.List) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(s.Plan.List) && len(s.Plan.List) > size; {
			c := s
			c.Plan.List = slices.Concat(s.Plan.List[:at], s.Plan.List[at+size:])
			if !try(c) {
				at += size
			}
		}
	}
	return s, out
}

// replays checks that a run is the same every time, to the nanosecond, on one
// processor. On more the goroutines that wake at one moment go on in either order.
func (b *subject) replays(t *testing.T, seeds uint64) {
	if raceEnabled {
		t.Skip("the race detector makes the scheduler choose at random")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, class := range b.classes {
		for seed := range seeds {
			s, err := b.script(seed, class.name)
			check(t, err)
			one, two := b.conserve(t, class.name, s), b.conserve(t, class.name, s)
			if one.Hash == two.Hash {
				continue
			}
			for i, line := range one.Log {
				if i == len(two.Log) || line != two.Log[i] {
					t.Errorf("%s, seed %d: line %d is %q, and then %q", class.name, seed, i, line, two.Log[min(i, len(two.Log)-1)])
					break
				}
			}
		}
	}
}
