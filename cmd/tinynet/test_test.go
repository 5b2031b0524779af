//go:build unix

package main

import (
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Flags of the tool's and of go test's come in any order, each with its value.
func TestSplitTestArgs(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "--"},
		{"-v -board host ./... -run X", "-board host -- -v ./... -run X"},
		{"-run -board . --pace -ssid=a", "--pace -ssid=a -- -run -board ."},
		{"-test.run X -count=3 . -args -board x", "-- -test.run X -count=3 . -args -board x"},
		{"-isolated . -help", "-isolated -help -- ."},
	} {
		flags := flag.NewFlagSet("", flag.ContinueOnError)
		testFlags(flags)
		got, err := splitTestArgs(flags, strings.Fields(c.args))
		if err != nil || !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: got %q, %v, want %s", c.args, got, err, c.want)
		}
	}
}

const testedWith = `package app

import (
	"io"
	"machine"
	"net"
	"os"
	"testing"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/netlink/probe"
)

var dev netdev.Netdever

func TestMain(m *testing.M) {
	link, d := probe.Probe()
	dev = d
	if err := link.NetConnect(&netlink.ConnectParams{Ssid: "any"}); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// TestNet talks over net, and says which network it is in.
func TestNet(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			io.WriteString(c, "hello")
			c.Close()
		}
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(c)
	addr, _ := dev.Addr()
	t.Logf("%s from %v with %q", text, addr, os.Args[len(os.Args)-1])
}

func TestPin(t *testing.T) {
	machine.LED.Configure(machine.PinConfig{Mode: machine.PinOutput})
	machine.LED.High()
}

func TestFails(t *testing.T) { t.Error("words") }
`

// A user's tests have net on a board's chip or on this machine's sockets, and
// go test's flags.
func TestTest(t *testing.T) {
	dir := module(t, "package app\n")
	write(t, filepath.Join(dir, "app_test.go"), testedWith)
	r := finish(t, tinynet(t, dir, "test", "-v", "-ssid", "any", ".", "-run=Net|Pin", "-args", "last"))
	for _, text := range []string{`hello from 10.0.0.2 with "last"`, "ok  \texample.com/app\t", "LED on", `joined "any"`} {
		if r.code != 0 || !strings.Contains(r.stdout, text) {
			t.Fatalf("exit code %d, %q should be in\n%s%s", r.code, text, r.stdout, r.stderr)
		}
	}
	r = finish(t, tinynet(t, dir, "test", "-v", "-board=host", "-run", "Net", "-args", "last"))
	if r.code != 0 || !strings.Contains(r.stdout, "hello from ") || strings.Contains(r.stdout, "10.0.0.2 ") {
		t.Errorf("on the host: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r = finish(t, tinynet(t, dir, "test", "-board", "host", "-run", "Fails"))
	if r.code != 1 || !strings.Contains(r.stdout, "words") {
		t.Errorf("a failing test: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("the user's folder has %v now (%v)", entries, err)
	}
}

const hostProgram = `package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	c, err := net.Dial("tcp", os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	fmt.Fprint(c, "hello")
	c.Close()
}
`

// With -board host a program that knows no driver has this machine's network.
func TestRunOnHost(t *testing.T) {
	dir := module(t, hostProgram)
	l, text := receiver(t)
	r := finish(t, tinynet(t, dir, "run", "-board", "host", ".", l))
	if r.code != 0 || r.stdout != "" {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if got := <-text; got != "hello" {
		t.Errorf("received %q", got)
	}
	// What has been built for the host runs without the tool.
	program := filepath.Join(dir, "program")
	if r := finish(t, tinynet(t, dir, "build", "-board", "host", "-o", program, "main.go")); r.code != 0 {
		t.Fatal(r.stderr)
	}
	l, text = receiver(t)
	if r := finish(t, exec.Command(program, l)); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	if got := <-text; got != "hello" {
		t.Errorf("received %q", got)
	}
}

// receiver listens on the loopback. What the first connection sends is sent to
// the channel.
func receiver(t *testing.T) (addr string, text chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	text = make(chan string, 1)
	go func() {
		defer close(text)
		c, err := l.Accept()
		if err != nil {
			return
		}
		got, _ := io.ReadAll(c)
		text <- string(got)
	}()
	return l.Addr().String(), text
}

// GOROOT's own tests run on our net, and are counted beside stock's.
func TestStd(t *testing.T) {
	dir := t.TempDir()
	r := finish(t, tinynet(t, dir, "test", "std", "net/textproto", "net/rpc/jsonrpc"))
	if r.code != 0 || !strings.Contains(r.stderr, "net/textproto on stock: ") || !strings.Contains(r.stderr, "net/textproto on hostnet: ") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for line := range strings.Lines(r.stdout) {
		f := strings.Fields(line)
		if len(f) != 8 || f[0] == "package" {
			continue
		}
		if n := f[1]; n == "0" || f[2] != "0" || !strings.HasPrefix(f[6], n+"/0/") {
			t.Errorf("not as stock's, or nothing: %s", line)
		}
	}
	// The second time stock's results are known.
	r = finish(t, tinynet(t, dir, "test", "std", "-netdev", "plain", "-v", "net/textproto"))
	if r.code != 0 || strings.Contains(r.stderr, "on stock") || !strings.Contains(r.stdout, "net/textproto") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := finish(t, tinynet(t, dir, "test", "std", "textproto")); r.code != 1 || !strings.Contains(r.stderr, "full paths") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r = finish(t, tinynet(t, dir, "test", "std", "-nostock", "-run", "Nothing$", "net/textproto"))
	if r.code != 1 || !strings.Contains(r.stderr, "none matches -run Nothing$") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// The board of a test has everything that the command line says.
func TestFlagsReachTheBoard(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "roots.pem", "-----BEGIN CERTIFICATE-----\n"+testRoot+"-----END CERTIFICATE-----\n")
	given := []string{"-board=espat", "-ap=home:pass:word", "-ap=cafe", "-ap=two words", "-host=a=10.0.0.1", "-host=b=10.0.0.3",
		"-fault=every=5 kinds=busy", "-fault=every=9 kinds=lose", "-seed=3", "-roots=roots.pem", "-loss=0.1", "-rtt=5ms", "-pace"}
	parse := func(args []string) (f *simFlags, again []string) {
		flags := newFlags(testCommand)
		f = testFlags(flags)
		if err := flags.Parse(args); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		flags.Visit(func(g *flag.Flag) {
			for _, v := range flagValues(g) {
				again = append(again, "-"+g.Name+"="+v)
			}
		})
		return f, again
	}
	want, again := parse(given)
	t.Chdir(t.TempDir()) // as go test runs a test in its package's folder
	got, _ := parse(again)
	if !reflect.DeepEqual(got.inRange, want.inRange) || !reflect.DeepEqual(got.faults, want.faults) || !reflect.DeepEqual(got.hosts, want.hosts) ||
		!got.roots.pool.Equal(want.roots.pool) || got.seed != 3 || got.loss != 0.1 || got.rtt != 5*time.Millisecond || !got.pace {
		t.Errorf("of %q\nthis is left: %q", given, again)
	}
	if len(got.inRange) != 3 || got.inRange[0].Passphrase != "pass:word" {
		t.Errorf("access points %q", got.inRange)
	}
}
