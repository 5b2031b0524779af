package machine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"machine/client"
)

// boardVariable names the board: "fd:N" or "unix:/path".
const boardVariable = "TINYNET_BOARD"

// errNoBoard is what a person reads who starts a program by itself.
var errNoBoard = errors.New("no board: start the program with 'tinynet run', or start 'tinynet attach' first")

// board returns the board. The first call looks for it, and ends the program
// if there is none.
var board = sync.OnceValue(func() *client.Client {
	b, err := attach(os.Getenv(boardVariable))
	if err != nil {
		exit(err)
	}
	return b
})

// attach connects to the board with the given name, or to that of 'tinynet
// attach' if it is empty.
func attach(name string) (*client.Client, error) {
	rw, err := open(name)
	if err != nil {
		return nil, err
	}
	b, err := client.New(rw, boardName)
	if err != nil {
		rw.Close()
	}
	return b, err
}

func open(name string) (io.ReadWriteCloser, error) {
	kind, where, _ := strings.Cut(name, ":")
	switch {
	case name == "":
		path, ok := defaultSocket()
		if !ok {
			return nil, errNoBoard
		}
		rw, err := dial(path)
		if err != nil {
			// The socket of a tool that did not get to remove it.
			return nil, errNoBoard
		}
		return rw, nil
	case kind == "fd" && where != "":
		fd, err := strconv.ParseUint(where, 10, 31)
		if err != nil {
			break
		}
		rw, err := inherited(int(fd))
		if err != nil {
			return nil, fmt.Errorf("descriptor %d, which %s names, is no board: %w: start the program with 'tinynet run'", fd, boardVariable, err)
		}
		return rw, nil
	case kind == "unix" && where != "":
		rw, err := dial(where)
		if err != nil {
			return nil, fmt.Errorf("no board at %s, which %s names: %w: is 'tinynet attach' running?", where, boardVariable, err)
		}
		return rw, nil
	}
	return nil, fmt.Errorf("%s is %q: it should be fd:N or unix:/path", boardVariable, name)
}

// check ends the program if the board has gone away, and returns every other
// error.
func check(err error) error {
	if errors.Is(err, client.ErrGone) {
		exit(err)
	}
	return err
}

var exiting sync.Mutex

// exit prints why, once, and ends the program.
func exit(err error) {
	exiting.Lock() // for good: another goroutine that fails has nothing to add
	fmt.Fprintln(os.Stderr, "machine:", err)
	os.Exit(1)
}
