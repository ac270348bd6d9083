"""Ticketing for a multi-storey parking garage.

A driver takes a ticket at the entrance, pays at a machine, and then has a
short grace period in which to reach the exit barrier.
"""

import enum
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

GRACE = timedelta(minutes=15)
HOURLY_CENTS = 280
DAILY_CAP_CENTS = 1900
LOST_TICKET_CENTS = 4500


class TicketState(enum.Enum):
    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"


class GarageError(Exception):
    """Base class for everything that can go wrong at the barrier."""


class GarageFull(GarageError):
    pass


class PaymentRequired(GarageError):
    def __init__(self, ticket_id: int, due: int):
        super().__init__(f"ticket {ticket_id} still owes {due / 100:.2f}")
        self.due = due


@dataclass
class Ticket:
    number: int
    entered: datetime
    state: TicketState = TicketState.OPEN
    paid_at: datetime | None = None


def fee(entered: datetime, now: datetime) -> int:
    """Return the amount due in cents for a stay from *entered* to *now*."""
    stay = now - entered
    if stay <= GRACE:
        return 0
    days, rest = divmod(stay, timedelta(days=1))
    hours = math.ceil(rest / timedelta(hours=1))
    return days * DAILY_CAP_CENTS + min(hours * HOURLY_CENTS, DAILY_CAP_CENTS)


class Garage:
    def __init__(self, capacity: int):
        self.capacity = capacity
        self._tickets: dict[int, Ticket] = {}
        self._next_number = 1

    @property
    def free_spaces(self) -> int:
        return self.capacity - len(self._tickets)

    def enter(self, now: datetime) -> Ticket:
        if self.free_spaces == 0:
            raise GarageFull("no spaces left")
        ticket = Ticket(self._next_number, now)
        self._next_number += 1
        self._tickets[ticket.number] = ticket
        return ticket

    def pay(self, ticket: Ticket, now: datetime) -> int:
        start = ticket.paid_at or ticket.entered
        due = fee(start, now)
        ticket.paid_at = now
        ticket.state = TicketState.PAID
        return due

    def leave(self, ticket: Ticket, now: datetime) -> None:
        due = fee(ticket.paid_at or ticket.entered, now)
        if due > 0:
            raise PaymentRequired(ticket.number, due)
        ticket.state = TicketState.CLOSED
        del self._tickets[ticket.number]
