package hostnet

// wrapped is an error with a text before it.
type wrapped struct {
	text string
	err  error
}

func wrap(text string, err error) error { return &wrapped{text, err} }

func (e *wrapped) Error() string { return e.text + ": " + e.err.Error() }
func (e *wrapped) Unwrap() error { return e.err }
