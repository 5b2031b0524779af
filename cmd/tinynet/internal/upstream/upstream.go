// Package upstream runs the tests of the Go installation's own packages on
// tinynet's net, and compares with what they do on Go's own net.
package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"tinynet/cmd/tinynet/internal/cache"
	"tinynet/cmd/tinynet/internal/overlay"
	"tinynet/cmd/tinynet/internal/toolchain"
)

// NetdevLoopback is net without a device: the tests meet on its loopback in
// memory.
const NetdevLoopback = "loopback"

// Netdevs returns the devices that the tests can run on. The first is the
// usual one.
func Netdevs() []string {
	return []string{overlay.NetdevHostnet, NetdevLoopback, overlay.NetdevPlain}
}

// Packages returns the packages whose tests are run if none is named: net and those
// of the standard library that stand on it.
func Packages() []string {
	return []string{
		"net", "net/http", "net/http/httptest", "net/http/httputil", "net/rpc", "net/rpc/jsonrpc", "net/smtp",
		"net/textproto", "crypto/tls", "net/http/cgi", "net/http/fcgi", "expvar", "log/syslog",
	}
}

// Config says what to run.
type Config struct {
	// Netdev is one of Netdevs.
	Netdev string
	// Packages are import paths of the standard library.
	Packages []string
	// Race runs the tests with the race detector. Run and Timeout are as
	// go test's flags of those names.
	Race    bool
	Run     string
	Timeout time.Duration
	// Stock compares with Go's own net. Fresh runs that anew even if it is
	// known from an earlier run.
	Stock, Fresh bool
	// Verbose prints what failing tests print.
	Verbose bool

	// Env is the toolchain; Root and Cache are tinynet's checkout and the
	// folder for what is generated.
	Env         *toolchain.Env
	Root, Cache string
	// Stdout gets the table, Say a line of progress at a time.
	Stdout io.Writer
	Say    func(format string, arg ...any)
}

// Errors of Run. Test with errors.Is.
var (
	// ErrWorse: a test that should pass does not.
	ErrWorse = errors.New("not as it should be")
	// ErrNoTests: nothing matches Config.Run.
	ErrNoTests = errors.New("no test to run")
	// ErrNotTaken: go did not take the overlay.
	ErrNotTaken = errors.New("overlay not taken")
)

// Run runs the tests and prints the table. If ctx ends first the error is its
// cause.
func Run(ctx context.Context, cfg Config) error {
	lines, err := parseKnown(knownText)
	if err != nil {
		return fmt.Errorf("known.txt: %w", err)
	}
	r := &runner{Config: cfg, known: lines}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	var stock map[string]*Result
	if cfg.Stock {
		if stock, err = r.stock(ctx); err != nil {
			return err
		}
	}
	ours, err := r.ours(ctx)
	if err != nil {
		return err
	}
	ran := 0
	for _, res := range ours {
		ran += len(res.Tests)
		if res.Broken {
			ran++ // it has something to report
		}
	}
	if ran == 0 && cfg.Run != "" {
		return fmt.Errorf("%w: none matches -run %s", ErrNoTests, cfg.Run)
	}
	return r.report(ours, stock)
}

// runner is a run.
type runner struct {
	Config
	known   list
	dir     string // of the module from which go runs
	overlay *overlay.Overlay
}

// prepare generates the module and the overlay.
func (r *runner) prepare(ctx context.Context) error {
	for _, pkg := range r.Packages {
		dir := filepath.Join(r.Env.GOROOT, "src", filepath.FromSlash(pkg))
		if info, err := os.Stat(dir); err != nil || !info.IsDir() || pkg == "" || strings.Contains(pkg, "..") {
			return fmt.Errorf("there is no package %s in %s: name packages by their full paths, such as net/http", pkg, r.Env.GOVERSION)
		}
	}
	// The tests depend on the defaults of GODEBUG, which go by the go line of
	// the module that go runs in.
	line := strings.TrimPrefix(version.Lang(r.Env.Version()), "go")
	if line == "" {
		return fmt.Errorf("%s is no release: its go line is not known", r.Env.GOVERSION)
	}
	r.dir = filepath.Join(r.Cache, "upstream", "go"+line)
	if err := cache.WriteFile(filepath.Join(r.dir, "go.mod"), []byte("module upstream\n\ngo "+line+"\n")); err != nil {
		return err
	}
	netdev := r.Netdev
	if netdev == NetdevLoopback {
		netdev = overlay.NetdevNone
	}
	files, err := r.cutFiles()
	if err != nil {
		return err
	}
	maps.Copy(files, r.insideFiles())
	r.overlay, err = overlay.Generate(overlay.Config{
		GOROOT:     r.Env.GOROOT,
		GOMODCACHE: r.Env.GOMODCACHE,
		Root:       r.Root,
		Cache:      r.Cache,
		Netdev:     netdev,
		Replace:    files,
	})
	if err != nil {
		return err
	}
	out, err := r.command(ctx, true, "list", "-f={{.GoFiles}}", "net").Output()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil && !overlay.Listed(out) {
		err = fmt.Errorf("%w: %s builds net from its own files", ErrNotTaken, r.Env.GOVERSION)
	}
	return err
}

// command returns a go command in the module, with the overlay or without.
func (r *runner) command(ctx context.Context, ours bool, verb string, arg ...string) *exec.Cmd {
	args := []string{verb}
	if ours {
		args = append(args, "-overlay="+r.overlay.File)
	}
	// The user's GOFLAGS would make the figures other ones.
	return r.Env.Command(ctx, r.overlay.GOROOT, r.dir, []string{"GOWORK=off", "GOFLAGS="}, append(args, arg...)...)
}

// flags returns the flags of go test that choose the tests.
func (r *runner) flags() []string {
	flags := []string{"-short", "-vet=off", "-count=1"}
	if r.Race {
		flags = append(flags, "-race")
	}
	if r.Run != "" {
		flags = append(flags, "-run="+r.Run)
	}
	return flags
}

// test runs go test and returns the results by package.
func (r *runner) test(ctx context.Context, ours bool, extra, packages []string, done func(*Result)) (map[string]*Result, error) {
	cmd := r.command(ctx, ours, "test", slices.Concat([]string{"-json", "-timeout=" + r.Timeout.String()}, r.flags(), extra, packages)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	results, err := readEvents(stdout, done)
	io.Copy(io.Discard, stdout)
	waited := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case waited != nil && !errors.As(waited, &exit):
		return nil, waited
	}
	for _, pkg := range packages {
		if results[pkg] == nil {
			return nil, fmt.Errorf("go test did not test %s: %s", pkg, strings.TrimSpace(stderr.String()))
		}
	}
	return results, nil
}

// stock returns the results on Go's own net, from an earlier run where one is
// kept.
func (r *runner) stock(ctx context.Context) (map[string]*Result, error) {
	results := make(map[string]*Result)
	var missing []string
	for _, pkg := range r.Packages {
		if data, err := os.ReadFile(r.kept(pkg)); err == nil && !r.Fresh {
			res := new(Result)
			if json.Unmarshal(data, res) == nil {
				results[pkg] = res
				continue
			}
		}
		missing = append(missing, pkg)
	}
	if len(missing) == 0 {
		return results, nil
	}
	fresh, err := r.test(ctx, false, nil, missing, func(res *Result) { r.progress("stock", res) })
	if err != nil {
		return nil, err
	}
	for pkg, res := range fresh {
		results[pkg] = res
		// A failure may be a chance one and must not excuse ours for ever.
		if res.Broken || len(res.failures()) > 0 {
			continue
		}
		data, err := json.Marshal(res)
		if err != nil {
			return nil, err
		}
		if err := cache.WriteFile(r.kept(pkg), data); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// kept returns the file that keeps the results of stock for a package.
func (r *runner) kept(pkg string) string {
	key := cache.Key(strings.Join(slices.Concat([]string{r.Env.GOVERSION, r.Env.GOROOT}, r.flags()), "\n"))
	return filepath.Join(r.dir, "stock-"+key, filepath.FromSlash(pkg)+".json")
}

// ours returns the results on tinynet's net.
func (r *runner) ours(ctx context.Context) (map[string]*Result, error) {
	// Names of tests are the same in several packages, so what is left out in
	// one needs a run of its own.
	groups := make(map[string][]string)
	for _, pkg := range r.Packages {
		flag := skipPattern(r.known.of(verbLeave, r.Netdev, pkg))
		groups[flag] = append(groups[flag], pkg)
	}
	results := make(map[string]*Result)
	for _, flag := range slices.Sorted(maps.Keys(groups)) {
		var extra []string
		if flag != "" {
			extra = []string{"-skip=" + flag}
		}
		part, err := r.test(ctx, true, extra, groups[flag], func(res *Result) { r.progress(r.Netdev, res) })
		if err != nil {
			return nil, err
		}
		maps.Copy(results, part)
	}
	return results, nil
}

// skipPattern returns the value of go test's flag -skip for the given tests.
func skipPattern(tests map[string]string) string {
	var patterns []string
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		parts := strings.Split(name, "/")
		for i, p := range parts {
			parts[i] = "^" + regexp.QuoteMeta(p) + "$"
		}
		patterns = append(patterns, strings.Join(parts, "/"))
	}
	return strings.Join(patterns, "|")
}

// progress says how a package did.
func (r *runner) progress(on string, res *Result) {
	tests, _ := res.Count()
	line := fmt.Sprintf("%s on %s: %d pass, %d fail, %d skip (%.0f s)", res.Package, on, tests.Pass, tests.Fail, tests.Skip, res.Seconds)
	if res.Broken && tests.Fail == 0 {
		line += ", and the package itself fails"
	}
	r.Say("%s", line)
}
