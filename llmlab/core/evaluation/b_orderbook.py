"""Limit order book with price-time priority."""

from __future__ import annotations

import itertools
from bisect import insort
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Side = Literal["buy", "sell"]

_sequence = itertools.count(1)


@dataclass(slots=True)
class Order:
    side: Side
    price: Decimal
    quantity: int
    trader: str
    id: int = field(default_factory=lambda: next(_sequence))

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            raise ValueError("quantity must be positive")

    @property
    def rank(self) -> tuple[Decimal, int]:
        """Sort key which puts the most attractive order of a side first."""
        return (-self.price if self.side == "buy" else self.price, self.id)

    def crosses(self, other: Order) -> bool:
        if self.side == "buy":
            return self.price >= other.price
        return self.price <= other.price


@dataclass(frozen=True)
class Trade:
    buyer: str
    seller: str
    price: Decimal
    quantity: int


class OrderBook:
    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self._sides: dict[Side, list[Order]] = {"buy": [], "sell": []}

    def best(self, side: Side) -> Order | None:
        queue = self._sides[side]
        return queue[0] if queue else None

    def submit(self, order: Order) -> list[Trade]:
        """Match an incoming order and rest whatever is left over."""
        opposite = self._sides["sell" if order.side == "buy" else "buy"]
        trades = []
        while order.quantity and opposite and order.crosses(opposite[0]):
            resting = opposite[0]
            quantity = min(order.quantity, resting.quantity)
            buyer, seller = (
                (order, resting) if order.side == "buy" else (resting, order)
            )
            # The order that was there first sets the price.
            trades.append(Trade(buyer.trader, seller.trader, resting.price, quantity))
            order.quantity -= quantity
            resting.quantity -= quantity
            if resting.quantity == 0:
                opposite.pop(0)
        if order.quantity:
            insort(self._sides[order.side], order, key=lambda o: o.rank)
        return trades

    def cancel(self, order_id: int) -> bool:
        for queue in self._sides.values():
            for index, order in enumerate(queue):
                if order.id == order_id:
                    del queue[index]
                    return True
        return False
