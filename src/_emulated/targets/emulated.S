// The start of a program, and the way to the kernel.

.syntax unified
.cfi_sections .debug_frame

.section .text.Reset_Handler
.global Reset_Handler
.type Reset_Handler, %function
Reset_Handler:
    .cfi_startproc
    .cfi_undefined lr
    // The kernel's stack has the environment; this program's own is as small
    // as a board's.
    mov r0, sp
    ldr r1, =_stack_top
    mov sp, r1
    bl emulated_start
    udf #0
    .cfi_endproc
.size Reset_Handler, .-Reset_Handler

// emulated_syscall(number, a, b, c uintptr) uintptr
.section .text.emulated_syscall
.global emulated_syscall
.type emulated_syscall, %function
emulated_syscall:
    .cfi_startproc
    push {r7, lr}
    .cfi_def_cfa_offset 8
    mov r7, r0
    mov r0, r1
    mov r1, r2
    mov r2, r3
    svc #0
    pop {r7, pc}
    .cfi_endproc
.size emulated_syscall, .-emulated_syscall

// What TinyGo's scheduler needs of a processor, with the sizes of the frames
// for TinyGo to work out the stacks of goroutines: its own for ARM has none.
// The registers lie on the stack as in internal/task's calleeSavedRegs.

.section .text.tinygo_startTask
.global tinygo_startTask
.type tinygo_startTask, %function
tinygo_startTask:
    .cfi_startproc
    .cfi_undefined lr
    // A goroutine begins here: its function is in r4, that one's argument in r5.
    mov r0, r5
    blx r4
    bl tinygo_pause
    .cfi_endproc
.size tinygo_startTask, .-tinygo_startTask

// tinygo_swapTask(to uintptr, from *uintptr) goes on with the stack to, and
// leaves in from where this one is.
.section .text.tinygo_swapTask
.global tinygo_swapTask
.type tinygo_swapTask, %function
tinygo_swapTask:
    .cfi_startproc
#if defined(__thumb2__)
    push {r4-r11, lr}
    .cfi_def_cfa_offset 36
    str sp, [r1]
    mov sp, r0
    pop {r4-r11, pc}
#else
    push {lr}
    mov r2, r10
    mov r3, r11
    push {r2, r3}
    mov r2, r8
    mov r3, r9
    push {r2, r3}
    push {r4-r7}
    .cfi_def_cfa_offset 36
    mov r2, sp
    str r2, [r1]
    mov sp, r0
    pop {r4-r7}
    pop {r2, r3}
    mov r8, r2
    mov r9, r3
    pop {r2, r3}
    mov r10, r2
    mov r11, r3
    pop {pc}
#endif
    .cfi_endproc
.size tinygo_swapTask, .-tinygo_swapTask
