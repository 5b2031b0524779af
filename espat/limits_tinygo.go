//go:build tinygo

package espat

// limiter has the limits: they are constants.
type limiter struct{}

func (*limiter) use(*limits)  {}
func (*limiter) lim() *limits { return &defaultLimits }
