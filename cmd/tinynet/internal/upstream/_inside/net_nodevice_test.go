package net

// Without a device there are no files of the system, no descriptors and no
// options of sockets.

func insideInstall()          {}
func insideUninstall()        {}
func insideSockets() int      { return 0 }
func insideFiles(_, _ string) {}

func insideHostname(func() (string, error)) {}
