module drivers

go 1.25

require (
	machine v0.0.0
	tinygo.org/x/drivers v0.37.0
	tinynet/sim v0.0.0
)

require github.com/google/shlex v0.0.0-20191202100458-e7afc7fbc510 // indirect

replace (
	machine => ../../../../machine
	tinynet/sim => ../../..
)
