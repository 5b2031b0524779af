//go:build unix

package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warthog618/modem/at"
)

// AT clients that are not ours, on the pseudo-terminal of `tinynet sim espat`.

// goClient is the module through an AT client written in Go.
type goClient struct {
	t    *testing.T
	port io.Writer
	*at.AT
	urc map[string]chan string
}

// newGoClient starts the client. It hands on the lines that begin with urcs.
func newGoClient(t *testing.T, path string, urcs ...string) goClient {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	c := goClient{t: t, port: f, urc: map[string]chan string{}}
	options := []at.Option{
		at.WithTimeout(time.Minute),
		at.WithEscTime(300 * time.Millisecond), // the answer to what it begins with is not that to ATE0
		at.WithCmds("E0"),
	}
	for _, prefix := range urcs {
		lines := make(chan string, 100)
		c.urc[prefix] = lines
		options = append(options, at.WithIndication(prefix, func(info []string) { lines <- info[0] }))
	}
	c.AT = at.New(f, options...)
	if err := c.Init(); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask runs a command and checks that its answer has a line that begins so.
func (c goClient) ask(cmd, want string) []string {
	c.t.Helper()
	info, err := c.Command(cmd)
	if err != nil {
		c.t.Fatalf("AT%s: %v", cmd, err)
	}
	if want == "" {
		return info
	}
	for _, line := range info {
		if strings.HasPrefix(line, want) {
			return info
		}
	}
	c.t.Fatalf("AT%s: %q, want a line %q", cmd, info, want)
	return nil
}

// await waits for an unsolicited line.
func (c goClient) await(prefix string) string {
	c.t.Helper()
	select {
	case line := <-c.urc[prefix]:
		return line
	case <-time.After(time.Minute):
		c.t.Fatalf("no line %q", prefix)
		return ""
	}
}

// send sends text on a link.
func (c goClient) send(link int, text string) {
	c.t.Helper()
	c.ask(fmt.Sprintf("+CIPSEND=%d,%d", link, len(text)), "")
	c.await(">")
	if _, err := io.WriteString(c.port, text); err != nil {
		c.t.Fatal(err)
	}
	c.await("SEND OK")
}

// receive returns lines that were received on a link, n bytes in all. The client
// leaves out those that are empty.
func (c goClient) receive(link, n int) (lines []string) {
	c.t.Helper()
	for n > 0 {
		var l, size int
		notice := c.await("+IPD,")
		if _, err := fmt.Sscanf(notice, "+IPD,%d,%d", &l, &size); err != nil || l != link {
			c.t.Fatalf("%q: %v, want link %d", notice, err, link)
		}
		info := c.ask(fmt.Sprintf("+CIPRECVDATA=%d,%d", link, size), "+CIPRECVDATA:")
		head := fmt.Sprintf("+CIPRECVDATA:%d,", size)
		for _, line := range info {
			if strings.HasPrefix(line, "+IPD,") {
				continue // of what came meanwhile; await has it too
			}
			line = strings.TrimPrefix(line, head)
			lines = append(lines, line)
		}
		n -= size
	}
	return lines
}

func TestGoATClient(t *testing.T) {
	const question = "GET /page HTTP/1.0\r\n\r\n"
	answer := "HTTP/1.0 200 OK\r\n\r\n" + strings.Repeat("a line of the page\r\n", 40)
	port := oneClient(t, func(c net.Conn) {
		got := make([]byte, len(question))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != question {
			t.Errorf("the server read %q, %v", got, err)
		}
		io.WriteString(c, answer)
	})
	ours := freePort(t)
	m, path := startModem(t, "-ap", "home:passw0rd", "-ap", "cafe", "-p", ours+":8080")
	c := newGoClient(t, path, ">", "SEND OK", "+IPD,", "0,CONNECT", "0,CLOSED", "1,CLOSED")

	c.ask("", "")
	c.ask("+GMR", "AT version:2.4.")
	c.ask("+CWMODE=1", "")
	c.ask("+CWLAP", `+CWLAP:(3,"home",`)
	if _, err := c.Command(`+CWJAP="home","some other"`); !errors.Is(err, at.ErrError) {
		t.Errorf("a wrong passphrase: %v, want %v", err, at.ErrError)
	}
	c.ask(`+CWJAP="home","passw0rd"`, "WIFI GOT IP")
	c.ask("+CIFSR", `+CIFSR:STAIP,"10.0.0.2"`)
	c.ask("+CIPMUX=1", "")
	c.ask("+CIPRECVMODE=1", "")

	c.ask(`+CIPSTART=1,"TCP","host",`+port, "1,CONNECT")
	c.send(1, question)
	got := c.receive(1, len(answer))
	want := strings.FieldsFunc(answer, func(r rune) bool { return r == '\r' || r == '\n' })
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the page is\n%q, want\n%q", got, want)
	}
	c.await("1,CLOSED")

	c.ask("+CIPSERVER=1,8080", "")
	m.await("127.0.0.1:" + ours)
	conn, err := net.Dial("tcp", "127.0.0.1:"+ours)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	c.await("0,CONNECT")
	io.WriteString(conn, "knock\n")
	if got := c.receive(0, len("knock\n")); len(got) != 1 || got[0] != "knock" {
		t.Errorf("the server received %q", got)
	}
	c.send(0, "come in\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "come in\n" {
		t.Errorf("the server's answer is %q, %v", line, err)
	}
	conn.Close()
	c.await("0,CLOSED")
}

// Debian's ppp brings chat, which has talked to modems since 1991.
func TestChat(t *testing.T) {
	chat, err := exec.LookPath("chat")
	if err != nil {
		if chat, err = exec.LookPath("/usr/sbin/chat"); err != nil {
			t.Skip("no chat on this machine (Debian's package ppp): ", err)
		}
	}
	port := oneClient(t, func(c net.Conn) {
		line, err := bufio.NewReader(c).ReadString('\n')
		if line != "hello from chat\n" {
			t.Errorf("the server read %q, %v", line, err)
			return
		}
		io.WriteString(c, "and hello to you")
		c.Read(make([]byte, 1))
	})
	_, path := startModem(t, "-ap", "home:passw0rd", "-version", "esp8266-2.3")
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// What it waits for, and what it sends then; \c leaves out the CR.
	cmd := exec.Command(chat, "-e", "-t", "60", "ABORT", "ERROR", "ABORT", "FAIL", "ABORT", "busy",
		"ready", `ATE0\r\n\c`,
		"OK", `AT+CWMODE=1\r\n\c`,
		"OK", `AT+CWJAP="home","passw0rd"\r\n\c`,
		"WIFI GOT IP", `\c`,
		"OK", `AT+CIPSTART="TCP","host",`+port+`\r\n\c`,
		"CONNECT", `\c`,
		"OK", `AT+CIPSEND=16\r\n\c`,
		">", `hello from chat\n\c`,
		"SEND OK", `\c`,
		"+IPD,16:and hello to you", `AT+CIPCLOSE\r\n\c`,
		"CLOSED", `\c`,
		"OK", `\c`)
	cmd.Stdin, cmd.Stdout = f, f
	var heard bytes.Buffer
	cmd.Stderr = &heard
	if err := cmd.Run(); err != nil {
		t.Errorf("chat: %v; it heard\n%s", err, &heard)
	}
}
