"""Single-elimination tournament brackets."""

from __future__ import annotations

from dataclasses import dataclass


def seed_order(size: int) -> list[int]:
    """Return the seeds in bracket order, so that the best meet last.

    >>> seed_order(8)
    [1, 8, 4, 5, 2, 7, 3, 6]
    """
    order = [1]
    while len(order) < size:
        pairs = len(order) * 2 + 1
        order = [seed for s in order for seed in (s, pairs - s)]
    return order


@dataclass
class Match:
    """One match, whose players may not be known yet.

    Attributes
    ----------
    left, right
        Matches of the previous round, or None in the first round.
    players
        The two player names; None stands for a bye in the first round.
    winner
        Name of the winner, or None as long as the match is open.
    """

    left: Match | None = None
    right: Match | None = None
    players: tuple[str | None, str | None] = (None, None)
    winner: str | None = None

    def entrants(self) -> tuple[str | None, str | None]:
        if self.left is None or self.right is None:
            return self.players
        return self.left.winner, self.right.winner


class Bracket:
    def __init__(self, players: list[str]) -> None:
        if len(players) < 2:
            raise ValueError("a tournament needs at least two players")
        size = 1
        while size < len(players):
            size *= 2
        slots = [
            players[s - 1] if s <= len(players) else None for s in seed_order(size)
        ]
        first = [Match(players=(a, b)) for a, b in zip(slots[::2], slots[1::2])]
        for match in first:
            if None in match.players:
                match.winner = match.players[0] or match.players[1]
        self.rounds = [first]
        while len(self.rounds[-1]) > 1:
            last = self.rounds[-1]
            self.rounds.append([Match(a, b) for a, b in zip(last[::2], last[1::2])])

    def open_matches(self) -> list[Match]:
        return [
            match
            for matches in self.rounds
            for match in matches
            if match.winner is None and None not in match.entrants()
        ]

    def report(self, winner: str) -> None:
        """Record a win of the given player."""
        for match in self.open_matches():
            if winner in match.entrants():
                match.winner = winner
                return
        raise LookupError(f"{winner} has no open match")

    @property
    def champion(self) -> str | None:
        return self.rounds[-1][0].winner


if __name__ == "__main__":
    import doctest

    doctest.testmod()
