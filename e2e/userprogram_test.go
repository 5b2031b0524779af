package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The program of the README: like any Go program, but for its first three lines.
const server = `package main

import (
	"io"
	"net/http"

	"tinynet/wifinina"
)

func main() {
	cfg := wifinina.Config{Ssid: "foo", Passphrase: "bar"}
	netdev := wifinina.New(&cfg)
	netdev.NetConnect()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello, "+r.RemoteAddr+"\n") })
	http.ListenAndServe(":80", nil)
}
`

func TestProgramInAnotherFolder(t *testing.T) {
	for _, work := range []bool{false, true} {
		name := map[bool]string{false: "alone", true: "with a go.work"}[work]
		t.Run(name, func(t *testing.T) {
			dir := module(t, server)
			if work {
				err := os.WriteFile(filepath.Join(dir, "go.work"), []byte("go 1.25\n\nuse .\n"), 0o644)
				if err != nil {
					t.Fatal(err)
				}
			}
			before := listing(t, dir)
			port := freePort(t)
			p := start(t, dir, "run", "-isolated", "-p", port+":80", ".")
			p.await(regexp.QuoteMeta("http://127.0.0.1:" + port))
			resp, err := http.Get("http://127.0.0.1:" + port + "/")
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if !strings.HasPrefix(string(body), "hello, 10.0.0.1:") {
				t.Errorf("the page is %q", body)
			}
			if after := listing(t, dir); after != before {
				t.Errorf("the user's folder was\n%sand is now\n%s", before, after)
			}
		})
	}
}

// listing is the names and contents of a folder's files.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		b.WriteString(path + "\n" + string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOutputAndExitCodeAreTheProgramsOwn(t *testing.T) {
	dir := module(t, `package main

import (
	"os"
	"net"

	"tinynet/wifinina"
)

func main() {
	dev := wifinina.New(&wifinina.Config{Ssid: "foo", Passphrase: "barbarbar"})
	if err := dev.NetConnect(); err != nil {
		panic(err)
	}
	names, _ := net.LookupHost("host")
	os.Stdout.WriteString(os.Args[1] + " " + names[0])
	os.Exit(7)
}
`)
	code, stdout, stderr := run(t, dir, "run", "-isolated", ".", "an argument")
	if code != 7 || stdout != "an argument 10.0.0.1" {
		t.Errorf("exit code %d, stdout %q; stderr:\n%s", code, stdout, stderr)
	}
}
