"""The ground floor: what everything else stands on, and what itself needs nothing.

machine     this computer: threads, device, dtype, the time dial, folders
numbers     a number as Python's own, finite
arguments   what a public function is given, checked in one sentence
wanted      what kind of model it is given
units       base units in code, prefixes where a person reads
attention_sizes  layers, heads and widths of any configuration
quantities  what facts are called: name, unit, better direction and keys
records     facts with a unit, a kind and an interval; tables and JSON of them
recording   a grid that a benchmark writes row by row, so that it goes on
progress    the one speaker, on stderr
clock       how time is taken, and what neighbours leave of the machine
plain       exceptions that are one sentence to a learner
atomic      files that are whole or not there
model       what every language model here offers, and what a call costs
containers  what a container lets its processes have
wall        round a process that runs what a learner wrote; `seccomp` is part of it
tables      aligned text, and HTML, of rows
faces       what `dir()` of a room shows
"""

from llmlab.core import faces

__all__ = [
    "arguments",
    "atomic",
    "attention_sizes",
    "clock",
    "containers",
    "faces",
    "machine",
    "model",
    "numbers",
    "plain",
    "progress",
    "quantities",
    "recording",
    "records",
    "seccomp",
    "tables",
    "units",
    "wall",
    "wanted",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
