package net

import (
	"math"
	"reflect"
	"testing"
	"time"
)

func TestInstant(t *testing.T) {
	if i := instantOf(time.Time{}); i != 0 || !i.time().IsZero() || i.passed() {
		t.Errorf("no time is the instant %d, %v", i, i.time())
	}
	for _, d := range []time.Duration{-time.Hour, time.Hour, 1000 * time.Hour} {
		// As a time of the program's own, and as one that was read somewhere.
		for _, at := range []time.Time{time.Now().Add(d), time.Now().Add(d).Round(0).UTC()} {
			i := instantOf(at)
			if off := i.time().Sub(at).Abs(); off > time.Second {
				t.Errorf("%v became %v", at, i.time())
			}
			if i.passed() != (d < 0) || i.left() > d || i.left() < d-time.Minute {
				t.Errorf("%v: passed %t, left %v", d, i.passed(), i.left())
			}
		}
	}
	// Times that a Duration does not reach are as far away as can be.
	if i := instantOf(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)); i != math.MaxInt64 || i.passed() {
		t.Errorf("a far day is %d", i)
	}
	for _, at := range []time.Time{time.Unix(1, 0), time.Time{}.Add(1), began, longAgo.time()} {
		if i := instantOf(at); !i.passed() {
			t.Errorf("%v is %d, not over", at, i)
		}
	}
}

// See instant. Buffers, Dialer, Resolver and the like hold what Go says they
// hold, but nothing puts them into an interface.
func TestSocketsHoldNoTime(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(path string, typ reflect.Type)
	walk = func(path string, typ reflect.Type) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		switch typ {
		case reflect.TypeFor[time.Time](), reflect.TypeFor[time.Timer](), reflect.TypeFor[time.Ticker]():
			t.Errorf("%s is a %v", path, typ)
			return
		}
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
			walk(path+"[]", typ.Elem())
		case reflect.Map:
			walk(path+" key", typ.Key())
			walk(path+"[]", typ.Elem())
		case reflect.Struct:
			for i := range typ.NumField() {
				walk(path+"."+typ.Field(i).Name, typ.Field(i).Type)
			}
		}
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[*TCPConn](), reflect.TypeFor[*UDPConn](), reflect.TypeFor[*IPConn](), reflect.TypeFor[*UnixConn](),
		reflect.TypeFor[*TCPListener](), reflect.TypeFor[*UnixListener](), reflect.TypeFor[*pipeEnd](),
		// What they have behind the interface socket.
		reflect.TypeFor[*devSocket](), reflect.TypeFor[*loopConn](), reflect.TypeFor[*udpSocket](),
		reflect.TypeFor[*OpError](), reflect.TypeFor[*DNSError](), reflect.TypeFor[*TCPAddr](),
	} {
		walk(typ.String(), typ)
	}
	if !seen[reflect.TypeFor[alarm]()] {
		t.Error("the deadlines were not looked at")
	}
}
