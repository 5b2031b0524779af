package espat

import (
	"fmt"
	"strings"
)

// handler carries out a command. It returns 0 for OK, finished if it has said
// its result itself, and an error's code otherwise.
type handler func(f *firmware, r request) fault

// finished is no error: the handler has said all there is to say.
const finished = ^fault(0)

// entry is a command of the firmware.
type entry struct {
	name  string
	forms form
	run   handler
	has   func(d *dialect) bool // nil for all
}

func since(major, minor int) func(*dialect) bool {
	return func(d *dialect) bool { return d.since(major, minor) }
}

func (e *entry) in(d *dialect) bool { return e.has == nil || e.has(d) }

var commandTable []entry

func init() {
	const x, q, s = formExecute, formQuery, formSet
	esp32 := func(f func(*dialect) bool) func(*dialect) bool {
		return func(d *dialect) bool { return !d.esp8266() && f(d) }
	}
	all := since(0, 0)
	v2 := since(2, 0)
	commandTable = []entry{
		{"", x, func(*firmware, request) fault { return 0 }, all},
		{"E0", x, func(f *firmware, _ request) fault { f.echo = false; return 0 }, all},
		{"E1", x, func(f *firmware, _ request) fault { f.echo = true; return 0 }, all},
		{"+RST", x, (*firmware).cmdRST, all},
		{"+GMR", x, (*firmware).cmdGMR, all},
		{"+CMD", q, (*firmware).cmdCMD, since(2, 1)},
		{"+RESTORE", x, (*firmware).cmdRESTORE, all},
		{"+UART", q | s, (*firmware).cmdUART, all},
		{"+UART_CUR", q | s, (*firmware).cmdUART, all},
		{"+UART_DEF", q | s, (*firmware).cmdUART, all},
		{"+SYSSTORE", q | s, (*firmware).cmdSYSSTORE, since(2, 1)},
		{"+SYSLOG", q | s, (*firmware).cmdSYSLOG, v2},
		{"+SYSMSG", q | s, (*firmware).cmdSYSMSG, v2},
		{"+SYSTIMESTAMP", q | s, (*firmware).cmdSYSTIMESTAMP, v2},
		{"+SYSRAM", q, (*firmware).cmdSYSRAM, all},

		{"+CWMODE", q | s, (*firmware).cmdCWMODE, all},
		{"+CWJAP", q | s, (*firmware).cmdCWJAP, all},
		{"+CWQAP", x, (*firmware).cmdCWQAP, all},
		{"+CWSTATE", q, (*firmware).cmdCWSTATE, since(2, 2)},
		{"+CWRECONNCFG", q | s, (*firmware).cmdCWRECONNCFG, since(2, 1)},
		{"+CWLAP", x | s, (*firmware).cmdCWLAP, all},
		{"+CWLAPOPT", s, (*firmware).cmdCWLAPOPT, all},
		{"+CWSAP", q | s, (*firmware).cmdCWSAP, all},
		{"+CWLIF", x, (*firmware).cmdCWLIF, all},
		{"+CWDHCP", q | s, (*firmware).cmdCWDHCP, all},
		{"+CIPSTA", q | s, (*firmware).cmdCIPSTA, all},
		{"+CIPAP", q | s, (*firmware).cmdCIPAP, all},
		{"+CIPSTAMAC", q | s, (*firmware).cmdCIPSTAMAC, all},
		{"+CIPAPMAC", q | s, (*firmware).cmdCIPAPMAC, all},
		{"+CIFSR", x, (*firmware).cmdCIFSR, all},
		{"+CWHOSTNAME", q | s, (*firmware).cmdCWHOSTNAME, all},
		{"+CWAUTOCONN", q | s, (*firmware).cmdCWAUTOCONN, all},

		{"+CIPMUX", q | s, (*firmware).cmdCIPMUX, all},
		{"+CIPV6", q | s, (*firmware).cmdCIPV6, esp32(since(2, 2))},
		{"+CIPMODE", q | s, (*firmware).cmdCIPMODE, all},
		{"+CIPSTART", s, (*firmware).cmdCIPSTART, all},
		{"+CIPSTARTEX", s, (*firmware).cmdCIPSTARTEX, all},
		{"+CIPSEND", s, (*firmware).cmdCIPSEND, all},
		{"+CIPSENDEX", s, (*firmware).cmdCIPSENDEX, all},
		{"+CIPSENDL", s, (*firmware).cmdCIPSENDL, esp32(since(2, 4))},
		{"+CIPCLOSE", x | s, (*firmware).cmdCIPCLOSE, all},
		{"+CIPSERVER", q | s, (*firmware).cmdCIPSERVER, all},
		{"+CIPSERVERMAXCONN", q | s, (*firmware).cmdCIPSERVERMAXCONN, all},
		{"+CIPSTO", q | s, (*firmware).cmdCIPSTO, all},
		{"+CIPSTATE", q, (*firmware).cmdCIPSTATE, since(2, 3)},
		{"+CIPSTATUS", x, (*firmware).cmdCIPSTATUS, all},
		{"+CIPDOMAIN", s, (*firmware).cmdCIPDOMAIN, all},
		{"+CIPDNS", q | s, (*firmware).cmdCIPDNS, all},
		{"+CIPDINFO", q | s, (*firmware).cmdCIPDINFO, all},
		{"+CIPRECVTYPE", q | s, (*firmware).cmdCIPRECVTYPE, since(4, 0)},
		{"+CIPRECVMODE", q | s, (*firmware).cmdCIPRECVMODE, all},
		{"+CIPRECVLEN", q, (*firmware).cmdCIPRECVLEN, all},
		{"+CIPRECVDATA", s, (*firmware).cmdCIPRECVDATA, all},
		{"+CIPTCPOPT", q | s, (*firmware).cmdCIPTCPOPT, since(2, 1)},
		{"+CIPCONNPERSIST", q | s, (*firmware).cmdCIPCONNPERSIST, since(5, 0)},
		{"+PING", s, (*firmware).cmdPING, all},
		{"+CIPSNTPCFG", q | s, (*firmware).cmdCIPSNTPCFG, all},
		{"+CIPSNTPTIME", q, (*firmware).cmdCIPSNTPTIME, all},
		{"+CIPSSLCCONF", q | s, (*firmware).cmdCIPSSLCCONF, all},
		{"+CIPSSLCSNI", q | s, (*firmware).cmdCIPSSLCSNI, v2},
		{"+CIPSSLCCN", q | s, (*firmware).cmdCIPSSLCCN, v2},
		{"+CIPSSLCALPN", q | s, (*firmware).cmdCIPSSLCALPN, v2},
		{"+CIPSSLSIZE", s, (*firmware).cmdCIPSSLSIZE, func(d *dialect) bool { return d.nonOS() }},
	}
	for _, name := range []string{"+CWMODE", "+CWJAP", "+CWSAP", "+CWDHCP", "+CIPSTA", "+CIPAP", "+CIPSTAMAC", "+CIPAPMAC", "+CIPDNS"} {
		for i := range commandTable {
			if e := commandTable[i]; e.name == name {
				for _, suffix := range []string{"_CUR", "_DEF"} {
					e.name = name + suffix
					e.has = func(d *dialect) bool { return d.nonOS() }
					commandTable = append(commandTable, e)
				}
				break
			}
		}
	}
}

// start begins a command.
func (f *firmware) start(line string, long bool) {
	f.running = true
	f.task(func() { f.run(line, long) })
}

// run carries out a command line.
func (f *firmware) run(line string, long bool) {
	f.c.traceIn(line + "\r\n")
	if !f.sleep(f.c.cfg.Timing.Command) {
		return
	}
	f.after, f.errno = nil, 0
	if f.oddStart(line) {
		return
	}
	r, bad := parse(line)
	if long {
		bad = code(subParse, 0)
	}
	if bad == 0 {
		bad = f.dispatch(r)
	}
	if f.dead() {
		return
	}
	if bad != finished {
		f.oddResult()
	}
	if !f.dead() {
		f.finish(bad)
	}
}

func (f *firmware) dispatch(r request) fault {
	for i := range commandTable {
		e := &commandTable[i]
		if e.name != r.name || !e.in(f.v) {
			continue
		}
		if e.forms&r.form == 0 {
			return code(subForm, 0)
		}
		f.c.ledger.Commands++
		return e.run(f, r)
	}
	return code(subUnknown, 0)
}

// finish says a command's result; the next may come.
func (f *firmware) finish(bad fault) {
	switch bad {
	case 0:
		f.out("\r\nOK\r\n")
	case finished:
	default:
		f.c.ledger.Errors++
		if f.syslog {
			f.out(errorWord(bad))
			if f.errno != 0 && f.v.since(5, 0) {
				f.out(fmt.Sprintf("+ERRNO:0x%x\r\n", f.errno))
			}
		}
		f.out("\r\nERROR\r\n")
	}
	f.running = false
	after := f.after
	f.after = nil
	for _, g := range after {
		g()
	}
	f.drain()
}

func errorWord(bad fault) string { return fmt.Sprintf("ERR CODE:0x%08x\r\n", uint32(bad)) }

// logs prints what newer firmware sends to its log UART.
func (f *firmware) logs(text string) {
	if f.v.nonOS() || f.c.cfg.LogOnWire {
		f.out(text + "\r\n")
	}
}

// saves is whether a set command goes to flash.
func (f *firmware) saves(r request) bool {
	if f.v.nonOS() {
		return !strings.HasSuffix(r.name, "_CUR")
	}
	return f.store
}

// reply prints a line of a command's reply: its name, a colon and the rest.
func (f *firmware) reply(r request, format string, arg ...any) {
	f.print(r.name + ":" + fmt.Sprintf(format, arg...) + "\r\n")
}

// replyBare is reply without a line end of its own: it uses that of OK.
func (f *firmware) replyBare(r request, format string, arg ...any) {
	f.print(r.name + ":" + fmt.Sprintf(format, arg...))
}

// quote is a string in a reply: it is not escaped.
func quote(s string) string { return `"` + s + `"` }
