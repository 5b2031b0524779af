package e2e

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// webserver starts the example and returns it with the address of its page.
func webserver(t *testing.T, args ...string) (*process, string) {
	t.Helper()
	port := freePort(t)
	args = append([]string{"run", "-isolated", "-p", port + ":80"}, args...)
	p := start(t, root(t), append(args, "./examples/net/webserver")...)
	p.await(regexp.QuoteMeta("http://127.0.0.1:" + port))
	return p, "http://127.0.0.1:" + port + "/"
}

func TestWebserverServesItsPage(t *testing.T) {
	p, page := webserver(t)
	resp, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), "The LED is") {
		t.Fatalf("status %d, error %v, page:\n%s", resp.StatusCode, err, body)
	}

	post := func(path, line string) {
		resp, err := http.PostForm(page+path, url.Values{})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		p.await(line)
	}
	post("on", `LED on`)
	post("off", `LED off`)
}

func TestWebserverTakesAThousandRequests(t *testing.T) {
	_, page := webserver(t)
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
	_, page := webserver(t)
	out, err := exec.Command(curl, "-si", "--max-time", "30", page).Output()
	if err != nil || !strings.HasPrefix(string(out), "HTTP/1.1 200 OK\r\n") {
		t.Fatalf("curl: %v\n%s", err, out)
	}
}

func TestHTTPGetPrintsThePage(t *testing.T) {
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
	code, stdout, stderr := run(t, root(t), "run", "-isolated", "./examples/net/http-get", "http://host:"+port+"/page")
	if code != 0 || stdout != want {
		t.Errorf("exit code %d, %d bytes of %d on stdout; stderr:\n%s", code, len(stdout), len(want), stderr)
	}
}

func TestTCPEcho(t *testing.T) {
	port := freePort(t)
	p := start(t, root(t), "run", "-isolated", "-p", port+":8080", "./examples/net/tcpecho")
	p.await("127.0.0.1:" + port)
	for range 3 {
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

func TestTCPClient(t *testing.T) {
	port := oneClient(t, func(c net.Conn) {
		line, _ := bufio.NewReader(c).ReadString('\n')
		io.WriteString(c, "got: "+line)
	})
	code, stdout, stderr := run(t, root(t), "run", "-isolated", "./examples/net/tcpclient", "host:"+port)
	if want := "got: line 1 from the board\n"; code != 0 || stdout != want {
		t.Errorf("exit code %d, stdout %q; stderr:\n%s", code, stdout, stderr)
	}
}

func TestSocket(t *testing.T) {
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
	code, stdout, stderr := run(t, root(t), "run", "-isolated", "./examples/net/socket")
	if want := "got: hello from the board\n"; code != 0 || stdout != want {
		t.Errorf("exit code %d, stdout %q; stderr:\n%s", code, stdout, stderr)
	}
}

func TestNTPClient(t *testing.T) {
	want := time.Date(2041, 5, 4, 3, 2, 1, 0, time.UTC) // the count of 32 bits began anew in 2036
	port := timeServer(t, want)
	code, stdout, stderr := run(t, root(t), "run", "-isolated", "./examples/net/ntpclient", "host:"+port)
	if code != 0 || stdout != want.Format(time.RFC3339)+"\n" {
		t.Errorf("exit code %d, stdout %q; stderr:\n%s", code, stdout, stderr)
	}
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
