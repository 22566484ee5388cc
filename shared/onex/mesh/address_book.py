"""Topics of messages, and the messages that end them: from contracts, or from the introspection of nodes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onex.mesh.errors import UnknownCommandError
from onex.model.cancel import CancelWorkflow
from onex.model.mesh import RegisteredNode
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated

if TYPE_CHECKING:
    from onex.contract import ResolvedNode


@dataclass(frozen=True, slots=True)
class Address:
    """One command: its topic, the node that takes it, and the messages that end it."""

    message: str
    topic: str
    node: str
    dead_letter: str
    completed: Mapping[str, str]
    """Topic by name of a message that ends the command successfully."""
    failed: Mapping[str, str]
    """Topic by name of a message that says that the command failed."""
    steps: Mapping[str, str]
    """Topic by name of each message that the node takes or publishes meanwhile."""
    repeated: str = ""
    """Topic of the completions of commands that come again after their end; empty for a node without a workflow."""


class AddressBook:
    """Addresses by command, topics by message. Later entries of a name replace earlier ones."""

    def __init__(self) -> None:
        self._addresses: dict[str, Address] = {}
        self._topics: dict[str, str] = {}

    def add_contracts(self, nodes: "Iterable[ResolvedNode]") -> None:
        """Add nodes by their contracts."""
        from onex.contract.inputs import inputs_of  # loads the contract reader, only when there are contracts

        for node in nodes:
            inputs = {route.model.__name__: route.topic for route in node.all_routes}
            outputs = {model.__name__: topic for model, topic in node.outputs.items()}
            ends = [(i.message, i.topic, i.completed, i.failed) for i in inputs_of(node)]
            self._add(node.contract.name, node.contract.dead_letter_topic, inputs, outputs, ends)

    def add_registered(self, nodes: Iterable[RegisteredNode]) -> None:
        """Add nodes that the registry knows."""
        for node in nodes:
            introspected = node.registered
            inputs = {entry.message: entry.topic for entry in introspected.inputs}
            outputs = {entry.message: entry.topic for entry in introspected.outputs}
            ends = [(i.message, i.topic, i.completed, i.failed) for i in introspected.inputs]
            self._add(introspected.node, introspected.topics.dead_letter, inputs, outputs, ends)

    def _add(
        self,
        node: str,
        dead_letter: str,
        inputs: Mapping[str, str],
        outputs: Mapping[str, str],
        ends: Sequence[tuple[str, str, Sequence[str], Sequence[str]]],
    ) -> None:
        for message, topic, completed, failed in ends:
            if message == CancelWorkflow.__name__:
                continue  # each workflow has its own topic for it
            earlier = self._addresses.get(message)
            if earlier is not None and earlier.node != node and not (completed or failed):
                continue
            repeated = outputs.get(CompletionRepeated.__name__, "") if failed else ""
            steps = {**inputs, **outputs} if failed else dict(outputs)
            steps.pop(CompletionRepeated.__name__, None)
            self._addresses[message] = Address(
                message,
                topic,
                node,
                dead_letter,
                {name: outputs[name] for name in completed if name in outputs},
                {name: outputs[name] for name in failed if name in outputs},
                {name: step_topic for name, step_topic in steps.items() if step_topic != topic},
                repeated,
            )
        self._topics |= {**inputs, **outputs}

    def command(self, model: type[Message]) -> Address:
        """Return the address of a command. Raise UnknownCommandError."""
        address = self._addresses.get(model.__name__)
        if address is None:
            raise UnknownCommandError(f"no node takes {model.__name__}; taken are: {self._known()}")
        return address

    def topic(self, model: type[Message]) -> str:
        """Return the topic of a message type. Raise UnknownCommandError."""
        topic = self._topics.get(model.__name__)
        if topic is None:
            raise UnknownCommandError(f"no node takes or publishes {model.__name__}; known are: {self._known()}")
        return topic

    def knows(self, model: type[Message]) -> bool:
        """Return whether any node takes or publishes messages of this type."""
        return model.__name__ in self._topics

    def endings(self) -> set[str]:
        """Return the topics on which commands end, including dead-letter topics."""
        return {
            topic
            for address in self._addresses.values()
            for topic in (*address.completed.values(), *address.failed.values(), address.dead_letter)
        }

    def repeated(self) -> set[str]:
        """Return the topics of the completions of commands that come again after their end."""
        return {address.repeated for address in self._addresses.values() if address.repeated}

    def _known(self) -> str:
        return ", ".join(sorted(self._addresses)) or "none"
