package espat

import (
	"strconv"
	"strings"
)

// form is which of the four kinds a command is.
type form byte

const (
	formExecute form = 1 << iota // AT+X
	formQuery                    // AT+X?
	formTest                     // AT+X=?
	formSet                      // AT+X=...
)

// param is a parameter of a command.
type param struct {
	given  bool // it is not empty
	quoted bool
	text   string // of a quoted one, without its escapes
	n      int    // of a number
}

// request is a command line taken apart.
type request struct {
	name   string // "+CIPSTART", "E0", or empty for a plain AT
	form   form
	params []param
}

// fault is an error code of SYSLOG=1: subcategory and extension of its word
// (esp-at docs, AT+SYSLOG). 0 is none, and failed is an error without a code of
// its own.
type fault uint32

// Subcategories of the error word.
const (
	subNoCRLF    = 0x02
	subNoAT      = 0x03
	subType      = 0x05
	subCount     = 0x06
	subInvalid   = 0x07
	subParse     = 0x08
	subUnknown   = 0x09
	subExecution = 0x0a
	subBusy      = 0x0b
	subForm      = 0x0c
)

func code(sub, ext int) fault { return fault(0x01000000 | sub<<16 | ext&0xffff) }

// failed is the execution of a command that failed for a reason of its own.
var failed = code(subExecution, 0)

// parse takes a command line apart, without its CR LF.
func parse(line string) (request, fault) {
	rest, ok := strings.CutPrefix(line, "AT")
	if !ok {
		return request{}, code(subNoAT, 0)
	}
	end := strings.IndexAny(rest, "=?")
	if end < 0 {
		return request{name: rest, form: formExecute}, 0
	}
	r := request{name: rest[:end]}
	switch tail := rest[end:]; {
	case tail == "?":
		r.form = formQuery
	case tail == "=?":
		r.form = formTest
	case tail[0] == '=':
		r.form = formSet
		var bad fault
		if r.params, bad = parseParams(tail[1:]); bad != 0 {
			return r, bad
		}
	default:
		return r, code(subParse, 0)
	}
	return r, 0
}

// parseParams takes apart what follows the equals sign: whole numbers and
// quoted strings, in which a backslash takes the byte behind it as it is.
func parseParams(s string) ([]param, fault) {
	var list []param
	for {
		var p param
		if strings.HasPrefix(s, `"`) {
			p.given, p.quoted = true, true
			var text []byte
			i := 1
			for ; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					if i++; i == len(s) {
						break
					}
				}
				text = append(text, s[i])
			}
			if i >= len(s) {
				return nil, code(subParse, len(list))
			}
			p.text = string(text)
			s = s[i+1:]
			if s != "" && s[0] != ',' {
				return nil, code(subParse, len(list))
			}
		} else {
			word, _, _ := strings.Cut(s, ",")
			s = s[len(word):]
			if word != "" {
				n, err := strconv.ParseInt(word, 10, 32)
				if err != nil {
					return nil, code(subType, len(list))
				}
				p.given, p.n = true, int(n)
			}
		}
		list = append(list, p)
		if s == "" {
			return list, 0
		}
		s = s[1:]
	}
}

// args reads parameters one after another. The first that is not as it has to
// be ends that: all later ones are zero.
type args struct {
	list []param
	at   int
	bad  fault
}

func (a *args) fail(sub int) {
	if a.bad == 0 {
		a.bad = code(sub, a.at-1)
	}
}

// next returns the next parameter; one that is left out is not given.
func (a *args) next() param {
	a.at++
	if a.bad != 0 || a.at > len(a.list) {
		return param{}
	}
	return a.list[a.at-1]
}

// number returns a number from lo to hi.
func (a *args) number(lo, hi int) int {
	p := a.next()
	switch {
	case a.bad != 0:
	case !p.given:
		a.missing()
	case p.quoted:
		a.fail(subType)
	case p.n < lo || p.n > hi:
		a.fail(subInvalid)
	}
	return p.n
}

// numberOr is number, or def if it was left out.
func (a *args) numberOr(lo, hi, def int) int {
	if a.at < len(a.list) && a.list[a.at].given {
		return a.number(lo, hi)
	}
	a.at++
	return def
}

// str returns a string of at most most bytes.
func (a *args) str(most int) string {
	p := a.next()
	switch {
	case a.bad != 0:
	case !p.given:
		a.missing()
	case !p.quoted:
		a.fail(subType)
	case len(p.text) > most:
		a.fail(subInvalid)
	}
	return p.text
}

// strOr is str, or def if it was left out.
func (a *args) strOr(most int, def string) string {
	if a.at < len(a.list) && a.list[a.at].given {
		return a.str(most)
	}
	a.at++
	return def
}

func (a *args) missing() {
	if a.bad == 0 {
		a.bad = code(subCount, a.at<<8|len(a.list)&0xff)
	}
}

// end returns what was wrong with the parameters, one too many included.
func (a *args) end() fault {
	if a.bad == 0 && a.at < len(a.list) {
		a.bad = code(subCount, a.at<<8|len(a.list)&0xff)
	}
	return a.bad
}
