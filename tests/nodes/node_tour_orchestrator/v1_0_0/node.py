"""A tour of trips."""

from node_tour_orchestrator.v1_0_0.models import (
    BookTour,
    BookTrip,
    CancelWorkflow,
    TourBooked,
    TourFailed,
    TripBooked,
)

from onex.node import NodeOrchestrator, Run


class NodeTourOrchestrator(NodeOrchestrator[BookTour, TourBooked]):
    """Child workflows are steps whose commands start another orchestrator."""

    def trips(self, run: Run[BookTour]) -> list[BookTrip]:
        return [BookTrip(trip=name, nights=0, car=False) for name in self._names(run)]

    def compensate_trips(self, run: Run[BookTour]) -> list[CancelWorkflow]:
        return [CancelWorkflow(workflow_id=name, reason="the tour is off") for name in self._names(run)]

    def completed(self, run: Run[BookTour]) -> TourBooked:
        return TourBooked(tour=run.command.tour, trips=[booked.trip for booked in run.all_results(TripBooked)])

    def failed(self, run: Run[BookTour]) -> TourFailed:
        return TourFailed(tour=run.command.tour, reason=run.failure.reason if run.failure else "")

    def _names(self, run: Run[BookTour]) -> list[str]:
        return [f"{run.command.tour}-{number}" for number in range(run.command.trips)]
