//go:build unix

package machine

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"machine/wire"
)

// The tests start their own binary as a program on a board: programVariable
// says which.
const programVariable = "MACHINE_TEST_PROGRAM"

var programs = map[string]func(){
	// get reads a pin.
	"get": func() { fmt.Println(LED.Get()) },
	// all uses everything once.
	"all": func() {
		LED.Configure(PinConfig{Mode: PinOutput})
		LED.High()
		if err := SPI0.Configure(SPIConfig{Frequency: 8 * MHz}); err != nil {
			fmt.Println(err)
		}
		r := make([]byte, 5)
		err := SPI0.Tx([]byte("hello"), r)
		fmt.Printf("%q %v\n", r, err)
		b, err := SPI0.Transfer('x')
		fmt.Printf("%q %v\n", b, err)
		fmt.Println(SPI0.Tx(make([]byte, 2), make([]byte, 3)) == ErrTxInvalidSliceSize)
		fmt.Println(SPI0.Configure(SPIConfig{Mode: 4}) != nil)
		UART1.Configure(UARTConfig{})
		UART1.Write([]byte("AT\r\n"))
		c, err := UART1.ReadByte()
		fmt.Printf("%d %q %v\n", UART1.Buffered(), c, err)
		NoPin.Configure(PinConfig{Mode: PinOutput})
		NoPin.High()
		fmt.Println(NoPin.Get())
	},
	// storm uses the board from several goroutines until it is gone.
	"storm": func() {
		var wg sync.WaitGroup
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					LED.Get()
				}
			}()
		}
		wg.Wait()
	},
	// parent leaves a program behind that lives until its input ends.
	"parent": func() {
		LED.Get()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), programVariable+"=child")
		cmd.Stdin = os.Stdin
		if err := cmd.Start(); err != nil {
			fmt.Println(err)
		}
	},
	"child": func() { io.Copy(io.Discard, os.Stdin) },
	// serial answers what it is told.
	"serial": func() {
		var line []byte
		for {
			n := Serial.Buffered()
			b, err := Serial.ReadByte()
			if err != nil {
				if n > 0 {
					fmt.Println("buffered, and not to be read:", err)
				}
				continue
			}
			if line = append(line, b); b == '\n' {
				break
			}
		}
		Serial.WriteByte('>')
		Serial.Write(bytes.ToUpper(line))
	},
}

func TestMain(m *testing.M) {
	if name := os.Getenv(programVariable); name != "" {
		programs[name]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program returns a command that runs the program of that name in an
// environment without a board, and what it will have printed.
func program(t *testing.T, name string, env ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), programVariable+"="+name, boardVariable+"=", "TMPDIR="+t.TempDir())
	cmd.Env = append(cmd.Env, env...)
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return
}

// answer is a board on one connection: hello is accepted, pins are high, SPI
// returns what was sent plus one, UARTs have received "OK". refusal, if not
// empty, is the answer to hello. It returns every request but the hello, once
// the program is gone or has made limit requests.
func answer(rw io.ReadWriteCloser, refusal string, limit int) (requests []wire.Header) {
	defer rw.Close()
	conn := wire.NewConn(rw)
	for len(requests) < limit {
		h, p, err := conn.Read()
		if err != nil {
			return requests
		}
		if h.Op != wire.OpHello {
			requests = append(requests, h)
		}
		r, rp := wire.Header{Op: h.Op}, []byte(nil)
		switch h.Op {
		case wire.OpHello:
			rp = []byte("test")
			if refusal != "" {
				r.Status, rp = wire.StatusRefused, []byte(refusal)
			}
		case wire.OpPinGet:
			r.Value = 1
		case wire.OpSPITransfer:
			rp = make([]byte, h.N)
			for i := range rp {
				rp[i] = p[i] + 1
			}
		case wire.OpUARTRead:
			rp = []byte("OK")
		}
		if h.Answered() && conn.Write(r, rp) != nil {
			return requests
		}
	}
	return requests
}

// pair returns our end of a socket and the file of the other.
func pair(t *testing.T) (io.ReadWriteCloser, *os.File) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	return os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
}

func TestProgramOnAnInheritedDescriptor(t *testing.T) {
	ours, theirs := pair(t)
	cmd, stdout, stderr := program(t, "all", "TINYNET_BOARD=fd:3")
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	got := answer(ours, "", 1000)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, stderr)
	}
	if want := "\"ifmmp\" <nil>\n'y' <nil>\ntrue\ntrue\n1 'O' <nil>\nfalse\n"; stdout.String() != want {
		t.Errorf("printed %q, want %q", stdout, want)
	}
	want := []wire.Header{
		{Op: wire.OpPinConfigure, Unit: uint8(LED), Value: uint8(wire.ModeOutput)},
		{Op: wire.OpPinSet, Unit: uint8(LED), Value: 1},
		{Op: wire.OpSPIConfigure, Unit: SPI0.bus, N: 8 * MHz},
		{Op: wire.OpSPITransfer, Unit: SPI0.bus, N: 5, Size: 5},
		{Op: wire.OpSPITransfer, Unit: SPI0.bus, N: 1, Size: 1},
		{Op: wire.OpUARTConfigure, Unit: 1, N: 115200},
		{Op: wire.OpUARTWrite, Unit: 1, Size: 4},
		{Op: wire.OpUARTRead, Unit: 1, N: wire.MaxPayload},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("requests\n%v, want\n%v", got, want)
	}
}

func TestProgramFindsTheSocketInTheFileSystem(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{
		"TINYNET_BOARD=unix:" + filepath.Join(dir, "x"): filepath.Join(dir, "x"),
		"TMPDIR=" + dir: filepath.Join(dir, "tinynet-"+strconv.Itoa(os.Getuid()), "board.sock"),
	} {
		os.MkdirAll(filepath.Dir(path), 0o700)
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		done := make(chan struct{})
		go func() {
			defer close(done)
			if conn, err := l.Accept(); err == nil {
				answer(conn, "", 1000)
			}
		}()
		cmd, stdout, stderr := program(t, "get", name)
		if err := cmd.Run(); err != nil || stdout.String() != "true\n" {
			t.Errorf("%s: %v, printed %q and %q", name, err, stdout, stderr)
		}
		l.Close()
		<-done
	}
}

// Each failure is one line on stderr and exit status 1: no stack trace, and no
// sign that there is a wire.
func TestProgramWithoutABoardSaysSo(t *testing.T) {
	stale := t.TempDir()
	path := filepath.Join(stale, "tinynet-"+strconv.Itoa(os.Getuid()), "board.sock")
	os.MkdirAll(filepath.Dir(path), 0o700)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()

	const noBoard = "machine: no board: start the program with 'tinynet run', or start 'tinynet attach' first\n"
	for env, want := range map[string]string{
		"X=":                             noBoard,
		"TMPDIR=" + stale:                noBoard,
		"TINYNET_BOARD=fd:77":            "machine: descriptor 77, which TINYNET_BOARD names, is no board: bad file descriptor: start the program with 'tinynet run'\n",
		"TINYNET_BOARD=fd:0":             "machine: descriptor 0, which TINYNET_BOARD names, is no board: socket operation on non-socket: start the program with 'tinynet run'\n",
		"TINYNET_BOARD=unix:/no/such/it": "machine: no board at /no/such/it, which TINYNET_BOARD names: connect: no such file or directory: is 'tinynet attach' running?\n",
		"TINYNET_BOARD=unix:":            "machine: TINYNET_BOARD is \"unix:\": it should be fd:N or unix:/path\n",
		"TINYNET_BOARD=fd:":              "machine: TINYNET_BOARD is \"fd:\": it should be fd:N or unix:/path\n",
		"TINYNET_BOARD=fd:-1":            "machine: TINYNET_BOARD is \"fd:-1\": it should be fd:N or unix:/path\n",
		"TINYNET_BOARD=usb":              "machine: TINYNET_BOARD is \"usb\": it should be fd:N or unix:/path\n",
	} {
		cmd, stdout, stderr := program(t, "get", env)
		cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != 1 || stderr.String() != want || stdout.Len() != 0 {
			t.Errorf("%s: exit status %d, stderr\n%swant\n%sstdout %q", env, code, stderr, want, stdout)
		}
	}
}

// In a folder for everybody's temporary files somebody else may have made ours.
func TestProgramIgnoresAnotherUsersSocket(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	ours := filepath.Join(dir, "tinynet-0")
	if err := os.Mkdir(ours, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(ours, "board.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chown(ours, 12345, -1); err != nil {
		t.Fatal(err)
	}
	go func() {
		if conn, err := l.Accept(); err == nil {
			answer(conn, "", 1000)
		}
	}()
	cmd, _, stderr := program(t, "get", "TMPDIR="+dir)
	cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(stderr.String(), "no board") {
		t.Errorf("exit status %d, stderr %q", code, stderr)
	}
}

func TestProgramThatIsRefusedSaysWhy(t *testing.T) {
	ours, theirs := pair(t)
	cmd, _, stderr := program(t, "get", "TINYNET_BOARD=fd:3")
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	answer(ours, "the board is another", 1000)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 || stderr.String() != "machine: the board is another\n" {
		t.Errorf("exit status %d, stderr %q", code, stderr)
	}
}

// One line, however many goroutines notice.
func TestProgramEndsWithItsBoard(t *testing.T) {
	ours, theirs := pair(t)
	cmd, _, stderr := program(t, "storm", "TINYNET_BOARD=fd:3")
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	answer(ours, "", 100)
	cmd.Wait()
	lines := strings.Count(stderr.String(), "\n")
	if code := cmd.ProcessState.ExitCode(); code != 1 || lines != 1 || !strings.HasPrefix(stderr.String(), "machine: the simulated board has gone away") {
		t.Errorf("exit status %d, stderr %q", code, stderr)
	}
}

// The board notices the end of a program that leaves others behind.
func TestDescriptorIsNotPassedOn(t *testing.T) {
	ours, theirs := pair(t)
	cmd, stdout, stderr := program(t, "parent", "TINYNET_BOARD=fd:3")
	cmd.ExtraFiles = []*os.File{theirs}
	stdin, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = stdin
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	theirs.Close()
	if got := answer(ours, "", 1000); len(got) != 1 { // hangs if the child has the descriptor
		t.Errorf("%d requests, want 1", len(got))
	}
	w.Close()
	if err := cmd.Wait(); err != nil || stdout.Len()+stderr.Len() != 0 {
		t.Errorf("%v, %s%s", err, stdout, stderr)
	}
}

func TestSerialIsStandardInputAndOutput(t *testing.T) {
	cmd, stdout, stderr := program(t, "serial")
	cmd.Stdin = strings.NewReader(strings.Repeat("led on ", 100) + "\n")
	if err := cmd.Run(); err != nil || stderr.Len() != 0 {
		t.Fatalf("%v: %s", err, stderr)
	}
	if want := ">" + strings.Repeat("LED ON ", 100) + "\n"; stdout.String() != want {
		t.Errorf("printed %q, want %q", stdout, want)
	}
}

// On the simulated board net is our own and works on this package.
func TestPackageDoesNotNeedNet(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range strings.Fields(string(out)) {
		if pkg == "net" || strings.HasPrefix(pkg, "net/") {
			t.Errorf("package machine imports %s", pkg)
		}
	}
}
