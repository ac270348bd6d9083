"""
Vending machine controller
==========================

The machine is always in exactly one state.  Events which make no sense in it
are refused, so that a fault in the keypad wiring gets noticed.
"""

from enum import Enum, auto


class State(Enum):
    IDLE = auto()
    HAS_MONEY = auto()
    DISPENSING = auto()
    OUT_OF_SERVICE = auto()


class Event(Enum):
    COIN = auto()
    SELECT = auto()
    CANCEL = auto()
    TAKEN = auto()
    SERVICE_KEY = auto()


COINS = (200, 100, 50, 20, 10, 5)

TRANSITIONS = {
    (State.IDLE, Event.COIN): "on_coin",
    (State.IDLE, Event.SERVICE_KEY): "on_service",
    (State.HAS_MONEY, Event.COIN): "on_coin",
    (State.HAS_MONEY, Event.SELECT): "on_select",
    (State.HAS_MONEY, Event.CANCEL): "on_refund",
    (State.DISPENSING, Event.TAKEN): "on_refund",
    (State.OUT_OF_SERVICE, Event.SERVICE_KEY): "on_repaired",
}


class Refused(Exception):
    pass


def make_change(amount):
    coins = []
    for coin in COINS:
        while amount >= coin:
            coins.append(coin)
            amount -= coin
    return coins


class VendingMachine:
    def __init__(self, shelf):
        # slot such as "B3" -> [product, price, quantity]
        self.shelf = shelf
        self.state = State.IDLE
        self.credit = 0

    def handle(self, event, argument=None):
        try:
            method_name = TRANSITIONS[self.state, event]
        except KeyError:
            raise Refused(
                "%s is not allowed while %s" % (event.name, self.state.name)
            ) from None
        method = getattr(self, method_name)
        return method() if argument is None else method(argument)

    def on_coin(self, value):
        if value not in COINS:
            raise Refused("unknown coin: %r" % value)
        self.credit += value
        self.state = State.HAS_MONEY

    def on_select(self, slot):
        if slot not in self.shelf:
            raise Refused("no such slot: " + slot)
        product, price, quantity = self.shelf[slot]
        if quantity == 0:
            raise Refused(product + " is sold out")
        if self.credit < price:
            raise Refused("%d more needed" % (price - self.credit))
        self.shelf[slot][2] -= 1
        self.credit -= price
        self.state = State.DISPENSING
        return product

    def on_service(self):
        self.state = State.OUT_OF_SERVICE

    def on_repaired(self):
        self.state = State.IDLE

    def on_refund(self):
        coins, self.credit = make_change(self.credit), 0
        self.state = State.IDLE
        return coins
