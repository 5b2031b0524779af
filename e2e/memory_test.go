package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tinynet/sim/board"
)

var update = flag.Bool("update", false, "write the tables of docs/memory.md anew")

// growth is how much a figure may be above the table's. With the driver it
// depends on when packets come, and is not better known than that.
const (
	growth       = 1.02
	growthDriver = 1.05
)

// figures are the numbers of a table's rows, by the text that a row begins with.
type figures map[string][]float64

// document is docs/memory.md.
type document struct {
	file, text string
}

func openDocument(t *testing.T) *document {
	t.Helper()
	file := filepath.Join(root(t), "docs", "memory.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return &document{file, string(text)}
}

// table returns the lines of a table, between its marks.
func (d *document) table(t *testing.T, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(d.text, "<!-- "+name+" -->\n")
	table, _, ok2 := strings.Cut(rest, "<!-- end -->")
	if !ok || !ok2 {
		t.Fatalf("%s has no table %s", d.file, name)
	}
	return table
}

// read returns the figures of a table whose rows begin with so many columns
// of text, and the compiler that it is of.
func (d *document) read(t *testing.T, name string, texts int) (figures, string) {
	t.Helper()
	rows := figures{}
	compiler := ""
	for line := range strings.Lines(d.table(t, name)) {
		if of, ok := strings.CutPrefix(line, "Of "); ok {
			compiler = strings.TrimSuffix(strings.TrimSpace(of), ":")
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) <= texts {
			continue
		}
		var row []float64
		for _, c := range cells[texts:] {
			n, err := strconv.ParseFloat(c, 64)
			if err != nil && c != "" {
				row = nil // a heading
				break
			}
			row = append(row, n)
		}
		if row != nil {
			rows[strings.Join(cells[:texts], " | ")] = row
		}
	}
	return rows, compiler
}

// write puts lines in a table's place.
func (d *document) write(t *testing.T, name, compiler, heading string, lines []string) {
	t.Helper()
	columns := strings.Count(heading, "|") - 1
	text := "Of " + compiler + ":\n\n" + heading + "\n" + strings.Repeat("|---", columns) + "|\n" + strings.Join(lines, "\n") + "\n"
	old := d.table(t, name)
	d.text = strings.Replace(d.text, "<!-- "+name+" -->\n"+old, "<!-- "+name+" -->\n"+text, 1)
	if err := os.WriteFile(d.file, []byte(d.text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// compare fails for figures that have grown.
func compare(t *testing.T, name string, growth float64, old, is []float64) {
	t.Helper()
	if len(old) < len(is) {
		t.Errorf("%s: not in the table of docs/memory.md: write it anew with -update", name)
		return
	}
	for i := range is {
		if is[i] > old[i]*growth {
			t.Errorf("%s: figure %d has grown from %v to %v", name, i+1, old[i], is[i])
		}
	}
}

// measurement is a program whose memory is measured.
type measurement struct {
	program, what string // the example, and what is special about the requests
	probe         string // folder in testdata/emulated
	target        string // of TinyGo's
	stack         int    // bytes; 0 for those of the board
	board         string
	ldflags       string
	client        peer // of a server
	boardPort     string
}

var processors = map[string]string{"emulated": "Cortex-M4", "emulated-m0": "Cortex-M0+"}

var devices = map[string]string{"fake": "fake", "driver": "wifinina"}

// key is how the program's row begins.
func (m measurement) key() string {
	return strings.Join([]string{m.program + m.what, devices[m.probe], processors[m.target], strconv.Itoa(m.stack)}, " | ")
}

// With the fake, which is in the program, the clock is too, so that a run is like
// the other.
const (
	fakeFlag = "-X runtime.virtualTime=yes"
	httpFlag = fakeFlag + " -X example.com/emulated/probe.request=http"
	keepFlag = httpFlag + " -X example.com/emulated/probe.keep=yes"
)

var measurements = []measurement{
	{program: "tcpecho", probe: "fake", target: "emulated", stack: 4096, ldflags: fakeFlag},
	{program: "webserver", probe: "fake", target: "emulated", stack: 4096, ldflags: httpFlag},
	{program: "webserver", what: ", one connection", probe: "fake", target: "emulated", stack: 4096, ldflags: keepFlag},
	{program: "http-get", probe: "fake", target: "emulated", stack: 4096, ldflags: fakeFlag},
	{program: "tcpecho", probe: "driver", target: "emulated", board: "pyportal", client: echoClient, boardPort: "8080"},
	{program: "webserver", probe: "driver", target: "emulated", board: "pyportal", client: webClient, boardPort: "80"},
	{program: "http-get", probe: "driver", target: "emulated", board: "pyportal"},
	{program: "tcpecho", probe: "driver", target: "emulated-m0", stack: 3072, client: echoClient, boardPort: "8080"},
	{program: "tcpecho", what: ", two at once", probe: "driver", target: "emulated-m0", stack: 3072, client: pairs(echoes), boardPort: "8080"},
	{program: "webserver", what: ", two at once", probe: "driver", target: "emulated-m0", board: "arduino-nano33", client: pairs(getsPage), boardPort: "80"},
}

// TestMemoryHeap measures what programs take of the heap, or whether they take
// more than they did.
func TestMemoryHeap(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes: not with -short")
	}
	compiler := needEmulator(t)
	doc := openDocument(t)
	table, of := doc.read(t, "heap", 4)
	if of != compiler && !*update {
		t.Skipf("the table is of %s, and here is %s: nothing is compared", of, compiler)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(bytes.Repeat([]byte("page\n..."), 64))
	}))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())

	var lines []string
	for _, m := range measurements {
		if m.stack == 0 {
			spec, ok := board.Lookup(m.board)
			if !ok {
				t.Fatal("there is no board ", m.board)
			}
			m.stack = spec.Stack
		}
		t.Run(strings.ReplaceAll(m.key(), " | ", "/"), func(t *testing.T) {
			ldflags := m.ldflags
			if m.program == "http-get" && m.probe == "driver" {
				ldflags = "-X main.url=http://host:" + port + "/"
			}
			args := []string{"-target", m.target, "-stack-size=" + strconv.Itoa(m.stack) + "B"}
			if ldflags != "" {
				args = append(args, "-ldflags="+ldflags)
			}
			file := buildEmulated(t, measuring(t, m.program, m.probe), args...)

			out, err := m.serve(t, file, 1<<20)
			if err != nil {
				t.Fatalf("with the largest heap: %v", err)
			}
			row := []float64{0, perRequest(t, out, "allocations"), perRequest(t, out, "bytes"), 0}
			for _, free := range freeLine.FindAllStringSubmatch(out, -1) {
				n, _ := strconv.Atoi(free[1])
				row[3] = max(row[3], float64(m.stack-n))
			}
			old := table[m.key()]
			if !*update {
				compare(t, m.key(), m.growth(), old, row)
				if len(old) > 0 {
					m.stillServes(t, file, int(old[0]))
				}
				return
			}
			row[0] = float64(m.smallest(t, file))
			lines = append(lines, fmt.Sprintf("| %s | %.0f | %.1f | %.0f | %.0f | %s |", m.key(), row[0], row[1], row[2], row[3], m.left(t, int(row[0]))))
		})
	}
	if *update && !t.Failed() {
		if len(lines) != len(measurements) {
			t.Fatal("-update needs all of the table's rows")
		}
		doc.write(t, "heap", compiler, "| program | device | processor | stacks | smallest heap | allocations a request | bytes a request | deepest stack | left on a Nano 33 IoT |", lines)
	}
}

// growth returns how much the program's figures may be above the table's.
func (m measurement) growth() float64 {
	if m.probe == "driver" {
		return growthDriver
	}
	return growth
}

// stillServes fails if there is no heap of the size in the table, or of one not
// much larger, with which the program serves its requests.
func (m measurement) stillServes(t *testing.T, file string, heap int) {
	t.Helper()
	most := int(float64(heap) * m.growth())
	var err error
	for size := heap; size <= most; size += max(64, (most-heap)/8) {
		if _, err = m.serve(t, file, size); err == nil {
			return
		}
	}
	t.Errorf("with a heap of %d bytes, or up to %d, it does not serve its hundred requests any more: %v", heap, most, err)
}

// smallest returns the smallest heap, to 64 bytes, with which the program serves
// its requests, and with the next larger ones too: what the collector keeps by
// mistake, and where memory is in pieces, is a matter of luck.
func (m measurement) smallest(t *testing.T, file string) int {
	t.Helper()
	served := func(blocks int) bool {
		for more := range 4 {
			if _, err := m.serve(t, file, (blocks+more)*64); err != nil {
				return false
			}
		}
		return true
	}
	low, high := 16, 64
	for !served(high) {
		if low, high = high, 2*high; high*64 > 1<<20 {
			t.Fatal("no heap is large enough")
		}
	}
	for high-low > 1 {
		if mid := (low + high) / 2; served(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high * 64
}

// serve runs the program with a heap of so many bytes and returns what it
// printed. It returns an error unless all requests are served.
func (m measurement) serve(t *testing.T, file string, heap int) (string, error) {
	t.Helper()
	args := []string{"emulate", "-isolated", "-heap", strconv.Itoa(heap)}
	port := ""
	if m.client != nil {
		port = freePort(t)
		args = append(args, "-p", port+":"+m.boardPort)
	}
	p := start(t, root(t), append(args, file)...)
	defer p.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go func() {
		<-p.exited
		cancel()
	}()
	var failed error
	if m.client != nil && p.says(ctx, "127.0.0.1:"+port) {
		failed = m.client(ctx, port)
	}
	<-ctx.Done() // the program has ended, or hangs
	p.stop()
	code, out, _ := p.wait()
	switch {
	case failed != nil && !strings.Contains(out, "out of memory"):
		return out, fmt.Errorf("%w; the program printed: %s", failed, last(out))
	case code != 0 || !strings.Contains(out, "served 100\n") && !strings.Contains(out, "served 100\r\n"):
		return out, fmt.Errorf("exit code %d; the program printed: %s", code, last(out))
	}
	return out, nil
}

// says waits for a line of stderr that has the text in it.
func (p *process) says(ctx context.Context, text string) bool {
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				return false
			}
			if strings.Contains(line, text) {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}

// last returns the end of what a program printed.
func last(out string) string { return strings.TrimSpace(out[max(0, len(out)-300):]) }

var freeLine = regexp.MustCompile(`free \w+ (\d+)`)

// perRequest returns what a program counted, to a tenth.
func perRequest(t *testing.T, out, what string) float64 {
	t.Helper()
	m := regexp.MustCompile(what + ` (\d+) in (\d+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("the program did not print its %s: %s", what, last(out))
	}
	n, _ := strconv.ParseFloat(m[1], 64)
	requests, _ := strconv.ParseFloat(m[2], 64)
	return float64(int(10*n/requests+0.5)) / 10
}

// left returns what a Nano 33 IoT has left, in bytes, if the program fits it
// and this was its processor.
func (m measurement) left(t *testing.T, heap int) string {
	t.Helper()
	if m.target != "emulated-m0" {
		return ""
	}
	sizes, err := os.ReadFile(filepath.Join(root(t), "examples", "sizes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^arduino-nano33 +examples/net/` + m.program + ` +\d+ +(\d+)$`).FindSubmatch(sizes)
	spec, _ := board.Lookup("arduino-nano33")
	if row == nil || string(row[1]) == "0" {
		return ""
	}
	static, _ := strconv.Atoi(string(row[1])) // the scheduler's stack included
	return strconv.Itoa(spec.RAM - static - heap)
}

// TestMemoryStacks measures what entry points need of a stack, and whether the
// stacks that the tool makes are large enough.
func TestMemoryStacks(t *testing.T) {
	if testing.Short() {
		t.Skip("builds four programs with TinyGo: not with -short")
	}
	compiler := needEmulator(t)
	// The table's columns: a driver on a processor.
	columns := []struct {
		heading string
		target  string
		board   string   // that is emulated
		boards  []string // that the figures are for
		needs   map[string]int
	}{
		{heading: "wifinina, Cortex-M4", target: "emulated", board: "pyportal", boards: []string{"pyportal"}},
		{heading: "wifinina, Cortex-M0+", target: "emulated-m0", board: "pyportal", boards: []string{"arduino-nano33", "nano-rp2040"}},
		{heading: "espat, Cortex-M4", target: "emulated", board: "challenger-rp2040"},
		{heading: "espat, Cortex-M0+", target: "emulated-m0", board: "challenger-rp2040", boards: []string{"challenger-rp2040"}},
	}
	var order []string // of rows
	heading := "| |"
	for i := range columns {
		c := &columns[i]
		var names []string
		c.needs, names = measureStacks(t, c.target, c.board)
		for at, name := range names {
			if !slices.Contains(order, name) {
				order = slices.Insert(order, min(at, len(order)), name)
			}
		}
		heading += " " + c.heading + " |"
	}

	const own = 512 // of the program's, as docs/memory.md says
	for _, c := range columns {
		for _, name := range c.boards {
			spec, ok := board.Lookup(name)
			if !ok {
				t.Fatal("there is no board ", name)
			}
			for name, need := range c.needs {
				if need+own > spec.Stack {
					t.Errorf("%s needs %d bytes of stack: with %d of the program's own that is more than the %d that %s has", name, need, own, spec.Stack, spec.Name)
				}
			}
		}
	}

	doc := openDocument(t)
	table, of := doc.read(t, "stacks", 1)
	row := func(name string) (figures []float64, text string) {
		for _, c := range columns {
			need, ok := c.needs[name]
			figures = append(figures, float64(need))
			if text += " |"; ok {
				text += " " + strconv.Itoa(need)
			}
		}
		return figures, "| " + name + text + " |"
	}
	if *update {
		var lines []string
		for _, name := range order {
			_, text := row(name)
			lines = append(lines, text)
		}
		doc.write(t, "stacks", compiler, heading, lines)
		return
	}
	if of != compiler {
		t.Logf("the table is of %s, and here is %s: nothing is compared", of, compiler)
		return
	}
	for _, name := range order {
		is, _ := row(name)
		compare(t, name, growthDriver, table[name], is)
	}
	for name := range table {
		if !slices.Contains(order, name) {
			t.Errorf("%s is in the table of docs/memory.md, and is not measured: write it anew with -update", name)
		}
	}
}

// measureStacks builds the program that measures and returns what it printed,
// and in which order.
func measureStacks(t *testing.T, target, board string) (needs map[string]int, order []string) {
	t.Helper()
	port := freePort(t)
	echo, call, page := echoServers(t), caller(t, port), httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 512))
	}))
	defer page.Close()
	_, pagePort, _ := net.SplitHostPort(page.Listener.Addr().String())

	dir := t.TempDir()
	parts := filepath.Join(root(t), "e2e", "testdata", "emulated")
	copyFolder(t, filepath.Join(parts, "stacks"), dir)
	copyFolder(t, filepath.Join(parts, "stack"), filepath.Join(dir, "stack"))
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/emulated\n\ngo 1.23\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const size = "10240"
	var flags strings.Builder
	set := map[string]string{"size": size, "echo": echo, "call": call, "page": pagePort, "dns": dnsServer(t)}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		fmt.Fprintf(&flags, "-X main.%s=%s ", name, set[name])
	}
	build := []string{"-target", target, "-stack-size=" + size + "B", "-ldflags=" + flags.String()}
	if board == "challenger-rp2040" {
		build = append(build, "-tags=espat")
	}
	file := buildEmulated(t, dir, build...)
	code, out, stderr := run(t, root(t), "emulate", "-isolated", "-board", board, "-heap", "400K", "-p", port+":8080", file)
	if code != 0 || !strings.HasSuffix(strings.TrimSpace(out), "done") {
		t.Fatalf("exit code %d, output:\n%s\nstderr:\n%s", code, out, stderr)
	}
	needs = map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^stack (\d+) (.*?)\r?$`).FindAllStringSubmatch(out, -1) {
		needs[m[2]], _ = strconv.Atoi(m[1])
		order = append(order, m[2])
	}
	return needs, order
}

// dnsServer answers every question of an address, by TCP.
func dnsServer(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go acceptAll(l, func(c net.Conn) {
		for {
			var size [2]byte
			if _, err := io.ReadFull(c, size[:]); err != nil {
				return
			}
			question := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(c, question); err != nil {
				return
			}
			answer := dnsAnswer(question)
			c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
		}
	})
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// dnsAnswer answers a DNS message with two records of what it asks for, behind an alias.
func dnsAnswer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	name := dnsmessage.MustNewName
	bodies := map[dnsmessage.Type][2]dnsmessage.ResourceBody{
		dnsmessage.TypeA:    {&dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 2}}},
		dnsmessage.TypeAAAA: {&dnsmessage.AAAAResource{AAAA: [16]byte{15: 1}}, &dnsmessage.AAAAResource{AAAA: [16]byte{15: 2}}},
		dnsmessage.TypeMX:   {&dnsmessage.MXResource{Pref: 2, MX: name("one.example.")}, &dnsmessage.MXResource{Pref: 1, MX: name("two.example.")}},
		dnsmessage.TypeNS:   {&dnsmessage.NSResource{NS: name("one.example.")}, &dnsmessage.NSResource{NS: name("two.example.")}},
		dnsmessage.TypeTXT:  {&dnsmessage.TXTResource{TXT: []string{"one", "two"}}, &dnsmessage.TXTResource{TXT: []string{"three"}}},
		dnsmessage.TypeSRV:  {&dnsmessage.SRVResource{Weight: 1, Target: name("one.example.")}, &dnsmessage.SRVResource{Weight: 2, Target: name("two.example.")}},
		dnsmessage.TypePTR:  {&dnsmessage.PTRResource{PTR: name("one.example.")}, &dnsmessage.PTRResource{PTR: name("two.example.")}},
	}[q.Type]
	alias := name("alias.example.")
	m.Response, m.Additionals = true, nil
	m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.CNAMEResource{CNAME: alias}}}
	for _, body := range bodies {
		if body != nil {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: alias, Class: q.Class}, Body: body})
		}
	}
	answer, _ := m.Pack()
	return answer
}

// echoServers sends back what it gets, by TCP and by UDP on one port.
func echoServers(t *testing.T) (port string) {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		pc, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			l.Close()
			continue // taken there
		}
		t.Cleanup(func() { l.Close(); pc.Close() })
		go acceptAll(l, func(c net.Conn) { io.Copy(c, c) })
		go func() {
			buf := make([]byte, 2000)
			for {
				n, from, err := pc.ReadFrom(buf)
				if err != nil {
					return
				}
				pc.WriteTo(buf[:n], from)
			}
		}()
		_, port, _ = net.SplitHostPort(l.Addr().String())
		return port
	}
	t.Fatal("no port is free for TCP and UDP")
	return ""
}

func acceptAll(l net.Listener, serve func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			serve(c)
		}()
	}
}

// caller connects to a port of the host for each connection that it gets; if
// that one says "http", it makes requests there, the last of them to /last.
func caller(t *testing.T, to string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go acceptAll(l, func(c net.Conn) {
		if line, _ := bufio.NewReader(c).ReadString('\n'); line == "http\n" {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
			defer client.CloseIdleConnections()
			for range 300 {
				get(client, "http://127.0.0.1:"+to+"/")
			}
			get(client, "http://127.0.0.1:"+to+"/last")
			return
		}
		if back, err := net.Dial("tcp", "127.0.0.1:"+to); err == nil {
			io.Copy(io.Discard, back)
			back.Close()
		}
	})
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func get(c *http.Client, url string) {
	if resp, err := c.Get(url); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}
