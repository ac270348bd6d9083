import heapq
from collections.abc import Iterator
from typing import NamedTuple

WAREHOUSE = """\
S..#......
.#.#.####.
.#...#....
.#####.##.
.......#.G
"""


class Cell(NamedTuple):
    row: int
    col: int

    def north(self) -> "Cell":
        return Cell(self.row - 1, self.col)

    def east(self) -> "Cell":
        return Cell(self.row, self.col + 1)

    def south(self) -> "Cell":
        return Cell(self.row + 1, self.col)

    def west(self) -> "Cell":
        return Cell(self.row, self.col - 1)

    def distance(self, other: "Cell") -> int:
        return abs(self.row - other.row) + abs(self.col - other.col)


class Grid:
    """The floor plan that the robot drives on.

    :param text: one line per row; ``#`` is a wall
    """

    def __init__(self, text: str):
        self.rows = text.splitlines()
        self.start = self._find("S")
        self.goal = self._find("G")

    def _find(self, marker: str) -> Cell:
        for row, line in enumerate(self.rows):
            if marker in line:
                return Cell(row, line.index(marker))
        raise ValueError("there is no " + marker)

    def is_free(self, cell: Cell) -> bool:
        if not 0 <= cell.row < len(self.rows):
            return False
        if not 0 <= cell.col < len(self.rows[cell.row]):
            return False
        return self.rows[cell.row][cell.col] != "#"

    def neighbours(self, cell: Cell) -> Iterator[Cell]:
        for other in (cell.north(), cell.east(), cell.south(), cell.west()):
            if self.is_free(other):
                yield other


def shortest_path(grid: Grid) -> list[Cell] | None:
    """A* search; returns None when the goal cannot be reached."""
    frontier = [(grid.start.distance(grid.goal), grid.start)]
    came_from: dict[Cell, Cell | None] = {grid.start: None}
    cost = {grid.start: 0}

    while frontier:
        _, current = heapq.heappop(frontier)
        if current == grid.goal:
            return trace_back(came_from, current)
        new_cost = cost[current] + 1
        for other in grid.neighbours(current):
            if new_cost < cost.get(other, new_cost + 1):
                cost[other] = new_cost
                came_from[other] = current
                estimate = new_cost + other.distance(grid.goal)
                heapq.heappush(frontier, (estimate, other))
    return None


def trace_back(came_from: dict[Cell, Cell | None], cell: Cell) -> list[Cell]:
    path = [cell]
    while came_from[cell] is not None:
        cell = came_from[cell]
        path.append(cell)
    path.reverse()
    return path
