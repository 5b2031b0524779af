//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tinynet/cmd/tinynet/internal/overlay"
)

// tinygoCache is where TinyGo keeps what it builds, unless it is told otherwise.
var tinygoCache string

// asTool is the environment variable that makes the test binary the tool.
const asTool = "TINYNET_TEST_AS_TOOL"

func TestMain(m *testing.M) {
	if os.Getenv(asTool) != "" {
		main()
	}
	os.Exit(func() int {
		// What the tool generates here is of no use later; what go builds is.
		out, err := exec.Command("go", "env", "GOCACHE").Output()
		if err != nil {
			fmt.Fprintln(os.Stderr, "go env GOCACHE:", err)
			return 1
		}
		cache, err := os.MkdirTemp("", "tinynet-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(cache)
		os.Setenv("GOCACHE", strings.TrimSpace(string(out)))
		if dir, err := os.UserCacheDir(); err == nil {
			tinygoCache = filepath.Join(dir, "tinygo")
		}
		os.Setenv("XDG_CACHE_HOME", cache)
		return m.Run()
	}())
}

// tinynet returns the tool as a command, to be run in dir.
func tinynet(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asTool+"=1", "GOFLAGS=", "PWD="+dir)
	return cmd
}

// shortDir makes a folder for unix sockets, which have short paths; those of test
// folders are long.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tinynet")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// result is what became of a run of the tool.
type result struct {
	code           int
	stdout, stderr string
}

// finish runs the command to its end.
func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if strings.Contains(stderr.String(), "goroutine ") {
		t.Errorf("a stack trace:\n%s", &stderr)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// module writes a module with the given main.go, which uses no net, in a new
// folder.
func module(t *testing.T, source string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), "module example.com/app\n\ngo 1.23\n")
	write(t, filepath.Join(dir, "main.go"), source)
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestCommandLines(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args string
		code int
		text string // on stdout if the code is 0, else in the one line on stderr
	}{
		{"help", 0, "attach"},
		{"-h", 0, "attach"},
		{"help help", 0, "attach"},
		{"help run", 0, "-isolated"},
		{"run -h", 0, "-isolated"},
		{"build --help", 0, "-o file"},
		{"attach -h", 0, "-socket path"},
		{"overlay -h", 0, "go build -overlay="},
		{"boards -h", 0, "-target"},
		{"version -h", 0, "version"},
		{"boards", 0, "Adafruit PyPortal"},
		{"boards", 0, "host"},
		{"version", 0, runtime.Version()},
		{"nonsense", 2, "tinynet help"},
		{"help nonsense", 2, "tinynet help"},
		{"help run build", 2, "tinynet help"},
		{"run", 2, "name the program's package"},
		{"run -nonsense .", 2, "-nonsense"},
		{"run -board nonsense .", 2, "pyportal, arduino-nano33"},
		{"run -p 80 .", 2, "HOST:BOARD"},
		{"run -p 8080:x .", 2, "HOST:BOARD"},
		{"run -p 0:80 .", 2, "HOST:BOARD"},
		{"run -p 70000:80 .", 2, "HOST:BOARD"},
		{"run -p 8080:80 -p 8080:81 .", 2, "port 80 of the board already"},
		{"run -host nonsense .", 2, "NAME=ADDR"},
		{"run -host a=::1 .", 2, "NAME=ADDR"},
		{"run -pass 12345678 .", 2, "-ssid"},
		{"run -ssid a -pass short .", 2, "8 to 63"},
		{"run -firmware 2.0.0 .", 2, "there are arduino-2.0, arduino-1.4"},
		{"run -ap :x .", 2, "NAME:PASS"},
		{"run -ap a:short .", 2, "8 to 63"},
		{"run -ssid a -ap a .", 2, `two access points are called "a"`},
		{"run -roots nowhere.pem .", 2, "nowhere.pem"},
		{"run -roots tool_test.go .", 2, "no such file"},
		{"run -rtt -5ms .", 2, "no less than no time"},
		{"run -rtt 5 .", 2, "-rtt"},
		{"run -loss 1 .", 2, "such as 0.01"},
		{"test -firmware nonsense", 2, "adafruit-3.3"},
		{"run ./nowhere", 1, "./nowhere"},
		{"run .", 1, "go mod init"},
		{"build .", 2, "-o"},
		{"build -o x . y", 2, "y is too many"},
		{"attach .", 2, "takes no package"},
		{"attach -board host", 2, "needs no board"},
		{"run -board host -p 8080:80 .", 2, "-p is about a simulated board"},
		{"help test", 0, "-args"},
		{"test -h", 0, "-args"},
		{"test . -h", 0, "-args"},
		{"help tinygo", 0, "-http=full"},
		{"tinygo -h", 0, "-http=full"},
		{"size -h", 0, "-update"},
		{"tinygo", 2, "flash -target pyportal"},
		{"size -target nonsense", 2, "tinynet boards"},
		{"help test std", 0, "known.txt"},
		{"test std -h", 0, "known.txt"},
		{"test std -netdev nonsense", 2, "only: hostnet, loopback, plain"},
		{"test std net/rpc -race", 2, "flags go before"},
		{"test -nonsense .", 2, "-args"},
		{"test -exec x .", 2, "-exec cannot be given"},
		{"test -run", 2, "needs an argument"},
		{"test -board nonsense", 2, "challenger-rp2040, espat, host"},
		{"test -board host -ssid a", 2, "-ssid is about a simulated board"},
		{"test -pass 12345678", 2, "-ssid"},
		{"test ./nowhere", 1, "./nowhere"},
		{"test", 1, "go mod init"},
		{"overlay x", 2, "no arguments"},
		{"overlay -netdev nonsense", 2, "only: none, hostnet, plain"},
		{"boards x", 2, "no arguments"},
		{"boards", 0, "challenger-rp2040"},
		{"help sim espat", 0, "-listen address"},
		{"sim espat x", 2, "no arguments but flags"},
		{"sim espat -pty -listen unix:x", 2, "-pty and -listen"},
		{"sim espat -version 9", 2, "there are esp32-2.4"},
		{"sim espat -listen tcp:0.0.0.0:1", 2, "write tcp:127.0.0.1:1"},
		{"sim espat -listen nonsense", 2, "unix:PATH"},
		{"sim espat -fault every=2", 2, "kinds=LIST"},
		{"sim espat -ap a:short", 2, "8 to 63"},
		{"run -serial /dev/nowhere .", 2, "-board espat"},
		{"run -board espat -serial /dev/nowhere .", 1, "plugged in"},
		{"run -board espat -serial /dev/nowhere -ap a .", 2, "with -serial there is none"},
		{"run -board espat -firmware arduino-2.0 .", 2, "esp32-2.4"},
		{"version x", 2, "no arguments"},
	} {
		r := finish(t, tinynet(t, dir, strings.Fields(c.args)...))
		got, other := r.stdout, r.stderr
		if c.code != 0 {
			got, other = other, got
			if strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "tinynet: ") {
				t.Errorf("tinynet %s: not one line: %s", c.args, got)
			}
		}
		if r.code != c.code || !strings.Contains(got, c.text) || other != "" {
			t.Errorf("tinynet %s: exit code %d, want %d with %q:\n%s%s", c.args, r.code, c.code, c.text, r.stdout, r.stderr)
		}
	}
	if r := finish(t, tinynet(t, dir)); r.code != 2 || r.stdout != "" || !strings.Contains(r.stderr, "attach") {
		t.Errorf("tinynet alone: %+v", r)
	}
}

const lamp = `package main

import (
	"fmt"
	"io"
	"machine"
	"os"
)

func main() {
	machine.LED.Configure(machine.PinConfig{Mode: machine.PinOutput})
	machine.LED.High()
	in, _ := io.ReadAll(os.Stdin)
	fmt.Printf("%s%q", in, os.Args[1:])
	fmt.Fprintln(os.Stderr, "own words")
	os.Exit(7)
}
`

// The program has its input, its arguments, its output and its exit code; what
// the tool says goes beside it.
func TestRun(t *testing.T) {
	dir := module(t, lamp)
	cmd := tinynet(t, dir, "run", "-board", "nano-rp2040", ".", "-x", "y z")
	cmd.Stdin = strings.NewReader("input\n")
	r := finish(t, cmd)
	if want := "input\n" + `["-x" "y z"]`; r.code != 7 || r.stdout != want {
		t.Errorf("exit code %d, stdout %q; want 7, %q", r.code, r.stdout, want)
	}
	for _, text := range []string{"\nown words\n", "tinynet: Arduino Nano RP2040 Connect", "firmware 2.0.0, MAC ", "tinynet: orange LED on\n"} {
		if !strings.Contains("\n"+r.stderr, text) {
			t.Errorf("%q is missing on stderr:\n%s", text, r.stderr)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the user's folder has %v now (%v)", entries, err)
	}
}

// The flags of the simulated network and chip reach them.
func TestRunOnAnotherFirmware(t *testing.T) {
	dir := module(t, lamp)
	roots := filepath.Join(dir, "roots.pem")
	write(t, roots, "-----BEGIN CERTIFICATE-----\n"+testRoot+"-----END CERTIFICATE-----\n")
	r := finish(t, tinynet(t, dir, "run", "-firmware", "adafruit-3.3", "-ap", "cafe", "-ap", "home:passw0rd", "-roots", roots, "-rtt", "1ms", "-loss", "0.1", "."))
	if r.code != 7 || !strings.Contains(r.stderr, "firmware 3.3.0 of Adafruit, MAC ") {
		t.Errorf("exit code %d, want 7; stderr\n%s", r.code, r.stderr)
	}
	write(t, roots, "nothing")
	r = finish(t, tinynet(t, dir, "run", "-roots", roots, "."))
	if r.code != 2 || !strings.Contains(r.stderr, "there is no certificate in it") {
		t.Errorf("exit code %d, want 2; stderr\n%s", r.code, r.stderr)
	}
}

// The compiler's message is all there is.
func TestDoesNotCompile(t *testing.T) {
	dir := module(t, "package main\n\nfunc main() { undefinedName() }\n")
	r := finish(t, tinynet(t, dir, "run", "."))
	var said []string
	for line := range strings.Lines(r.stderr) {
		if !strings.Contains(line, "building") {
			said = append(said, line)
		}
	}
	want := "# example.com/app\n./main.go:3:15: undefined: undefinedName\n"
	if got := strings.Join(said, ""); r.code != 1 || r.stdout != "" || got != want {
		t.Errorf("exit code %d, want 1; stdout %q; stderr\n%swant\n%s", r.code, r.stdout, got, want)
	}
}

func TestHostPortTaken(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	r := finish(t, tinynet(t, module(t, lamp), "run", "-p", port+":80", "."))
	if r.code != 1 || !strings.Contains(r.stderr, port) || !strings.Contains(r.stderr, "in use") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("exit code %d, stderr:\n%s", r.code, r.stderr)
	}
}

// running is a tool that has been started.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
	stderr *bufio.Reader
}

func start(t *testing.T, cmd *exec.Cmd) *running {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	// A group of its own: what signals the tests send go to one process.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(4*time.Minute, func() { cmd.Process.Kill() })
	t.Cleanup(func() {
		watchdog.Stop()
		cmd.Process.Kill()
	})
	return &running{t, cmd, bufio.NewReader(stdout), bufio.NewReader(stderr)}
}

// await reads lines until one matches.
func await(t *testing.T, r *bufio.Reader, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var seen strings.Builder
	for {
		line, err := r.ReadString('\n')
		seen.WriteString(line)
		if re.MatchString(line) {
			return
		}
		if err != nil {
			t.Fatalf("no line like %q in:\n%s", pattern, seen.String())
		}
	}
}

// code waits for the tool's end.
func (r *running) code() int {
	var read sync.WaitGroup
	read.Go(func() { io.Copy(io.Discard, r.stderr) })
	read.Go(func() { io.Copy(io.Discard, r.stdout) })
	read.Wait()
	r.cmd.Wait()
	return r.cmd.ProcessState.ExitCode()
}

func TestSignals(t *testing.T) {
	dir := module(t, `package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if os.Args[1] == "catch" {
		c := make(chan os.Signal, 8)
		signal.Notify(c)
		fmt.Println("ready")
		s := <-c
		fmt.Println("caught", s)
		os.Exit(int(s.(syscall.Signal)))
	}
	if os.Args[1] == "die" {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
`)
	for _, c := range []struct {
		arg  string
		sig  syscall.Signal
		code int
	}{
		{"catch", syscall.SIGINT, int(syscall.SIGINT)},
		{"catch", syscall.SIGTERM, int(syscall.SIGTERM)},
		{"leave", syscall.SIGINT, 128 + int(syscall.SIGINT)},
		{"leave", syscall.SIGTERM, 128 + int(syscall.SIGTERM)},
	} {
		r := start(t, tinynet(t, dir, "run", ".", c.arg))
		await(t, r.stdout, "ready")
		r.cmd.Process.Signal(c.sig)
		if code := r.code(); code != c.code {
			t.Errorf("%s, %v: exit code %d, want %d", c.arg, c.sig, code, c.code)
		}
	}
	if r := finish(t, tinynet(t, dir, "run", ".", "die")); r.code != 128+9 {
		t.Errorf("a program killed by signal 9: exit code %d, want %d", r.code, 128+9)
	}
}

// A program that was built runs as soon as a board is there, one after the
// other.
func TestBuildAndAttach(t *testing.T) {
	dir := module(t, lamp)
	file := filepath.Join(dir, "app.out")
	if r := finish(t, tinynet(t, dir, "build", "-o", "app.out", ".")); r.code != 0 || r.stdout != "" {
		t.Fatalf("build: %+v", r)
	}
	tmp := shortDir(t)
	socket := filepath.Join(tmp, "s")
	for _, c := range []struct {
		name           string
		args           []string
		tool, variable string
	}{
		{"default path", nil, "TMPDIR=" + tmp, "TMPDIR=" + tmp},
		{"-socket", []string{"-socket", socket}, "TMPDIR=", "TINYNET_BOARD=unix:" + socket},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := tinynet(t, dir, append([]string{"attach"}, c.args...)...)
			cmd.Env = append(cmd.Env, c.tool)
			r := start(t, cmd)
			await(t, r.stderr, "waiting for a program")

			second := tinynet(t, dir, append([]string{"attach"}, c.args...)...)
			second.Env = append(second.Env, c.tool)
			if r := finish(t, second); r.code != 1 || !strings.Contains(r.stderr, "another tinynet waits on ") {
				t.Errorf("a second attach: %+v", r)
			}
			for range 2 {
				app := exec.Command(file, "arg")
				app.Env = append(os.Environ(), c.variable)
				if r := finish(t, app); r.code != 7 || r.stdout != `["arg"]` {
					t.Errorf("the program: %+v", r)
				}
				await(t, r.stderr, "LED on")
				await(t, r.stderr, "gone")
			}
			r.cmd.Process.Signal(syscall.SIGINT)
			if code := r.code(); code != 0 {
				t.Errorf("attach, interrupted: exit code %d", code)
			}
			left, _ := filepath.Glob(filepath.Join(tmp, "tinynet-*", "*"))
			if _, err := os.Lstat(socket); err == nil || len(left) > 0 {
				t.Errorf("the socket was left behind: %v %v", left, err)
			}
		})
	}

	wrong := filepath.Join(tmp, "file")
	write(t, wrong, "")
	if r := finish(t, tinynet(t, dir, "attach", "-socket", wrong)); r.code != 1 || !strings.Contains(r.stderr, "no socket") {
		t.Errorf("-socket with a file: %+v", r)
	}
	if _, err := os.Lstat(wrong); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
	folder := filepath.Join(tmp, "tinynet-"+strconv.Itoa(os.Getuid()))
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := tinynet(t, dir, "attach")
	cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
	if r := finish(t, cmd); r.code != 1 || !strings.Contains(r.stderr, folder) {
		t.Errorf("a folder that is open to others: %+v", r)
	}
}

func TestSource(t *testing.T) {
	dir := t.TempDir()
	cmd := tinynet(t, dir, "version")
	cmd.Env = append(cmd.Env, "TINYNET_ROOT="+dir)
	if r := finish(t, cmd); r.code != 1 || !strings.Contains(r.stderr, dir) {
		t.Errorf("TINYNET_ROOT without a checkout: %+v", r)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if r := finish(t, tinynet(t, dir, "version")); r.code != 0 || !strings.Contains(r.stdout, root+"\n") {
		t.Errorf("the checkout is not %s: %+v", root, r)
	}
}

func TestNoGo(t *testing.T) {
	dir := module(t, lamp)
	for _, args := range [][]string{{"run", "."}, {"overlay"}, {"version"}} {
		cmd := tinynet(t, dir, args...)
		cmd.Env = append(cmd.Env, "PATH="+t.TempDir())
		if r := finish(t, cmd); r.code != 1 || !strings.Contains(r.stderr, "https://go.dev/dl") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

// fetched returns the variables that make a toolchain in the module cache the
// one in PATH.
func fetched(t *testing.T, version string) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(strings.TrimSpace(string(out)), "golang.org",
		"toolchain@v0.0.1-"+version+"."+runtime.GOOS+"-"+runtime.GOARCH, "bin")
	if _, err := os.Stat(filepath.Join(bin, "go")); err != nil {
		t.Skipf("%s is not in the module cache: GOTOOLCHAIN=%s go version would fetch it", version, version)
	}
	return []string{"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "GOROOT=", "GOTOOLCHAIN=local", "GOPROXY=off"}
}

func TestToolchainTooOld(t *testing.T) {
	env := fetched(t, "go1.23.12")
	dir := module(t, lamp)
	for _, args := range [][]string{{"run", "."}, {"build", "-o", "x", "."}, {"overlay"}, {"version"}} {
		cmd := tinynet(t, dir, args...)
		cmd.Env = append(cmd.Env, env...)
		if r := finish(t, cmd); r.code != 1 || !strings.Contains(r.stderr, "go1.23.12") ||
			!strings.Contains(r.stderr, "needs Go 1.25") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

// online is a program on tinynet's net: it opens a connection to itself.
const online = `package main

import (
	"io"
	"net"
	"os"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go func() {
		c, err := l.Accept()
		check(err)
		io.WriteString(c, "through the loopback")
		c.Close()
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	check(err)
	_, err = io.Copy(os.Stdout, c)
	check(err)
}

func check(err error) {
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
}
`

// A toolchain that go has fetched into the module cache takes no overlay as it
// is.
func TestFetchedToolchain(t *testing.T) {
	env := fetched(t, "go1.25.5")
	dir := module(t, online)
	cmd := tinynet(t, dir, "run", ".")
	cmd.Env = append(cmd.Env, env...)
	if r := finish(t, cmd); r.code != 0 || r.stdout != "through the loopback" {
		t.Errorf("%+v", r)
	}
	cmd = tinynet(t, dir, "overlay")
	cmd.Env = append(cmd.Env, env...)
	if r := finish(t, cmd); r.code != 0 || !strings.HasSuffix(r.stdout, ".json\n") || !strings.Contains(r.stderr, "GOROOT=") {
		t.Errorf("overlay: %+v", r)
	}
}

// The path on stdout is all that a build by hand needs.
func TestOverlayByHand(t *testing.T) {
	dir := module(t, online)
	r := finish(t, tinynet(t, dir, "overlay"))
	if r.code != 0 || r.stderr != "" || strings.Count(r.stdout, "\n") != 1 {
		t.Fatalf("overlay: %+v", r)
	}
	file := filepath.Join(dir, "app.out")
	build := exec.Command("go", "build", "-overlay="+strings.TrimSpace(r.stdout), "-o", file, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "PWD="+dir)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if inside, err := overlay.Inside(file); err != nil || !inside {
		t.Errorf("our net is not in the program (%v)", err)
	}
	if r := finish(t, exec.Command(file)); r.code != 0 || r.stdout != "through the loopback" {
		t.Errorf("the program: %+v", r)
	}
}

// testRoot is a certificate that signs nothing.
const testRoot = "" +
	"MIIBADCBs6ADAgECAgEBMAUGAytlcDAPMQ0wCwYDVQQDEwR0ZXN0MCAXDTcwMDEw\n" +
	"MTAwMDAwMFoYDzIwOTYxMDAyMDcwNjQwWjAPMQ0wCwYDVQQDEwR0ZXN0MCowBQYD\n" +
	"K2VwAyEA5XDL9dBrMipB5PS0HzTokZB2lRiqp+I4alM2dmn/G0+jMjAwMA8GA1Ud\n" +
	"EwEB/wQFMAMBAf8wHQYDVR0OBBYEFLzWZ8q6SXZj3TW+6Y8R+LmI32j0MAUGAytl\n" +
	"cANBADme8gSaWq1R7ROuhXQ3ztpYeT4Ms7abcCG12Xlq6YEd9czZ9/eb4KBK0zUS\n" +
	"NFIDzhOmeLTEQmwpOAtwEG/SlQM=\n"
