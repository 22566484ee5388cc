"""Where messages go and what ends them: from contracts at hand, or from what nodes have introspected."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onex.contract import ResolvedNode
from onex.contract.inputs import inputs_of
from onex.mesh.errors import UnknownCommandError
from onex.model.cancel import CancelWorkflow
from onex.model.mesh import RegisteredNode
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.model.topic import TopicName


@dataclass(frozen=True, slots=True)
class Address:
    """One command: its topic, the node that takes it, and how it may end."""

    message: str
    topic: str
    node: str
    dead_letter: str
    completed: Mapping[str, str]
    """Topic by name of the message that says so."""
    failed: Mapping[str, str]
    steps: Mapping[str, str]
    """Topic by message of everything the node hears and says meanwhile."""
    repeated: str = ""
    """Topic of the completions of commands that are repeated after their end; empty for nodes without workflow."""


class AddressBook:
    """Addresses by command, topics by message. Later entries of a name replace earlier ones."""

    def __init__(self) -> None:
        self._addresses: dict[str, Address] = {}
        self._topics: dict[str, str] = {}

    def add_contracts(self, nodes: Iterable[ResolvedNode]) -> None:
        """Nodes whose contracts are at hand."""
        for node in nodes:
            heard = {route.model.__name__: topic for topic, route in node.routes.items()}
            said = {model.__name__: topic for model, topic in node.outputs.items()}
            ends = [(i.message, i.topic, i.completed, i.failed) for i in inputs_of(node)]
            self._add(node.contract.name, node.contract.dead_letter_topic, heard, said, ends)

    def add_registered(self, nodes: Iterable[RegisteredNode]) -> None:
        """Nodes that the registry knows."""
        for node in nodes:
            shown = node.registered
            heard = {entry.message: entry.topic for entry in shown.inputs}
            said = {entry.message: entry.topic for entry in shown.outputs}
            ends = [(i.message, i.topic, i.completed, i.failed) for i in shown.inputs]
            self._add(shown.node, shown.topics.dead_letter, heard, said, ends)

    def _add(
        self,
        node: str,
        dead_letter: str,
        heard: Mapping[str, str],
        said: Mapping[str, str],
        ends: Sequence[tuple[str, str, Sequence[str], Sequence[str]]],
    ) -> None:
        for message, topic, completed, failed in ends:
            if message == CancelWorkflow.__name__:
                continue  # every workflow has its own topic for it
            known = self._addresses.get(message)
            if known is not None and known.node != node and not (completed or failed):
                continue
            repeated = said.get(CompletionRepeated.__name__, "") if failed else ""
            steps = {**heard, **said} if failed else dict(said)
            steps.pop(CompletionRepeated.__name__, None)
            self._addresses[message] = Address(
                message,
                topic,
                node,
                dead_letter,
                {name: said[name] for name in completed if name in said},
                {name: said[name] for name in failed if name in said},
                {name: where for name, where in steps.items() if where != topic},
                repeated,
            )
        self._topics |= {**heard, **said}

    def command(self, model: type[Message]) -> Address:
        """Where a command goes; raises UnknownCommandError."""
        found = self._addresses.get(model.__name__)
        if found is None or TopicName.parse(found.topic).name != model.message_name:
            raise UnknownCommandError(f"no node takes {model.__name__}; taken are: {self._known()}")
        return found

    def topic(self, model: type[Message]) -> str:
        """The topic that carries messages of a type; raises UnknownCommandError."""
        found = self._topics.get(model.__name__)
        if found is None:
            raise UnknownCommandError(f"no node takes or gives {model.__name__}; known are: {self._known()}")
        return found

    def knows(self, model: type[Message]) -> bool:
        """Whether any node takes or gives messages of this type."""
        return model.__name__ in self._topics

    def endings(self) -> set[str]:
        """Topics on which any command ends, dead letters included."""
        return {
            topic
            for address in self._addresses.values()
            for topic in (*address.completed.values(), *address.failed.values(), address.dead_letter)
        }

    def repeated(self) -> set[str]:
        """Topics that answer commands which are repeated after their end."""
        return {address.repeated for address in self._addresses.values() if address.repeated}

    def _known(self) -> str:
        return ", ".join(sorted(self._addresses)) or "none"
