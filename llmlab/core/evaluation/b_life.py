#! /usr/bin/env python3

"""Conway's game of life on a torus: the left edge touches the right edge and
the top touches the bottom, so that gliders never get lost."""

import os
import random
import time
from argparse import ArgumentParser

PATTERNS = {
    "glider": [".O.", "..O", "OOO"],
    "blinker": ["OOO"],
    "toad": [".OOO", "OOO."],
    "beacon": ["OO..", "OO..", "..OO", "..OO"],
    "r-pentomino": [".OO", "OO.", ".O."],
    "acorn": [".O.....", "...O...", "OO..OOO"],
}


def empty(width, height):
    return [[False] * width for _ in range(height)]


def stamp(board, pattern, x, y):
    """Copy a pattern onto the board with its upper left corner at x, y."""
    height, width = len(board), len(board[0])
    for dy, line in enumerate(pattern):
        for dx, char in enumerate(line):
            board[(y + dy) % height][(x + dx) % width] = char == "O"


def scatter(board, density, rng=random):
    for row in board:
        for x in range(len(row)):
            row[x] = rng.random() < density


def step(board):
    height, width = len(board), len(board[0])
    new = empty(width, height)
    for y in range(height):
        above, here, below = board[y - 1], board[y], board[(y + 1) % height]
        for x in range(width):
            left, right = x - 1, (x + 1) % width
            n = (
                above[left]
                + above[x]
                + above[right]
                + here[left]
                + here[right]
                + below[left]
                + below[x]
                + below[right]
            )
            new[y][x] = n == 3 or (n == 2 and here[x])
    return new


def population(board):
    return sum(map(sum, board))


def generations(board):
    while True:
        yield board
        board = step(board)


def render(board, alive="O", dead="."):
    return "\n".join("".join(alive if c else dead for c in row) for row in board)


def main():
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("-p", "--pattern", choices=sorted(PATTERNS))
    parser.add_argument("-W", "--width", type=int, default=60)
    parser.add_argument("-H", "--height", type=int, default=20)
    parser.add_argument("-n", "--steps", type=int, default=200)
    args = parser.parse_args()

    board = empty(args.width, args.height)
    if args.pattern:
        stamp(board, PATTERNS[args.pattern], args.width // 2, args.height // 2)
    else:
        scatter(board, 0.3)

    for count, board in zip(range(args.steps), generations(board)):
        os.system("clear")
        print(render(board))
        print("generation", count, "population", population(board))
        time.sleep(0.1)


if __name__ == "__main__":
    main()
