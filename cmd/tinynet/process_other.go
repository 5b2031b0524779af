//go:build !unix

package main

import "os"

func exitCode(state *os.ProcessState) int { return state.ExitCode() }

func inForeground() bool { return true }

func checkPrivate(string) error { return nil }
