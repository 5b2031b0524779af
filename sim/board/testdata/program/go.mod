module program

go 1.23

require (
	machine v0.0.0
	tinynet v0.0.0
)

replace (
	machine => ../../../../machine
	tinynet => ../../../..
)
