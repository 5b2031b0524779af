//go:build !tinygo

package offload

// bell wakes one goroutine. Rung before somebody waits, it is heard then.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b *bell) ring() {
	select {
	case *b <- struct{}{}:
	default:
	}
}

// wait waits until the bell rings.
func (b *bell) wait() { <-*b }

// rung reports whether the bell was rung, and forgets it.
func (b *bell) rung() bool {
	select {
	case <-*b:
		return true
	default:
		return false
	}
}
