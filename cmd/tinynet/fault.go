package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tinynet/sim/espat"
	"tinynet/sim/fault"
)

const faultUsage = "with `\"every=N kinds=LIST\"`, one byte or event in N of an ESP-AT module goes wrong, in one of\n" +
	"the ways in LIST: of bytes damage, lose, double, stall, cut and reset, wire for all of\n" +
	"them; of the module's own oddities busy, held-ipd, no-send-ok, fail-then-ok,\n" +
	"early-prompt, ssl-length, reboot, torn-payload, no-end, late-closed and stray, odd for\n" +
	"all of them; may be repeated once, for one of each"

// wireFaults are those of bytes that a module on its own survives: after a
// fault.Hang nobody would reset it.
var wireFaults = []fault.Kind{fault.Damage, fault.Lose, fault.Double, fault.Stall, fault.Cut, fault.Reset}

// faultsValue is the flag -fault.
type faultsValue struct {
	oddities espat.Oddities
	bytes    fault.Plan // without its seed
	given    []string   // the texts
}

func (v *faultsValue) String() string { return strings.Join(v.given, "; ") }

func (v *faultsValue) Set(s string) error {
	every, bytes, odd, err := parseFaults(s)
	switch {
	case err != nil:
		return err
	case bytes != 0 && v.bytes.Every != 0, len(odd) > 0 && v.oddities.Every != 0:
		return errors.New("there are faults of that class already: name them in one LIST")
	}
	v.given = append(v.given, s)
	if bytes != 0 {
		v.bytes = fault.Plan{Every: every, Kinds: bytes}
	}
	if len(odd) > 0 {
		v.oddities = espat.Oddities{Every: every, Kinds: odd}
	}
	return nil
}

func parseFaults(s string) (every int, bytes fault.Kinds, odd []espat.Oddity, err error) {
	bad := errors.New(`write "every=N kinds=LIST", such as "every=20 kinds=busy,reboot"`)
	list := ""
	for word := range strings.FieldsSeq(s) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "every":
			if every, err = strconv.Atoi(value); err != nil || every <= 0 {
				return 0, 0, nil, bad
			}
		case "kinds":
			list = value
		default:
			return 0, 0, nil, bad
		}
	}
	if every == 0 || list == "" {
		return 0, 0, nil, bad
	}
next:
	for name := range strings.SplitSeq(list, ",") {
		switch name {
		case "wire":
			bytes |= fault.Of(wireFaults...)
			continue
		case "odd":
			o, err := espat.ParseOddities("every=1 kinds=all")
			if err != nil {
				return 0, 0, nil, err
			}
			odd = o.Kinds
			continue
		}
		for _, k := range wireFaults {
			if k.String() == name {
				bytes |= fault.Of(k)
				continue next
			}
		}
		o, err := espat.ParseOddities("every=1 kinds=" + name)
		if err != nil {
			return 0, 0, nil, fmt.Errorf("there is no fault %q: see `tinynet help sim espat`", name)
		}
		odd = append(odd, o.Kinds...)
	}
	return every, bytes, odd, nil
}

// wire returns the plan for the bytes.
func (v *faultsValue) wire(seed uint64) fault.Plan {
	p := v.bytes
	p.Seed = seed
	return p
}
