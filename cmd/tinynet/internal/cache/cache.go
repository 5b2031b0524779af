// Package cache writes the files that the tool generates. They lie in the
// user's cache folder and may be deleted at any time that no tool is running.
package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Dir returns the folder for what the tool generates, without making it.
func Dir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w: set HOME or XDG_CACHE_HOME", err)
	}
	return filepath.Abs(filepath.Join(dir, "tinynet"))
}

// Key returns a short name, made of hexadecimal digits, that only this text has.
func Key(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// settled is how long ago a file was written by what its time says. In a package
// of the standard library with files that are younger than 2 s go does not look for
// those of an overlay: it says that the package is not in std.
const settled = 5 * time.Second

// Settled reports whether a file, which may be any, is old enough for an overlay
// to add its folder to the standard library. Those of WriteFile are.
func Settled(path string) (bool, error) {
	info, err := os.Stat(path)
	return err == nil && time.Since(info.ModTime()) >= settled, err
}

// WriteFile makes the file have the given contents, and its folder exist. A
// reader sees the old contents or the new, never a part. A file that has the
// contents already is left alone.
func WriteFile(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		at := time.Now().Add(-settled)
		err = os.Chtimes(f.Name(), at, at)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("cache folder: %w", err)
	}
	return nil
}

// Link makes name a symbolic link to target, and its folder exist.
func Link(name, target string) error {
	if old, err := os.Readlink(name); err == nil && old == target {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	// Made under another name and renamed, so that a link that is in use is
	// never away.
	dir, err := os.MkdirTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	defer os.RemoveAll(dir)
	fresh := filepath.Join(dir, "link")
	if err := os.Symlink(target, fresh); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	if err := os.Rename(fresh, name); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	return nil
}
