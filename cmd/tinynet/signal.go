package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// signalError is the reason for which the tool gave up: a signal.
type signalError struct{ sig syscall.Signal }

func (e signalError) Error() string { return e.sig.String() }

// exitCode returns the exit code that shells give to what died of the signal.
func (e signalError) exitCode() int { return 128 + int(e.sig) }

// signals are those that ask the tool to end.
type signals chan os.Signal

// catchSignals catches signals from now on.
func catchSignals() signals {
	s := make(signals, 8)
	signal.Notify(s, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	return s
}

// stop lets signals do again what they do by themselves.
func (s signals) stop() { signal.Stop(s) }

// do calls f for every signal, in a goroutine, until the returned function is
// called.
func (s signals) do(f func(syscall.Signal)) (stop func()) {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			select {
			case sig := <-s:
				f(sig.(syscall.Signal))
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		ended.Wait()
	}
}

// context returns a context that a signal ends, with a signalError as its
// cause.
func (s signals) context() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := s.do(func(sig syscall.Signal) { cancel(signalError{sig}) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// forward hands signals on to a program that shares the tool's terminal.
func (s signals) forward(p *os.Process) (stop func()) {
	return s.do(func(sig syscall.Signal) {
		// What was typed at the terminal the program has received itself; twice
		// would be a person losing patience.
		if (sig == syscall.SIGINT || sig == syscall.SIGQUIT) && inForeground() {
			return
		}
		p.Signal(sig)
	})
}
