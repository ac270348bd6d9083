"""Find a seating plan for round tables.

Guests who want to sit together should share a table, and guests who do not
get along must not.  The search starts from a random plan and swaps pairs of
guests as long as a swap makes the plan better (hill climbing with restarts).
"""

import random
from itertools import combinations

TOGETHER = 2
APART = -10


class SeatingProblem:
    def __init__(self, guests, tables, seats):
        guests = list(guests)
        if len(guests) > tables * seats:
            raise ValueError("not enough chairs for %d guests" % len(guests))
        self.guests = guests
        self.tables = tables
        self.seats = seats
        self.weights = {}

    def together(self, a, b, weight=TOGETHER):
        self._relate(a, b, weight)

    def apart(self, a, b, weight=APART):
        self._relate(a, b, weight)

    def _relate(self, a, b, weight):
        for guest in (a, b):
            if guest not in self.guests:
                raise KeyError("unknown guest: " + guest)
        self.weights[frozenset((a, b))] = weight

    def score(self, plan):
        return sum(
            self.weights.get(frozenset(pair), 0)
            for table in plan
            for pair in combinations(table, 2)
            if None not in pair
        )

    def _random_plan(self, rng):
        # None stands for an empty chair.
        chairs = self.guests + [None] * (self.tables * self.seats - len(self.guests))
        rng.shuffle(chairs)
        return [chairs[i : i + self.seats] for i in range(0, len(chairs), self.seats)]

    def _climb(self, plan):
        best = self.score(plan)
        improved = True
        while improved:
            improved = False
            for one, two in combinations(plan, 2):
                for i in range(self.seats):
                    for j in range(self.seats):
                        one[i], two[j] = two[j], one[i]
                        score = self.score(plan)
                        if score > best:
                            best = score
                            improved = True
                        else:
                            one[i], two[j] = two[j], one[i]
        return best

    def solve(self, restarts=10, seed=0):
        rng = random.Random(seed)
        best_plan, best_score = None, float("-inf")
        for _ in range(restarts):
            plan = self._random_plan(rng)
            score = self._climb(plan)
            if score > best_score:
                best_plan, best_score = plan, score
        return [[g for g in table if g is not None] for table in best_plan], best_score
