"""Adds up."""

import os
import time

from node_tally_reducer.v1_0_0.models import Amount, Tallied, Tally

from onex.node import Context, NodeReducer, Reduction


class NodeTallyReducer(NodeReducer[Tally]):
    """A total per entity; an amount of zero forgets the entity."""

    def reduce(self, state: Tally | None, event: Amount, context: Context) -> Reduction[Tally]:
        if event.value == 666:
            raise ValueError("the beast")
        if event.value == 669 and not os.environ.get("ONEX_TEST_SURVIVE"):
            time.sleep(5.0)
        if event.value == 0:
            return Reduction(None)
        old = state or Tally()
        if event.value == 667:
            return Reduction(Tally.model_construct(total="not an int", count=0))  # type: ignore[arg-type]  # the test
        new = Tally(total=old.total + event.value, count=old.count + 1)
        if event.value == 668:
            bad = Tallied.model_construct(entity=event.entity, total="as above", count=0)  # type: ignore[arg-type]  # as above
            return Reduction(new, intents=[bad])
        return Reduction(new, intents=[Tallied(entity=event.entity, total=new.total, count=new.count)])
