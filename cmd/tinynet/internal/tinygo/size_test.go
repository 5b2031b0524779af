package tinygo

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const sizeOutput = `   code  rodata    data     bss |   flash     ram | package
------------------------------- | --------------- | -------
      0     111       5      13 |     116      18 | (padding)
    338       0       0       0 |     338       0 | /home/me/.cache/tinygo/goroot-a771/src/device/arm
     34       0       0       0 |      34       0 | device/arm
     76       0       0       0 |      76       0 | /opt/tinygo/lib/picolibc/newlib/libc/string
    894       0       0       0 |     894       0 | /opt/tinygo/llvm-project/compiler-rt/lib/builtins
    166       0       0       0 |     166       0 | /opt/tinygo/llvm-project/compiler-rt/lib/builtins/arm
      0       0       0    4096 |       0    4096 | C stack
  26896    1296      48      64 |   28240     112 | net
------------------------------- | --------------- | -------
  28404    1407      53    4173 |   29864    4226 | total
`

func TestParseSize(t *testing.T) {
	s, err := ParseSize(sizeOutput)
	if err != nil {
		t.Fatal(err)
	}
	if s.Flash != 29864 || s.RAM != 4226 || !s.Fits() {
		t.Errorf("%+v", s)
	}
	want := []Share{{"net", 28240, 112}, {"C compiler-rt", 1060, 0}, {"device/arm", 372, 0}, {"(padding)", 116, 18}, {"C picolibc", 76, 0}, {"C stack", 0, 4096}}
	if !slices.Equal(s.Packages, want) {
		t.Errorf("%v\nwant %v", s.Packages, want)
	}
	sum := 0
	for _, p := range s.Packages {
		sum += p.Flash
	}
	if sum != s.Flash {
		t.Errorf("the packages make %d of %d bytes", sum, s.Flash)
	}
}

func TestParseSizeThatDoesNotFit(t *testing.T) {
	s, err := ParseSize("program too large for this chip (flash overflowed by 42628 bytes)\n\toptimization guide: …\n")
	if err != nil || s.Fits() || s.Over.Flash != 42628 {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = ParseSize("program uses too much static RAM on this chip (RAM overflowed by 12 bytes)\n")
	if err != nil || s.Fits() || s.Over.RAM != 12 {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = ParseSize("ld.lld-16: error: section '.text' will not fit in region 'FLASH_TEXT': overflowed by 16012 bytes\n" +
		"ld.lld-16: error: section '.data' will not fit in region 'FLASH_TEXT': overflowed by 29772 bytes\n" +
		"ld.lld-16: error: section '.bss' will not fit in region 'RAM': overflowed by 5 bytes\n")
	if err != nil || s.Over != (Over{29772, 5}) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, text := range []string{"", "main.go:3:1: undefined: x\n", "total\n"} {
		if s, err := ParseSize(text); err == nil {
			t.Errorf("%q: %+v", text, s)
		}
	}
}

func TestTable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sizes.txt")
	table, err := ReadTable(file)
	if err != nil || len(table.Rows) != 0 {
		t.Fatal("a table that is not there:", table, err)
	}
	table.Compiler = "0.33.0 (with this and that)"
	table.Rows[Program{"pyportal", "examples/net/socket"}] = Row{40000, 9000}
	table.Rows[Program{"arduino-nano33", "examples/net/webserver"}] = Row{Flash: 300000}
	if err := table.Write(file); err != nil {
		t.Fatal(err)
	}
	again, err := ReadTable(file)
	if err != nil {
		t.Fatal(err)
	}
	if again.Compiler != table.Compiler || len(again.Rows) != 2 || again.Rows[Program{"pyportal", "examples/net/socket"}] != (Row{40000, 9000}) {
		t.Errorf("%+v", again)
	}
	for _, text := range []string{"pyportal x 12", "pyportal x y z", "pyportal x 0 0", "pyportal x 12 -1"} {
		os.WriteFile(file, []byte(text+"\n"), 0o666)
		if table, err := ReadTable(file); err == nil {
			t.Errorf("%q: %v", text, table.Rows)
		}
	}
}

func TestGrown(t *testing.T) {
	was := Row{Flash: 10000, RAM: 1000}
	for now, want := range map[Row]bool{
		{10000, 1000}: false,
		{10200, 1020}: false,
		{10201, 1000}: true,
		{10000, 1021}: true,
		{9000, 900}:   false,
		{10000, 0}:    false,
	} {
		if was.Grown(now) != want {
			t.Errorf("%v after %v: %t", now, was, !want)
		}
	}
	if (Row{Flash: 300000}).Grown(Row{300000, 1000}) {
		t.Error("a program that fits now has grown")
	}
}
