// Command dial is what most programs do with net: see reach_test.go.
package main

import (
	"os"
	"time"

	"tinynet/src/net"
)

func main() {
	var err error
	if len(os.Args) > 1 {
		err = serve()
	} else {
		err = dial()
	}
	if err != nil {
		println(err.Error())
	}
}

func dial() error {
	c, err := net.Dial("tcp", "example.com:80")
	if err != nil {
		return err
	}
	defer c.Close()
	return echo(c)
}

func serve() error {
	l, err := net.Listen("tcp", ":80")
	if err != nil {
		return err
	}
	defer l.Close()
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		println(c.RemoteAddr().String())
		go echo(c)
	}
}

func echo(c net.Conn) error {
	c.SetDeadline(time.Now().Add(time.Second))
	buf := make([]byte, 64)
	n, err := c.Read(buf)
	if err != nil {
		return err
	}
	_, err = c.Write(buf[:n])
	return err
}
