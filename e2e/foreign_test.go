package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TinyGo's own drivers on our net, and our driver on TinyGo's own net. The
// programs are the examples: nothing in them changes but the prefix of imports.

// Prefixes of imports.
const (
	ourPrefix    = `"tinynet/`
	tinygoPrefix = `"tinygo.org/x/drivers/`
)

// tinygoDrivers are versions of TinyGo's drivers, and the Go that their modules
// ask for. The first is the one that belongs to TinyGo 0.33.
var tinygoDrivers = []struct{ version, goLine string }{
	{"v0.28.0", "1.23"},
	{"v0.37.0", "1.24"},
}

// copyExamples copies the examples to a module with the given rest of a go.mod,
// and with another prefix of imports.
func copyExamples(t *testing.T, goMod, prefix string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	writeFile(t, filepath.Join(dir, "go.mod"), "module example.com/examples\n\n"+goMod)
	for _, e := range exampleTests {
		source, err := os.ReadFile(filepath.Join(root(t), "examples", "net", e.example, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(source), ourPrefix, prefix)
		writeFile(t, filepath.Join(dir, e.example, "main.go"), text)
	}
	return dir
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// examplesOnTinyGosDrivers returns a module with the examples on a version of
// TinyGo's drivers, or skips the test if that cannot be had.
func examplesOnTinyGosDrivers(t *testing.T, version, goLine string) (dir string) {
	t.Helper()
	dir = copyExamples(t, "go "+goLine+"\n\n"+
		"require tinygo.org/x/drivers "+version+"\n\n"+
		"require github.com/google/shlex v0.0.0-20191202100458-e7afc7fbc510 // indirect\n", tinygoPrefix)
	sum, err := os.ReadFile("testdata/tinygo-drivers/go.sum")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "go.sum"), string(sum))
	cmd := exec.Command("go", "mod", "download")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("tinygo.org/x/drivers %s cannot be downloaded: %v\n%s", version, err, out)
	}
	return dir
}

// The host's stand-in for a board: our net, TinyGo's driver, the simulated chip.
func TestExamplesOnTinyGosDrivers(t *testing.T) {
	for i, board := range []struct {
		name     string
		examples []string // that its driver can run; all without any
	}{
		{"pyportal", nil},
		{"arduino-mkrwifi1010", nil}, // probed by another file
		// Its driver for ESP-AT has no server, never sees the end of a connection, and panics at
		// an answer larger than its buffer.
		{"challenger-rp2040", []string{"ntpclient"}},
	} {
		d := tinygoDrivers[min(i, len(tinygoDrivers)-1)]
		t.Run(d.version+" "+board.name, func(t *testing.T) {
			dir := examplesOnTinyGosDrivers(t, d.version, d.goLine)
			testExamples(t, launcher{chatty: true, once: true, launch: func(t *testing.T, flags []string, example string, args ...string) (_, _ *process) {
				flags = append([]string{"-board", board.name}, flags...)
				p := start(t, dir, runArgs(flags, "./"+example, args)...)
				return p, p
			}}, board.examples...)
		})
	}
}

// What our net and TinyGo's say when there is no device: so a program tells which
// it has.
const (
	inOurNet    = "no network device: call netdev.UseNetdev"
	inTinyGoNet = "Netdev not set"
)

// checkNet checks that a program has one net and not the other.
func checkNet(t *testing.T, file, has, hasNot string) {
	t.Helper()
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(program, []byte(has)) || bytes.Contains(program, []byte(hasNot)) {
		t.Errorf("%s is built on another net: want %q in it and not %q", file, has, hasNot)
	}
}

// tinygoInstallation is an installed TinyGo and the Go that it works with.
type tinygoInstallation struct {
	compiler, root, goroot string
}

// findTinyGo skips the test without a TinyGo that can be used.
func findTinyGo(t *testing.T) tinygoInstallation {
	t.Helper()
	code, version, why := run(t, t.TempDir(), "tinygo", "version")
	if code != 0 {
		t.Skipf("no TinyGo to test with: %s", why)
	}
	t.Log(strings.TrimSpace(version))
	_, goroot, _ := run(t, t.TempDir(), "tinygo", "env", "GOROOT")
	installed := tinygoInstallation{compiler: os.Getenv("TINYGO"), goroot: strings.TrimSpace(goroot)}
	if installed.compiler == "" {
		installed.compiler = "tinygo"
	}
	out, err := installed.command(t.TempDir(), "env", "TINYGOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	installed.root = strings.TrimSpace(string(out))
	return installed
}

// environ is an environment for TinyGo, and for its Go, in no workspace.
func (tg tinygoInstallation) environ() []string {
	path := filepath.Join(tg.goroot, "bin") + string(os.PathListSeparator) + os.Getenv("PATH")
	return append(os.Environ(), "PATH="+path, "GOROOT="+tg.goroot, "GOTOOLCHAIN=local", "GOWORK=off", "GOFLAGS=")
}

// command is TinyGo as it is installed, with nothing of ours.
func (tg tinygoInstallation) command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(tg.compiler, args...)
	cmd.Dir, cmd.Env = dir, tg.environ()
	return cmd
}

// notShort skips a test that has TinyGo compile much.
func notShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: TinyGo takes half a minute to compile this")
	}
}

// For boards: TinyGo's three drivers on our net.
func TestTinyGosDriversBuildOnOurNet(t *testing.T) {
	notShort(t)
	findTinyGo(t)
	dir := examplesOnTinyGosDrivers(t, tinygoDrivers[0].version, tinygoDrivers[0].goLine)
	for _, c := range []struct{ target, example string }{
		{"pyportal", "http-get"}, // WiFiNINA
		{"arduino-nano33", "tcpecho"},
		{"wioterminal", "http-get"},        // RTL8720DN
		{"challenger-rp2040", "tcpclient"}, // ESP-AT
	} {
		t.Run(c.target+" "+c.example, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "app.elf")
			code, stdout, stderr := run(t, dir, "tinygo", "build", "-target", c.target, "-o", file, "./"+c.example)
			if code != 0 {
				t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
			}
			checkNet(t, file, inOurNet, inTinyGoNet)
		})
	}
}

// stackSize is what TinyGo's own driver and net/http need on an emulated
// processor: TinyGo's default is 2 KB.
const stackSize = "8KB"

// linkerStrings are the examples' strings for what is an argument elsewhere.
var linkerStrings = map[string]string{"http-get": "main.url", "tcpclient": "main.addr", "ntpclient": "main.server"}

// linkerFlags gives an example its argument.
func linkerFlags(example string, args []string) string {
	if len(args) == 0 {
		return ""
	}
	return "-X " + linkerStrings[example] + "=" + args[0]
}

// emulatedExamples are those to run on the emulated processor, where each takes
// TinyGo some ten seconds: a server with net/http, a client that sends and receives at once, UDP.
var emulatedExamples = []string{"webserver", "tcpclient", "ntpclient"}

// The code that TinyGo makes: our net, TinyGo's driver, the simulated chip.
func TestExamplesOnTinyGosDriversEmulated(t *testing.T) {
	findTinyGo(t)
	notShort(t)
	needEmulator(t)
	dir := examplesOnTinyGosDrivers(t, tinygoDrivers[0].version, tinygoDrivers[0].goLine)
	testExamples(t, launcher{chatty: true, once: true, launch: func(t *testing.T, flags []string, example string, args ...string) (_, _ *process) {
		emulate := []string{"emulate", "-isolated", "-stack-size", stackSize, "-ldflags", linkerFlags(example, args)}
		p := start(t, dir, slices.Concat(emulate, flags, []string{"./" + example})...)
		return p, p
	}}, emulatedExamples...)
}

// onTinyGosNet is the rest of a go.mod for examples that find our driver without
// the tool.
func onTinyGosNet(t *testing.T, modules ...string) string {
	text := "go 1.23\n"
	for _, m := range modules {
		dir := filepath.Join(root(t), strings.TrimPrefix(m, "tinynet"))
		text += "\nrequire " + m + " v0.0.0\n\nreplace " + m + " => " + dir + "\n"
	}
	return text
}

// For boards: our driver on the net of TinyGo's installation. The tool has no part
// in it.
func TestOurDriverBuildsOnTinyGosNet(t *testing.T) {
	notShort(t)
	tg := findTinyGo(t)
	dir := copyExamples(t, onTinyGosNet(t, "tinynet"), ourPrefix)
	for _, c := range []struct{ target, example string }{
		{"pyportal", "http-get"},
		{"arduino-nano33", "tcpecho"},
		{"nano-rp2040", "tcpecho"},
	} {
		t.Run(c.target+" "+c.example, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "app.elf")
			if out, err := tg.command(dir, "build", "-target", c.target, "-o", file, "./"+c.example).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			checkNet(t, file, inTinyGoNet, inOurNet)
		})
	}
}

// tinygosNet are the packages of TinyGo's installation that belong together.
var tinygosNet = []string{"net", "net/http", "crypto/tls"}

// overlay puts TinyGo's net in the place of Go's, for the Go that TinyGo works
// with: it is written for that.
func (tg tinygoInstallation) overlay(t *testing.T) (file string) {
	t.Helper()
	goroot, err := filepath.EvalSymlinks(tg.goroot)
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for _, pkg := range tinygosNet {
		for _, src := range []string{goroot, tg.root} {
			files, err := filepath.Glob(filepath.Join(src, "src", pkg, "*.go"))
			if err != nil || len(files) == 0 {
				t.Fatalf("%s has no %s: %v", src, pkg, err)
			}
			for _, f := range files {
				name := filepath.Join(goroot, "src", pkg, filepath.Base(f))
				if src == goroot {
					f = ""
				}
				if !strings.HasSuffix(name, "_test.go") {
					replace[name] = f
				}
			}
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "overlay.json")
	writeFile(t, file, string(text))
	return file
}

// The host's stand-in for a board: TinyGo's net and net/http as they are installed,
// our driver, the simulated chip. With the tag tinygo our packages are what TinyGo
// compiles, and reach its net by the same function.
func TestExamplesOnTinyGosNet(t *testing.T) {
	tg := findTinyGo(t)
	dir := copyExamples(t, onTinyGosNet(t, "tinynet", "machine"), ourPrefix)
	overlay := tg.overlay(t)
	// Unix sockets have short paths; those of test folders are long.
	tmp, err := os.MkdirTemp("", "tinynet")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	socket := filepath.Join(tmp, "s")

	testExamples(t, launcher{launch: func(t *testing.T, flags []string, example string, args ...string) (program, board *process) {
		file := filepath.Join(t.TempDir(), "app")
		build := exec.Command(filepath.Join(tg.goroot, "bin", "go"), "build", "-overlay", overlay,
			"-tags", "tinygo,pyportal,ninafw",
			"-ldflags", "-checklinkname=0", // TinyGo's net does not know that Go asks for leave to link to its function
			"-o", file, "./"+example)
		// From 1.25 on go takes no overlay of a GOROOT in the module cache.
		build.Dir, build.Env = dir, append(tg.environ(), "GOMODCACHE="+t.TempDir())
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		checkNet(t, file, inTinyGoNet, inOurNet)

		board = start(t, dir, append([]string{"attach", "-isolated", "-socket", socket}, flags...)...)
		board.await("waiting for a program")
		cmd := exec.Command(file, args...)
		cmd.Env = append(os.Environ(), "TINYNET_BOARD=unix:"+socket)
		return startCommand(t, cmd), board
	}})
}

// emulatedRoot makes a TINYGOROOT that is TinyGo's installation and our emulated
// board, and nothing else of ours.
func (tg tinygoInstallation) emulatedRoot(t *testing.T) string {
	t.Helper()
	// A path that is there again: TinyGo keeps what it compiles by it. The tool removes
	// it when it is old.
	_, made, _ := run(t, t.TempDir(), "tinygo", "env", "TINYGOROOT")
	dir := strings.TrimSpace(made) + "-installed"
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{tg.root, filepath.Join(root(t), "src", "_emulated")} {
		for _, tree := range []string{"src", "targets"} {
			linkTree(t, filepath.Join(from, tree), filepath.Join(dir, tree))
		}
	}
	linkTree(t, filepath.Join(root(t), "machine", "wire"), filepath.Join(dir, "src", "machine", "wire"))
	beside, err := os.ReadDir(tg.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range beside {
		link := filepath.Join(dir, e.Name())
		if _, err := os.Lstat(link); err == nil {
			continue
		}
		if err := os.Symlink(filepath.Join(tg.root, e.Name()), link); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// linkTree makes the folder to with a link for each file of the folder from.
func linkTree(t *testing.T, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err == nil {
		err = os.MkdirAll(to, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		file, link := filepath.Join(from, name), filepath.Join(to, name)
		if strings.HasPrefix(name, ".") || name == "testdata" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			linkTree(t, file, link)
			continue
		}
		os.Remove(link) // of a tree that came before: the board's clock stands in for TinyGo's
		if err := os.Symlink(file, link); err != nil {
			t.Fatal(err)
		}
	}
}

// The code that TinyGo makes: its net and net/http, our driver, the simulated chip.
func TestExamplesOnTinyGosNetEmulated(t *testing.T) {
	tg := findTinyGo(t)
	notShort(t)
	needEmulator(t)
	tinygoRoot := tg.emulatedRoot(t)
	dir := copyExamples(t, onTinyGosNet(t, "tinynet"), ourPrefix)
	// What the program prints with println goes to its stdout as well.
	testExamples(t, launcher{chatty: true, launch: func(t *testing.T, flags []string, example string, args ...string) (_, _ *process) {
		file := filepath.Join(t.TempDir(), "app.elf")
		build := tg.command(dir, "build", "-target", "emulated", "-stack-size", stackSize,
			"-ldflags", linkerFlags(example, args), "-o", file, "./"+example)
		build.Env = append(build.Env, "TINYGOROOT="+tinygoRoot)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		checkNet(t, file, inTinyGoNet, inOurNet)
		p := start(t, dir, slices.Concat([]string{"emulate", "-isolated"}, flags, []string{file})...)
		return p, p
	}}, emulatedExamples...)
}
