import random
from collections import deque


class Maze:
    """A perfect maze: there is exactly one path between any two rooms.

    Rooms are (column, row) pairs; ``doors`` maps every room to a set of rooms.
    """

    def __init__(self, columns, rows, seed=None):
        self.columns = columns
        self.rows = rows
        self.doors = {(c, r): set() for r in range(rows) for c in range(columns)}
        self._dig(random.Random(seed))

    def adjacent(self, room):
        c, r = room
        for other in ((c, r - 1), (c + 1, r), (c, r + 1), (c - 1, r)):
            if other in self.doors:
                yield other

    def _dig(self, rng):
        # An explicit trail, since a large maze would recurse too deeply.
        trail = [(0, 0)]
        untouched = set(self.doors) - {(0, 0)}
        while untouched:
            here = trail[-1]
            options = [room for room in self.adjacent(here) if room in untouched]
            if not options:
                trail.pop()
                continue
            there = rng.choice(options)
            self.doors[here].add(there)
            self.doors[there].add(here)
            untouched.discard(there)
            trail.append(there)

    def dead_ends(self):
        return [room for room, doors in self.doors.items() if len(doors) == 1]

    def solve(self, start=None, goal=None):
        start = start or (0, 0)
        goal = goal or (self.columns - 1, self.rows - 1)
        came_from = {start: None}
        queue = deque([start])
        while queue and goal not in came_from:
            room = queue.popleft()
            for other in self.doors[room] - came_from.keys():
                came_from[other] = room
                queue.append(other)
        path = [goal]
        while path[-1] != start:
            path.append(came_from[path[-1]])
        return path[::-1]

    def render(self, path=()):
        marked = set(path)
        lines = ["+" + "--+" * self.columns]
        for r in range(self.rows):
            middle, below = "|", "+"
            for c in range(self.columns):
                doors = self.doors[c, r]
                middle += "()" if (c, r) in marked else "  "
                middle += " " if (c + 1, r) in doors else "|"
                below += "  +" if (c, r + 1) in doors else "--+"
            lines.append(middle)
            lines.append(below)
        return "\n".join(lines)


if __name__ == "__main__":
    maze = Maze(columns=16, rows=8)
    print(maze.render())
    print(maze.render(maze.solve()))
    print(len(maze.dead_ends()), "dead ends")
