"""Messages of a trip that is insured."""

from datetime import datetime

from onex.node import Message


class BookTrip(Message, key="trip"):
    """Start."""

    trip: str
    nights: int = 2
    car: bool = True
    until: datetime | None = None
    again: int = 0


class ApproveTrip(Message, key="trip"):
    """A person says yes."""

    trip: str


class BookHotel(Message, key="trip"):
    trip: str
    night: int


class FreeHotel(Message, key="trip"):
    trip: str
    night: int


class HotelBooked(Message):
    night: int


class HotelFull(Message):
    reason: str


class BookCar(Message, key="trip"):
    trip: str


class ReturnCar(Message, key="trip"):
    trip: str


class CarBooked(Message):
    plate: str


class CarRefused(Message):
    reason: str


class CarReturned(Message):
    plate: str


class Pay(Message, key="trip"):
    trip: str


class ReturnPay(Message, key="trip"):
    trip: str


class Paid(Message):
    amount: float


class PayRefused(Message):
    reason: str


class PayReturned(Message):
    amount: float


class TripBooked(Message):
    trip: str
    nights: list[int]
    car: str


class TripFailed(Message):
    trip: str
    reason: str
    left: list[str]


class TripMoved(Message, key="trip"):
    trip: str
    step: str
    status: str


class Insure(Message, key="trip"):
    trip: str


class Insured(Message):
    policy: str
