package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// needEmulator skips the test where there is no TinyGo or no emulator. It
// returns the version of TinyGo, LLVM and Go.
func needEmulator(t *testing.T) (compiler string) {
	t.Helper()
	name := os.Getenv("TINYGO")
	if name == "" {
		name = "tinygo"
	}
	if _, err := exec.LookPath(name); err != nil {
		t.Skip("there is no tinygo in PATH, and $TINYGO names none")
	}
	if _, err := exec.LookPath("qemu-arm"); err != nil {
		t.Skip("there is no qemu-arm in PATH (Debian and Ubuntu: qemu-user)")
	}
	cmd := exec.Command(tool, "tinygo", "version")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Skip("TinyGo cannot be used: ", stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// buildEmulated builds the program in the folder dir with TinyGo and returns
// its file. arg are more of TinyGo's arguments.
func buildEmulated(t *testing.T, dir string, arg ...string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "program.elf")
	cmd := exec.Command(tool, append(append([]string{"tinygo", "build", "-o", file}, arg...), ".")...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tinynet %s: %v\n%s", strings.Join(cmd.Args[1:], " "), err, out)
	}
	return file
}

// stop ends a tool, and what it runs, before the test is over.
func (p *process) stop() {
	p.t.Helper()
	select {
	case <-p.exited:
		return
	default:
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
		p.t.Fatal("the tool did not end within 10 s of SIGTERM")
	}
}

func example(t *testing.T, name string) string {
	return filepath.Join(root(t), "examples", "net", name)
}

// onEmulatedBoards runs a test for each driver, with the beginning of the tool's command
// line.
func onEmulatedBoards(t *testing.T, test func(t *testing.T, emulate ...string)) {
	needEmulator(t)
	for _, board := range []string{"pyportal", "challenger-rp2040"} {
		t.Run(board, func(t *testing.T) { test(t, "emulate", "-isolated", "-board", board) })
	}
}

func TestEmulatedSocket(t *testing.T) { onEmulatedBoards(t, emulatedSocket) }

func emulatedSocket(t *testing.T, emulate ...string) {
	l, err := net.Listen("tcp", "127.0.0.1:8080") // the program's port is fixed
	if err != nil {
		t.Skip("port 8080 of this machine is taken:", err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		line, _ := bufio.NewReader(c).ReadString('\n')
		io.WriteString(c, "got: "+line)
	}()
	code, stdout, stderr := run(t, root(t), append(emulate, "./examples/net/socket")...)
	if want := "got: hello from the board\n"; code != 0 || stdout != want {
		t.Errorf("exit code %d, stdout %q; stderr:\n%s", code, stdout, stderr)
	}
}

func TestEmulatedTCPEcho(t *testing.T) { onEmulatedBoards(t, emulatedTCPEcho) }

func emulatedTCPEcho(t *testing.T, emulate ...string) {
	port := freePort(t)
	p := start(t, root(t), append(emulate, "-p", port+":8080", "./examples/net/tcpecho")...)
	p.await("127.0.0.1:" + port)
	var open []net.Conn
	for range 3 { // at once
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	for _, c := range open {
		c.SetDeadline(time.Now().Add(time.Minute))
		in := bufio.NewReader(c)
		for _, line := range []string{"hello\n", strings.Repeat("x", 5000) + "\n"} {
			io.WriteString(c, line)
			if got, err := in.ReadString('\n'); got != line {
				t.Fatalf("%v, %d bytes of %d came back", err, len(got), len(line))
			}
		}
	}
}

func TestEmulatedWebserver(t *testing.T) { onEmulatedBoards(t, emulatedWebserver) }

func emulatedWebserver(t *testing.T, emulate ...string) {
	port := freePort(t)
	p := start(t, root(t), append(emulate, "-p", port+":80", "./examples/net/webserver")...)
	p.await("127.0.0.1:" + port)
	page := "http://127.0.0.1:" + port + "/"
	for i := range 10 {
		if err := getPage(http.DefaultClient, page); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	resp, err := http.Post(page+"on", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	p.await("LED on")
}

func getPage(c *http.Client, page string) error {
	resp, err := c.Get(page)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != 200 || !strings.HasSuffix(string(body), "</html>\n")) {
		err = fmt.Errorf("status %d, page %q", resp.StatusCode, body)
	}
	return err
}

func TestEmulatedHTTPGet(t *testing.T) { onEmulatedBoards(t, emulatedHTTPGet) }

func emulatedHTTPGet(t *testing.T, emulate ...string) {
	want := strings.Repeat("a page of the host's server\n", 400)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, want) }))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	code, stdout, stderr := run(t, root(t), append(emulate, "-ldflags", "-X main.url=http://host:"+port+"/", "./examples/net/http-get")...)
	if code != 0 || stdout != "HTTP/1.1 200 OK\r\n"+want && stdout != "HTTP/1.1 200 OK\n"+want {
		t.Errorf("exit code %d, %d bytes of %d on stdout; stderr:\n%s", code, len(stdout), len(want), stderr)
	}
}

func TestEmulatedTCPClient(t *testing.T) { onEmulatedBoards(t, emulatedTCPClient) }

func emulatedTCPClient(t *testing.T, emulate ...string) {
	port := oneClient(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		for range 2 { // a second apart
			line, _ := in.ReadString('\n')
			io.WriteString(c, "got: "+line)
		}
	})
	code, stdout, stderr := run(t, root(t), append(emulate, "-ldflags", "-X main.addr=host:"+port, "./examples/net/tcpclient")...)
	if want := "got: line 1 from the board\ngot: line 2 from the board\n"; code != 0 || !strings.HasPrefix(stdout, want) {
		t.Errorf("exit code %d, stdout %q; stderr:\n%s", code, stdout, stderr)
	}
}

func TestEmulatedNTPClient(t *testing.T) { onEmulatedBoards(t, emulatedNTPClient) }

func emulatedNTPClient(t *testing.T, emulate ...string) {
	want := time.Date(2041, 5, 4, 3, 2, 1, 0, time.UTC)
	port := timeServer(t, want)
	code, stdout, stderr := run(t, root(t), append(emulate, "-ldflags", "-X main.server=host:"+port, "./examples/net/ntpclient")...)
	if code != 0 || stdout != want.Format(time.RFC3339)+"\n" {
		t.Errorf("exit code %d, stdout %q; stderr:\n%s", code, stdout, stderr)
	}
}

// A heap that is too small has to show as what it is, and end the program.
func TestEmulatedHeapIsAsLargeAsSaid(t *testing.T) {
	needEmulator(t)
	code, stdout, stderr := run(t, root(t), "emulate", "-isolated", "-heap", "9K", "./examples/net/tcpecho")
	if code != 2 || !strings.Contains(stdout, "out of memory") {
		t.Errorf("exit code %d, stdout %q; stderr:\n%s", code, stdout, stderr)
	}
}

// On a whole machine there are interrupts, and a stack of their own.
func TestEmulatedMachine(t *testing.T) {
	needEmulator(t)
	if _, err := exec.LookPath("qemu-system-arm"); err != nil {
		t.Skip("there is no qemu-system-arm in PATH (Debian and Ubuntu: qemu-system-arm)")
	}
	port := freePort(t)
	p := start(t, root(t), "emulate", "-target", "lm3s6965evb", "-isolated", "-p", port+":8080", "./examples/net/tcpecho")
	p.await("127.0.0.1:" + port)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := echoClient(ctx, port); err != nil {
		t.Error(err)
	}
}

// measuring makes a module of an example and what measures it, with a probe
// of testdata/emulated in place of ours, and returns its folder.
func measuring(t *testing.T, name, probe string) string {
	t.Helper()
	dir := t.TempDir()
	parts := filepath.Join(root(t), "e2e", "testdata", "emulated")
	text, err := os.ReadFile(filepath.Join(example(t, name), "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	source := string(text)
	replace := func(old, new string) {
		if strings.Count(source, old) != 1 {
			t.Fatalf("%s does not have %q once", name, old)
		}
		source = strings.Replace(source, old, new, 1)
	}
	replace(`"tinynet/netlink/probe"`, `"example.com/emulated/probe"`)
	if name == "http-get" { // which makes one request
		replace("func main()", "func example()")
		copyFolder(t, filepath.Join(parts, "loop"), dir)
	}
	copyFolder(t, filepath.Join(parts, "stack"), filepath.Join(dir, "stack"))
	copyFolder(t, filepath.Join(parts, "count"), filepath.Join(dir, "count"))
	copyFolder(t, filepath.Join(parts, probe), filepath.Join(dir, "probe"))
	for name, text := range map[string]string{"main.go": source, "go.mod": "module example.com/emulated\n\ngo 1.23\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// peer is what is at the other end of a measured program: it makes a hundred
// requests in a row, or answers them.
type peer func(ctx context.Context, port string) error

// echoClient makes each request on a connection of its own, and the next one when
// the board has closed that.
func echoClient(ctx context.Context, port string) error {
	for i := range 100 {
		c, err := dialBoard(ctx, port)
		if err == nil {
			err = echoes(c)
		}
		if err != nil {
			return fmt.Errorf("request %d: %w", i, err)
		}
	}
	return nil
}

// pairs has two connections at a time: the second makes its request, and has its
// answer, while the first has not made one yet.
func pairs(request func(net.Conn) error) peer {
	return func(ctx context.Context, port string) error {
		for i := range 50 {
			a, err := dialBoard(ctx, port)
			if err != nil {
				return fmt.Errorf("request %d: %w", i, err)
			}
			b, err := dialBoard(ctx, port)
			if err == nil {
				err = request(b)
			}
			if err == nil {
				err = request(a)
			}
			a.Close()
			if err != nil {
				return fmt.Errorf("request %d: %w", i, err)
			}
		}
		return nil
	}
}

// dialBoard connects to the board. The connection ends with the context.
func dialBoard(ctx context.Context, port string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:"+port)
	if err == nil {
		context.AfterFunc(ctx, func() { c.Close() })
	}
	return c, err
}

// echoes sends a line, gets it back, and waits for the end of the connection.
func echoes(c net.Conn) error {
	defer c.Close()
	line := strings.Repeat("x", 63) + "\n"
	io.WriteString(c, line)
	in := bufio.NewReader(c)
	if got, err := in.ReadString('\n'); got != line {
		return fmt.Errorf("%q came back, %v", got, err)
	}
	c.(*net.TCPConn).CloseWrite()
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		return fmt.Errorf("%q came after it, %v", rest, err)
	}
	return nil
}

// webClient gets a page on each connection, and waits for its end.
func webClient(ctx context.Context, port string) error {
	for i := range 100 {
		c, err := dialBoard(ctx, port)
		if err == nil {
			err = getsPage(c)
		}
		if err != nil {
			return fmt.Errorf("request %d: %w", i, err)
		}
	}
	return nil
}

func getsPage(c net.Conn) error {
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n")
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != 200 || !strings.HasSuffix(string(body), "</html>\n")) {
		err = fmt.Errorf("status %d, page %q", resp.StatusCode, body)
	}
	if err == nil {
		_, err = in.ReadByte()
		if err == io.EOF {
			err = nil
		}
	}
	return err
}
