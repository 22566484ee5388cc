"""Books of a library: the contract has their states, and these methods what happens at a transition."""

from node_loan_reducer.v1_0_0.models import BookLent, BookLost, BookReturned, Loan, LoanNoted, Place

from onex.node import Context, Message, NodeReducer, Reduction


class NodeLoanReducer(NodeReducer[Loan]):
    """Notes each handler and action that runs."""

    def lend(self, state: Loan | None, event: BookLent, context: Context) -> Reduction[Loan]:
        loan = state or Loan()
        return _noted(loan, context, f"lend from {loan.place} to {context.transition_to}")

    def take_back(self, state: Loan | None, event: BookReturned, context: Context) -> Reduction[Loan]:
        return _noted(state or Loan(), context, f"take back to {context.transition_to}")

    def lose(self, state: Loan | None, event: BookLost, context: Context) -> Reduction[Loan]:
        return Reduction(None, [LoanNoted(book=context.key, what="lose")])

    def leave_shelf(self, state: Loan | None, event: Message, context: Context) -> Reduction[Loan]:
        """Set a wrong place, which the engine does not store."""
        return _noted(Loan(place=Place.LOST, loans=state.loans if state else 0), context, "leave shelf")

    def count(self, state: Loan, event: BookLent, context: Context) -> Reduction[Loan]:
        return Reduction(state.model_copy(update={"loans": state.loans + 1, "place": Place.LOST}))

    def note_entry(self, state: Loan, event: BookLent | BookReturned, context: Context) -> Reduction[Loan]:
        return _noted(state, context, f"enter {state.place} after {state.loans}")

    def note_exit(self, state: Loan, event: Message, context: Context) -> Reduction[Loan]:
        return _noted(state, context, f"exit {state.place}")


def _noted(state: Loan, context: Context, what: str) -> Reduction[Loan]:
    return Reduction(state, [LoanNoted(book=context.key, what=what)])
