"""k-means clustering of points in any number of dimensions."""

import csv
import math
import random
from collections.abc import Iterable, Sequence
from typing import TextIO

Point = tuple[float, ...]


class NotEnoughPoints(ValueError):
    pass


def mean(points: Sequence[Point]) -> Point:
    return tuple(math.fsum(axis) / len(points) for axis in zip(*points))


def nearest(point: Point, centres: Sequence[Point]) -> int:
    """Index of the centre that is closest to the point."""
    return min(range(len(centres)), key=lambda i: math.dist(point, centres[i]))


def initial_centres(points: Sequence[Point], k: int, rng) -> list[Point]:
    """Choose centres which tend to lie far apart.

    Parameters
    ----------
    points : sequence of tuples
        The data to be clustered.
    k : int
        The number of centres wanted.
    rng : random.Random
        Source of randomness; seed it to get reproducible results.

    Returns
    -------
    list of tuples
        No point is chosen twice.
    """
    if len(set(points)) < k:
        raise NotEnoughPoints(f"cannot form {k} clusters")
    centres = [rng.choice(points)]
    while len(centres) < k:
        weights = [min(math.dist(p, c) for c in centres) ** 2 for p in points]
        centres += rng.choices(points, weights=weights)
    return centres


class KMeans:
    def __init__(self, k: int, max_rounds: int = 100, seed: int = 0):
        self.k = k
        self.max_rounds = max_rounds
        self.rng = random.Random(seed)
        self.centres: list[Point] = []
        self.rounds = 0

    def fit(self, points: Sequence[Point]) -> list[int]:
        self.centres = initial_centres(points, self.k, self.rng)
        labels: list[int] = []
        for self.rounds in range(1, self.max_rounds + 1):
            previous, labels = labels, [nearest(p, self.centres) for p in points]
            if labels == previous:
                break
            for i in range(self.k):
                members = [p for p, label in zip(points, labels) if label == i]
                if members:
                    self.centres[i] = mean(members)
        return labels

    def inertia(self, points: Iterable[Point]) -> float:
        """Sum of the squared distances from each point to its centre."""
        return sum(
            math.dist(p, self.centres[nearest(p, self.centres)]) ** 2 for p in points
        )


def read_points(stream: TextIO, columns: Sequence[str]) -> list[Point]:
    reader = csv.DictReader(stream)
    return [tuple(float(row[name]) for name in columns) for row in reader]
