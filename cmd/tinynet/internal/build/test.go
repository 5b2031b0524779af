package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"

	"tinynet/cmd/tinynet/internal/overlay"
)

// TestConfig says what to test and how. Of Config, Output and Slow do not
// matter, and Package is any number of packages.
type TestConfig struct {
	Config
	// Flags are flags for go test, Args what follows its packages.
	Flags, Args []string
}

// Test returns the go test command of the packages, ready to be started.
func Test(ctx context.Context, cfg TestConfig) (*exec.Cmd, error) {
	dir, patterns, err := locate(cfg.Config)
	if err != nil {
		return nil, err
	}
	if first := cfg.Package[0]; Local(first) && len(patterns) == 1 {
		// As the user wrote them: go prints its paths in the same manner.
		patterns = cfg.Package
	}
	b, err := prepare(cfg.Config, dir)
	if err != nil {
		return nil, err
	}
	if err := b.checkTaken(ctx); err != nil {
		return nil, err
	}
	args := append(cfg.Flags[:len(cfg.Flags):len(cfg.Flags)], patterns...)
	return b.command(ctx, "test", append(args, cfg.Args...)...), nil
}

// checkTaken checks that go takes the overlay. It says nothing about one whose
// paths fit no file.
func (b *builder) checkTaken(ctx context.Context) error {
	cmd := b.command(ctx, "list", "-f={{.GoFiles}}", "net")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit):
		b.Stderr.Write(stderr.Bytes())
		return ErrReported
	case err != nil:
		return fmt.Errorf("go list: %w", err)
	case !overlay.Listed(out):
		return fmt.Errorf("%w: net would be that of %s, not tinynet's: is %s the toolchain that go runs?",
			ErrNotTaken, b.env.GOROOT, b.env.GOVERSION)
	}
	return nil
}
