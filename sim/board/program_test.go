//go:build unix

package board

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tinynet/sim/network"
)

// build compiles the package in a module below testdata for a board and
// returns the path of the program.
func build(t *testing.T, spec Spec, module, pkg string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "program")
	cmd := goCommand(module, "build", "-tags", strings.Join(spec.Tags, ","), "-o", exe, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return exe
}

// goCommand returns a go command in a module below testdata, which is outside
// of the workspace.
func goCommand(module string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join("testdata", module)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	return cmd
}

// runProgram runs a program on the board and returns what it printed.
func runProgram(t *testing.T, b *Board, exe string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ours, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), "TINYNET_BOARD=fd:3")
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if err := b.Serve(ours); err != nil {
		t.Logf("Serve: %v", err)
	}
	cmd.Wait()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// Package machine's numbers and the board's are the same, and Probe's driver
// finds the chip.
func TestProgramBuiltForEachBoard(t *testing.T) {
	for _, spec := range boardsWith(WiFiNINA) {
		t.Run(spec.Name, func(t *testing.T) {
			b, e := start(t, spec, Config{Network: isolated(t), SSID: "home", Passphrase: "correct horse"})
			stdout, stderr, code := runProgram(t, b, build(t, spec, "program", "."))
			w := spec.Wiring
			want := fmt.Sprintln(spec.MCU, w.LED, w.CS, w.Ready, w.GPIO0, w.Reset) +
				"true\n" +
				"the WiFiNINA chip takes SPI mode 0, most significant bit first\n" + // so it is the chip's bus
				"10.0.0.2 <nil>\n" +
				"24:0a:c4:00:00:02 <nil>\n"
			if stdout != want || stderr != "" || code != 0 {
				t.Errorf("exit status %d, printed\n%s%swant\n%s", code, stdout, stderr, want)
			}
			got := e.since(1)
			for _, want := range []string{w.LEDName + " on", `joined "home", IP 10.0.0.2`, w.LEDName + " off"} {
				if !slices.Contains(got, want) {
					t.Errorf("no event %q in %q", want, got)
				}
			}
		})
	}
}

// isolated returns a network that reaches no further than this machine.
func isolated(t *testing.T) *network.Host {
	t.Helper()
	host, err := network.NewHost(network.HostConfig{Isolated: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	return host
}

func TestProgramBuiltForAnotherBoard(t *testing.T) {
	pyportal, _ := Lookup("pyportal")
	metro, _ := Lookup("metro-m4-airlift")
	b, _ := start(t, metro, Config{})
	for tags, want := range map[string]string{
		"pyportal": "machine: the program does not fit the simulated board: it was built for \"pyportal\", and the board is \"metro-m4-airlift\": build it with 'tinynet build -board metro-m4-airlift'\n",
		"":         "machine: the program does not fit the simulated board: it was built for no board: build it with 'tinynet build -board metro-m4-airlift', or with -tags metro_m4_airlift,ninafw\n",
	} {
		pyportal.Tags = []string{tags}
		_, stderr, code := runProgram(t, b, build(t, pyportal, "program", "."))
		if stderr != want || code != 1 {
			t.Errorf("tags %q: exit status %d, stderr\n%swant\n%s", tags, code, stderr, want)
		}
	}
}

// download fetches TinyGo's drivers, or skips the test.
func download(t *testing.T) {
	t.Helper()
	if out, err := goCommand("drivers", "mod", "download").CombinedOutput(); err != nil {
		t.Skipf("tinygo.org/x/drivers cannot be downloaded: %v\n%s", err, out)
	}
}

// TinyGo's three Wi-Fi drivers, and its probe, compile on package machine.
func TestTinyGosDriversCompile(t *testing.T) {
	download(t)
	tags := []string{"wioterminal"} // RTL8720DN
	for _, spec := range All() {
		if spec.Flash == 0 {
			continue // TinyGo has no such board
		}
		tags = append(tags, strings.Join(spec.Tags, ","))
	}
	for _, tags := range tags {
		if out, err := goCommand("drivers", "build", "-tags", tags, ".").CombinedOutput(); err != nil {
			t.Errorf("tags %s: %v\n%s", tags, err, out)
		}
	}
}

// TinyGo's own driver, in a program of its own, works on the simulated chip.
func TestTinyGosDriverWorks(t *testing.T) {
	download(t)
	for _, name := range []string{"pyportal", "arduino-mkrwifi1010"} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			served := make(chan string, 1)
			go func() {
				conn, err := l.Accept()
				if err != nil {
					served <- err.Error()
					return
				}
				line, _ := bufio.NewReader(conn).ReadString('\n')
				io.WriteString(conn, "you said "+line)
				conn.Close()
				served <- line
			}()

			spec, _ := Lookup(name)
			b, e := start(t, spec, Config{Network: isolated(t), SSID: "home", Passphrase: "correct horse"})
			_, port, _ := net.SplitHostPort(l.Addr().String())
			stdout, stderr, code := runProgram(t, b, build(t, spec, "drivers", "./wifinina"), port)
			if code != 0 || !strings.HasSuffix(stdout, "address 10.0.0.2\nreceived \"you said hello\\n\"\n") {
				t.Errorf("exit status %d, printed\n%s%s", code, stdout, stderr)
			}
			l.Close()
			if line := <-served; line != "hello\n" {
				t.Errorf("the server got %q", line)
			}
			if got := e.since(1); !slices.Contains(got, `joined "home", IP 10.0.0.2`) {
				t.Errorf("events %q", got)
			}
		})
	}
}

// TinyGo's own ESP-AT driver, unmodified, works on the simulated module. It
// knows of no echo: whatever it looks for is found in what it has sent as well.
func TestTinyGosESPATDriverWorks(t *testing.T) {
	download(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			served <- err.Error()
			return
		}
		defer conn.Close()
		line, _ := bufio.NewReader(conn).ReadString('\n')
		io.WriteString(conn, "you said "+line)
		// Its Close wants no CLOSED before.
		io.Copy(io.Discard, conn)
		served <- line
	}()

	spec, _ := Lookup("challenger-rp2040")
	b, e := start(t, spec, Config{Network: isolated(t), SSID: "home", Passphrase: "correct horse"})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	stdout, stderr, code := runProgram(t, b, build(t, spec, "drivers", "./espat"), port)
	if code != 0 || !strings.HasSuffix(stdout, "address 10.0.0.2\nlook-up 10.0.0.1\nreceived \"you said hello\\n\"\n") {
		t.Errorf("exit status %d, printed\n%s%s\n%s", code, stdout, stderr, strings.Join(e.lines, "\n"))
	}
	l.Close()
	if line := <-served; line != "hello\n" {
		t.Errorf("the server got %q", line)
	}
	if got := e.since(1); !slices.Contains(got, `joined "home", IP 10.0.0.2`) {
		t.Errorf("events %q", got)
	}
}
