package e2e

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// launcher has a way to run the examples on a board.
type launcher struct {
	// launch starts an example. flags are the simulation's. What runs may be one
	// process or two: what the tool says about the board is on board's stderr.
	launch func(t *testing.T, flags []string, example string, args ...string) (program, board *process)

	// chatty says that the driver prints on the program's stdout.
	chatty bool

	// once says that the driver can serve one connection after the other only by
	// luck: TinyGo's stop a connection that has the socket of one closed before.
	once bool
}

// ours is `tinynet run` on the examples as they are.
var ours = launcher{launch: func(t *testing.T, flags []string, example string, args ...string) (program, board *process) {
	p := start(t, root(t), runArgs(flags, "./examples/net/"+example, args)...)
	return p, p
}}

// with is the launcher with more flags.
func (by launcher) with(more ...string) launcher {
	launch := by.launch
	by.launch = func(t *testing.T, flags []string, example string, args ...string) (program, board *process) {
		return launch(t, slices.Concat(more, flags), example, args...)
	}
	return by
}

// runArgs is a command line of `tinynet run`.
func runArgs(flags []string, pkg string, args []string) []string {
	return slices.Concat([]string{"run", "-isolated"}, flags, []string{pkg}, args)
}

// prints runs an example to its end and checks what it prints.
func (by launcher) prints(t *testing.T, want, example string, args ...string) {
	t.Helper()
	p, _ := by.launch(t, nil, example, args...)
	code, stdout, stderr := p.wait()
	if by.chatty && strings.Contains(stdout, want) {
		stdout = want
	}
	if code != 0 || stdout != want {
		t.Errorf("exit code %d, %d bytes on stdout, want %d:\n%.1000s\nstderr:\n%s", code, len(stdout), len(want), stdout, stderr)
	}
}

// webserver starts the example and returns its board with the address of its page.
func (by launcher) webserver(t *testing.T) (*process, string) {
	t.Helper()
	port := freePort(t)
	_, board := by.launch(t, []string{"-p", port + ":80"}, "webserver")
	board.await(regexp.QuoteMeta("http://127.0.0.1:" + port))
	return board, "http://127.0.0.1:" + port + "/"
}

// exampleTests are what every way to run the examples has to pass.
var exampleTests = []struct {
	example string
	test    func(*testing.T, launcher)
}{
	{"webserver", testWebserver},
	{"http-get", testHTTPGet},
	{"tcpecho", testTCPEcho},
	{"tcpclient", testTCPClient},
	{"socket", testSocket},
	{"ntpclient", testNTPClient},
}

// testExamples runs the tests of the named examples, or of all.
func testExamples(t *testing.T, by launcher, names ...string) {
	for _, e := range exampleTests {
		if len(names) > 0 && !slices.Contains(names, e.example) {
			continue
		}
		t.Run(e.example, func(t *testing.T) { e.test(t, by) })
	}
}

func TestExamples(t *testing.T) { testExamples(t, ours) }

// The boards whose chip has the AT firmware: the one with an ESP8266, and any with the
// newest firmware and with the oldest.
func TestExamplesOnESPAT(t *testing.T) {
	for _, flags := range [][]string{
		{"-board", "challenger-rp2040"},
		{"-board", "espat"},
		{"-board", "espat", "-firmware", "esp8266-1.7"},
	} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) { testExamples(t, ours.with(flags...)) })
	}
}

func testWebserver(t *testing.T, by launcher) {
	board, page := by.webserver(t)
	resp, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), "The LED is") {
		t.Fatalf("status %d, error %v, page:\n%s", resp.StatusCode, err, body)
	}

	ask := func(method, path string, want int) {
		t.Helper()
		req, err := http.NewRequest(method, page+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s %q: status %d, want %d", method, path, resp.StatusCode, want)
		}
	}
	ask("POST", "on", http.StatusSeeOther)
	board.await("LED on")
	ask("GET", "off", http.StatusMethodNotAllowed)
	ask("GET", "favicon.ico", http.StatusNotFound)
	ask("POST", "off", http.StatusSeeOther)
	board.await("LED off")
}

func TestWebserverTakesAThousandRequests(t *testing.T) {
	_, page := ours.webserver(t)
	get := func(c *http.Client) error {
		resp, err := c.Get(page)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && !strings.Contains(string(body), "</html>") {
			err = io.ErrUnexpectedEOF
		}
		return err
	}

	// In a row, each on a connection of its own.
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for i := range 1000 {
		if err := get(c); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}

	// Four at once, some on kept connections.
	var wg sync.WaitGroup
	for i := range 4 {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%2 == 0}}
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range 100 {
				if err := get(c); err != nil {
					t.Errorf("client %d, request %d: %v", i, j, err)
					return
				}
			}
			c.CloseIdleConnections()
		}()
	}
	wg.Wait()
}

func TestCurlGetsThePage(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl on this machine")
	}
	_, page := ours.webserver(t)
	out, err := exec.Command(curl, "-si", "--max-time", "30", page).Output()
	if err != nil || !strings.HasPrefix(string(out), "HTTP/1.1 200 OK\r\n") {
		t.Fatalf("curl: %v\n%s", err, out)
	}
}

func testHTTPGet(t *testing.T, by launcher) {
	want := strings.Repeat("a page of the host's server\n", 400)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/page" {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, want)
	}))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	by.prints(t, want, "http-get", "http://host:"+port+"/page")
}

func testTCPEcho(t *testing.T, by launcher) {
	port := freePort(t)
	_, board := by.launch(t, []string{"-p", port + ":8080"}, "tcpecho")
	board.await("127.0.0.1:" + port)
	connections := 3
	if by.once {
		connections = 1
	}
	for range connections {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(time.Minute))
		in := bufio.NewReader(c)
		for _, line := range []string{"hello\n", strings.Repeat("x", 5000) + "\n"} {
			io.WriteString(c, line)
			if got, err := in.ReadString('\n'); got != line {
				t.Fatalf("%v, %d bytes of %d came back", err, len(got), len(line))
			}
		}
		c.Close()
	}
}

// oneClient listens on the loopback and serves one connection.
func oneClient(t *testing.T, serve func(net.Conn)) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Minute))
		serve(c)
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func testTCPClient(t *testing.T, by launcher) {
	port := oneClient(t, func(c net.Conn) {
		line, _ := bufio.NewReader(c).ReadString('\n')
		io.WriteString(c, "got: "+line)
	})
	by.prints(t, "got: line 1 from the board\n", "tcpclient", "host:"+port)
}

func testSocket(t *testing.T, by launcher) {
	// The program's port is fixed.
	l, err := net.Listen("tcp", "127.0.0.1:8080")
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
	by.prints(t, "got: hello from the board\n", "socket")
}

func testNTPClient(t *testing.T, by launcher) {
	want := time.Date(2041, 5, 4, 3, 2, 1, 0, time.UTC) // the count of 32 bits began anew in 2036
	port := timeServer(t, want)
	by.prints(t, want.Format(time.RFC3339)+"\n", "ntpclient", "host:"+port)
}

// timeServer answers one NTP request, with the given time.
func timeServer(t *testing.T, now time.Time) (port string) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		buf := make([]byte, 100)
		n, from, err := pc.ReadFrom(buf)
		if err != nil || n != 48 {
			return
		}
		answer := make([]byte, 48)
		answer[0], answer[1] = 4<<3|4, 2
		binary.BigEndian.PutUint32(answer[40:], uint32(now.Unix()+2208988800)) // truncated
		pc.WriteTo(answer, from)
	}()
	return strconv.Itoa(pc.LocalAddr().(*net.UDPAddr).Port)
}
