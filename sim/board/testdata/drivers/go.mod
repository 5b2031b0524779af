module drivers

go 1.24

require tinygo.org/x/drivers v0.37.0

require (
	github.com/google/shlex v0.0.0-20191202100458-e7afc7fbc510 // indirect
	machine v0.0.0 // indirect
)

replace machine => ../../../../machine
