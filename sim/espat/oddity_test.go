package espat

import "testing"

// Each oddity of the wire, once.
func TestOddities(t *testing.T) {
	connected := func(r *rig) {
		r.join()
		l := r.listen(80)
		r.do(`AT+CIPSTART="TCP","10.0.0.1",80`, "CONNECT\r\n"+ok)
		l.accept()
	}
	send := "\r\nOK\r\n\r\n>"
	for o, test := range map[Oddity]func(r *rig){
		OddBusy: func(r *rig) { r.do("AT", "\r\nbusy p...\r\n"); r.do("AT", ok) },
		OddNoSendOK: func(r *rig) {
			r.do("AT+CIPSEND=2", send)
			r.send("hi")
			r.expect("\r\nRecv 2 bytes\r\n")
			r.quiet()
			r.do("AT", ok)
		},
		OddFailThenOK: func(r *rig) {
			r.do("AT+CIPSEND=2", send)
			r.send("hi")
			r.expect("\r\nRecv 2 bytes\r\n\r\nSEND FAIL\r\n" + sent)
		},
		OddEarlyPrompt: func(r *rig) {
			r.do("AT+CIPSEND=2", "\r\n>\r\nOK\r\n")
			r.send("hi")
			r.expect("\r\nRecv 2 bytes\r\n" + sent)
		},
		OddLateClosed: func(r *rig) {
			r.do("AT+CIPCLOSE", "CLOSED\r\n"+ok)
			r.do(`AT+CIPSTART="TCP","10.0.0.1",81`, bad+"CLOSED\r\n")
		},
		OddStray: func(r *rig) { r.do("AT", "\r\n+ODDITY:0\r\n"+ok) },
		OddReboot: func(r *rig) {
			r.do("AT", "\r\nready\r\n")
			r.expect("WIFI CONNECTED\r\nWIFI GOT IP\r\n")
			r.do("AT", "AT\r\n"+ok)
		},
		OddNoEnd: func(r *rig) {
			r.send("AT\r\n")
			r.quiet()
			r.do("AT+RST", "\r\nWill force to restart!!!\r\n\r\nready\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n")
		},
	} {
		t.Run(o.String(), func(t *testing.T) {
			virtually(t, Config{}, func(r *rig) {
				connected(r)
				r.c.Inject(o)
				test(r)
				if n := r.c.Happened(o); n != 1 {
					t.Errorf("it happened %d times", n)
				}
			})
		})
	}
}

func TestParseOddities(t *testing.T) {
	o, err := ParseOddities("every=20 kinds=busy,reboot")
	if err != nil || o.String() != "every=20 kinds=busy,reboot" {
		t.Errorf("%v, %v", o, err)
	}
	for _, bad := range []string{"", "every=0 kinds=busy", "every=2", "every=2 kinds=x", "x=1", "every=x kinds=busy"} {
		if _, err := ParseOddities(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// Whatever line comes, the parser returns, and params stay within the line.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"AT", `AT+CWJAP="a\,b","c\"d",,3`, "AT+CIPSTART=0,\"TCP\",\"x\",80,,", "AT+X=?", `AT+X="\`, "AT+X=-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, bad := parse(line)
		n := 0
		for _, p := range r.params {
			n += len(p.text)
		}
		if n > len(line) || len(r.params) > len(line) || bad == 0 && r.form == 0 {
			t.Errorf("%q: %+v, %#x", line, r, bad)
		}
	})
}

// Whatever the host sends, the module goes on: AT+RST brings it back.
func FuzzModule(f *testing.F) {
	f.Add([]byte("AT+CIPMUX=1\r\nAT+CWMODE=3\r\n"))
	f.Add([]byte("AT+CWMODE=1\r\nAT+CWJAP=\"a\",\"\"\r\nAT+CIPSTART=\"UDP\",\"10.0.0.1\",9\r\nAT+CIPSEND=3\r\n+++"))
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, v := range Versions() {
			c := New(Config{Version: v})
			c.UART().Write(p)
			c.Close()
		}
	})
}
