"""Messages of a tour; those of a trip are the trip's."""

from node_trip_orchestrator.v1_0_0.models import BookTrip, TripBooked, TripFailed

from onex.model.cancel import CancelWorkflow
from onex.node import Message


class BookTour(Message, key="tour"):
    tour: str
    trips: int


class TourBooked(Message, key="tour"):
    tour: str
    trips: list[str]


class TourFailed(Message, key="tour"):
    tour: str
    reason: str


__all__ = ["BookTour", "BookTrip", "CancelWorkflow", "TourBooked", "TourFailed", "TripBooked", "TripFailed"]
