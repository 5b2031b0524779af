//go:build !tinygo

package espat

// limiter has the limits, which tests may change.
type limiter struct{ limits *limits }

func (l *limiter) use(to *limits) { l.limits = to }
func (l *limiter) lim() *limits   { return l.limits }
