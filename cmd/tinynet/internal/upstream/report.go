package upstream

import (
	"fmt"
	"maps"
	"strings"
	"text/tabwriter"
)

// report prints the table and what is remarkable. The error is ErrWorse if a
// test should pass and does not.
func (r *runner) report(ours, stock map[string]*Result) error {
	verdicts := make(map[string]verdict)
	for _, pkg := range r.Packages {
		verdicts[pkg] = judge(ours[pkg], stock[pkg], r.leftOut(pkg), r.known.of(verbFail, r.Netdev, pkg))
	}

	w := tabwriter.NewWriter(r.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	sum := make([]int, 4)
	var sub, theirs Count
	width := len("package")
	for _, pkg := range r.Packages {
		width = max(width, len(pkg))
	}
	header := fmt.Sprintf("%-*s", width, "package") + "\tpass\tfail\tskip\tleft out\tsubtests\t"
	if stock != nil {
		header += "stock\tsubtests\t"
	}
	fmt.Fprintln(w, header)
	for _, pkg := range r.Packages {
		c, s := ours[pkg].Count()
		out := countTests(r.leftOut(pkg))
		for i, n := range []int{c.Pass, c.Fail, c.Skip, out} {
			sum[i] += n
		}
		sub.add(s)
		fmt.Fprintf(w, "%-*s\t%d\t%d\t%d\t%d\t%v\t", width, pkg, c.Pass, c.Fail, c.Skip, out, s)
		if stock != nil {
			c, s := stock[pkg].Count()
			theirs.add(c)
			fmt.Fprintf(w, "%v\t%v\t", c, s)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%-*s\t%d\t%d\t%d\t%d\t%v\t", width, "all", sum[0], sum[1], sum[2], sum[3], sub)
	if stock != nil {
		fmt.Fprintf(w, "%v\t\t", theirs)
	}
	fmt.Fprintln(w)
	if err := w.Flush(); err != nil {
		return err
	}

	worse := 0
	for _, pkg := range r.Packages {
		v := verdicts[pkg]
		listed := r.known.of(verbFail, r.Netdev, pkg)
		for _, name := range v.expected {
			fmt.Fprintf(r.Stdout, "expected: %s %s: %s\n", pkg, name, listed[name])
		}
		for _, name := range v.stock {
			fmt.Fprintf(r.Stdout, "fails on stock too: %s %s\n", pkg, name)
		}
		for _, name := range v.better {
			fmt.Fprintf(r.Stdout, "now passes: %s %s: take it off the list for %s\n", pkg, name, r.Netdev)
		}
		for _, f := range v.worse {
			fmt.Fprintf(r.Stdout, "FAIL: %s: %s\n", strings.TrimSpace(pkg+" "+f.test), f.what)
			if r.Verbose || f.test == "" {
				fmt.Fprint(r.Stdout, indent(ours[pkg].Output(f.test)))
			}
			worse++
		}
	}
	if worse > 0 {
		return fmt.Errorf("%w: %d that should pass on %s (-v shows what they print; a test that cannot pass has a line with the reason in known.txt)",
			ErrWorse, worse, r.Netdev)
	}
	return nil
}

func (c *Count) add(o Count) {
	c.Pass += o.Pass
	c.Fail += o.Fail
	c.Skip += o.Skip
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + line)
	}
	return b.String()
}

// leftOut returns the tests of a package that are not run, and what was cut
// with them.
func (r *runner) leftOut(pkg string) map[string]string {
	all := r.known.of(verbLeave, r.Netdev, pkg)
	maps.Copy(all, r.known.of(verbCut, r.Netdev, pkg))
	return all
}

// countTests returns how many of the names are those of tests; files and helper
// functions are cut too.
func countTests(names map[string]string) int {
	n := 0
	for name := range names {
		if isTest(name) {
			n++
		}
	}
	return n
}
