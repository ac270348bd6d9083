"""The ground floor: what everything else stands on, and what itself needs nothing.

machine     this computer: threads, device, dtype, the time dial, folders
units       base units in code, prefixes where a person reads
records     facts with a unit, a kind and an interval; tables and JSON of them
progress    the one speaker, on stderr
writing     files that are whole or not there
model       what every language model here offers, and what a call costs
"""
