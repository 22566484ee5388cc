"""Books a trip."""

from datetime import datetime, timedelta

from node_trip_orchestrator.v1_0_0.models import (
    BookCar,
    BookHotel,
    BookTrip,
    CarBooked,
    FreeHotel,
    HotelBooked,
    Pay,
    ReturnCar,
    ReturnPay,
    TripBooked,
    TripFailed,
    TripMoved,
)

from onex.node import NodeOrchestrator, Run


class NodeTripOrchestrator(NodeOrchestrator[BookTrip, TripBooked]):
    """One method for each name in the contract."""

    def deadline(self, run: Run[BookTrip]) -> datetime:
        return run.command.until or run.started_at + timedelta(days=365)

    def hotels(self, run: Run[BookTrip]) -> list[BookHotel]:
        return [BookHotel(trip=run.command.trip, night=night) for night in range(run.command.nights)]

    def compensate_hotels(self, run: Run[BookTrip]) -> list[FreeHotel]:
        return [FreeHotel(trip=run.command.trip, night=b.night) for b in run.all_results(HotelBooked)]

    def when_car(self, run: Run[BookTrip]) -> bool:
        return run.command.car

    def car(self, run: Run[BookTrip]) -> BookCar:
        return BookCar(trip=run.command.trip)

    def compensate_car(self, run: Run[BookTrip]) -> ReturnCar:
        return ReturnCar(trip=run.command.trip)

    def pay(self, run: Run[BookTrip]) -> Pay:
        return Pay(trip=run.command.trip)

    def compensate_pay(self, run: Run[BookTrip]) -> ReturnPay:
        return ReturnPay(trip=run.command.trip)

    def continue_as_new(self, run: Run[BookTrip]) -> BookTrip | None:
        again = run.command.again
        return run.command.model_copy(update={"again": again - 1}) if again else None

    def completed(self, run: Run[BookTrip]) -> TripBooked:
        nights = [booked.night for booked in run.all_results(HotelBooked)]
        car = run.result(CarBooked).plate if run.has(CarBooked) else ""
        return TripBooked(trip=run.command.trip, nights=nights, car=car)

    def failed(self, run: Run[BookTrip]) -> TripFailed:
        assert run.failure is not None
        left = list(run.failure.uncompensated)
        return TripFailed(trip=run.command.trip, reason=run.failure.reason, left=left)

    def progress(self, run: Run[BookTrip], step: str, status: str) -> TripMoved:
        return TripMoved(trip=run.command.trip, step=step, status=status)
