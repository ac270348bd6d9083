# An assembler and interpreter for a little stack machine.
#
# A program is a text with one instruction per line.  Labels end in a colon
# and comments begin with a semicolon:
#
#         push 10
#   again:
#         dup
#         print
#         push 1
#         sub
#         dup
#         jnz again       ; loop until the counter is zero
#         halt

import operator

OPCODES = {}


class VMError(Exception):
    pass


def opcode(name, operands=0):
    def register(function):
        OPCODES[name] = (function, operands)
        return function

    return register


def binary(name, function):
    @opcode(name)
    def execute(vm):
        b, a = vm.pop(), vm.pop()
        vm.stack.append(int(function(a, b)))


binary("add", operator.add)
binary("sub", operator.sub)
binary("mul", operator.mul)
binary("lt", operator.lt)


@opcode("push", 1)
def op_push(vm, value):
    vm.stack.append(value)


@opcode("dup")
def op_dup(vm):
    vm.stack.append(vm.stack[-1])


@opcode("store", 1)
def op_store(vm, address):
    vm.memory[address] = vm.pop()


@opcode("load", 1)
def op_load(vm, address):
    vm.stack.append(vm.memory.get(address, 0))


@opcode("jnz", 1)
def op_jnz(vm, target):
    if vm.pop() != 0:
        vm.pc = target


@opcode("print")
def op_print(vm):
    vm.output.append(vm.pop())


@opcode("halt")
def op_halt(vm):
    vm.running = False


def assemble(source):
    labels, code = {}, []
    for line in source.splitlines():
        words = line.split(";")[0].split()
        while words and words[0].endswith(":"):
            labels[words.pop(0)[:-1]] = len(code)
        if not words:
            continue
        name, args = words[0], words[1:]
        if name not in OPCODES or len(args) != OPCODES[name][1]:
            raise VMError("cannot assemble: " + line.strip())
        code.append((name, args))
    return [
        (name, [labels[a] if a in labels else int(a) for a in args])
        for name, args in code
    ]


class VM:
    def __init__(self, code):
        self.code = code
        self.stack, self.memory, self.output = [], {}, []
        self.pc = 0
        self.running = False

    def pop(self):
        if not self.stack:
            raise VMError("stack underflow")
        return self.stack.pop()

    def run(self, max_steps=100000):
        self.running = True
        while self.running:
            if max_steps == 0:
                raise VMError("program runs too long")
            max_steps -= 1
            name, args = self.code[self.pc]
            self.pc += 1
            OPCODES[name][0](self, *args)
        return self.output
