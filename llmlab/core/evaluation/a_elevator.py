"""Discrete simulation of one elevator that serves calls in sweeps.

The car keeps going in its current direction as long as there are stops ahead
of it, and turns around when there are none (the "SCAN" policy).
"""

import logging

log = logging.getLogger(__name__)

UP, IDLE, DOWN = 1, 0, -1


class Passenger:
    def __init__(self, origin, target, called_at=0):
        self.origin = origin
        self.target = target
        self.called_at = called_at
        self.arrived_at = None

    def __repr__(self):
        return "Passenger(%d -> %d)" % (self.origin, self.target)


class Elevator:
    def __init__(self, floors, capacity=8):
        self.floors = floors
        self.capacity = capacity
        self.floor = 0
        self.direction = IDLE
        self.clock = 0
        self.waiting = []
        self.riding = []
        self.done = []

    def call(self, origin, target):
        for floor in (origin, target):
            if not 0 <= floor < self.floors:
                raise ValueError("no such floor: %d" % floor)
        passenger = Passenger(origin, target, self.clock)
        self.waiting.append(passenger)
        return passenger

    def stops(self):
        wanted = {p.target for p in self.riding}
        if len(self.riding) < self.capacity:
            wanted |= {p.origin for p in self.waiting}
        return wanted

    def choose_direction(self):
        wanted = self.stops()
        above = any(f > self.floor for f in wanted)
        below = any(f < self.floor for f in wanted)
        if (self.direction == UP and above) or (self.direction == DOWN and below):
            return self.direction
        if above:
            return UP
        return DOWN if below else IDLE

    def exchange(self):
        """Let passengers out and in at the current floor."""
        for p in [p for p in self.riding if p.target == self.floor]:
            self.riding.remove(p)
            p.arrived_at = self.clock
            self.done.append(p)
            log.debug("t=%d %r got out", self.clock, p)
        for p in [p for p in self.waiting if p.origin == self.floor]:
            if len(self.riding) == self.capacity:
                break
            self.waiting.remove(p)
            self.riding.append(p)

    def step(self):
        self.exchange()
        self.direction = self.choose_direction()
        self.floor += self.direction
        self.clock += 1

    def run(self):
        while self.waiting or self.riding:
            self.step()
        return sum(p.arrived_at - p.called_at for p in self.done) / max(
            1, len(self.done)
        )
