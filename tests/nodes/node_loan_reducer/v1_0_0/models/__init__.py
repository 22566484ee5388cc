"""Books of a library."""

from datetime import datetime
from enum import StrEnum

from onex.node import Message


class Place(StrEnum):
    """Where a book is."""

    SHELF = "shelf"
    LENT = "lent"
    REPAIR = "repair"
    LOST = "lost"


class Loan(Message):
    """State of a book."""

    place: Place = Place.SHELF
    loans: int = 0


class BookLent(Message, key="book"):
    """Event."""

    book: str
    days: int


class BookReturned(Message, key="book"):
    """Event."""

    book: str
    damage: float
    smell: str | None = None


class BookLost(Message, key="book"):
    """Event."""

    book: str
    at: datetime


class LoanNoted(Message, key="book"):
    """What the handlers and actions have done."""

    book: str
    what: str
