"""Greets visitors."""

from node_greeting_compute.v1_0_0.models import Greeting, Visit

from onex.node import NodeCompute, RejectedError


class NodeGreetingCompute(NodeCompute[Visit, Greeting]):
    """Refuses names without letters: they become dead letters."""

    def compute(self, request: Visit) -> Greeting:
        if not any(character.isalpha() for character in request.name):
            raise RejectedError(f"{request.name!r} is no name")
        return Greeting(name=request.name, text=f"Welcome, {request.name}")
