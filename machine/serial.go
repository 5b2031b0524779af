package machine

import (
	"os"
	"sync"
)

// Serialer is what a board's console offers.
type Serialer interface {
	Configure(config UARTConfig) error
	Write(data []byte) (int, error)
	WriteByte(c byte) error
	Buffered() int           // bytes that can be read now
	ReadByte() (byte, error) // does not wait: without a byte it returns an error
	DTR() bool               // whether somebody listens
	RTS() bool               // whether somebody wants to send
}

// Serial is the board's console: what is written to it appears on the
// program's standard output, and what is read from it comes from the program's
// standard input.
var Serial Serialer = &console{}

// console is the standard input and output. Input is read by a goroutine that
// starts when somebody first asks for it, a piece at a time.
type console struct {
	start sync.Once
	mu    sync.Mutex
	piece []byte
	used  chan struct{} // to the goroutine: the piece is used up
}

func (*console) Configure(UARTConfig) error { return nil }

func (*console) Write(data []byte) (int, error) { return os.Stdout.Write(data) }

func (c *console) WriteByte(b byte) error {
	_, err := c.Write([]byte{b})
	return err
}

func (c *console) Buffered() int {
	c.listen()
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.piece)
}

func (c *console) ReadByte() (byte, error) {
	c.listen()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.piece) == 0 {
		return 0, errEmpty
	}
	b := c.piece[0]
	if c.piece = c.piece[1:]; len(c.piece) == 0 {
		c.used <- struct{}{}
	}
	return b, nil
}

func (*console) DTR() bool { return true }
func (*console) RTS() bool { return true }

// listen starts the goroutine that reads. It waits for each piece to be used
// up, so that an input is not swallowed whole.
func (c *console) listen() {
	c.start.Do(func() {
		c.used = make(chan struct{}, 1)
		go func() {
			buf := make([]byte, 256)
			for {
				n, err := os.Stdin.Read(buf)
				if n > 0 {
					c.mu.Lock()
					c.piece = buf[:n]
					c.mu.Unlock()
					<-c.used
				}
				if err != nil {
					return
				}
			}
		}()
	})
}
