"""A compute node that misbehaves on request."""

import os

from node_unruly_compute.v1_0_0.models import Ask, Reply, Undeclared

from onex.node import NodeCompute, RejectedError


class NodeUnrulyCompute(NodeCompute[Ask, Reply]):
    """See ``Ask.mood``."""

    def compute(self, request: Ask) -> list[Reply]:
        match request.mood:
            case "raise":
                raise ZeroDivisionError("on request")
            case "reject":
                raise RejectedError("not today")
            case "wrong type":
                return 17  # type: ignore[return-value]  # what the test is about
            case "undeclared":
                return [Undeclared(entity=request.entity)]  # type: ignore[list-item]  # what the test is about
            case "half wrong":
                return [Reply(entity=request.entity, text="first"), 17]  # type: ignore[list-item]  # as above
            case "half too large":
                short = Reply(entity=request.entity, text="first")
                return [short, Reply(entity=request.entity, text="x" * 1_300_000)]
            case "silent":
                return []
            case "hang":
                while True:
                    if request.size:
                        os._exit(9)
        return [Reply(entity=request.entity, text="x" * request.size)]
