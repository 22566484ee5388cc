"""Bodies of a REDUCER: the aggregations and the state machine of the contract, and the mapping of its results."""

from collections.abc import Mapping, Sequence

from onex.codegen.render.bodies.aggregates import first_value, next_value
from onex.codegen.render.bodies.body import NODE_API, Block, joined, raising, under, unfinished
from onex.codegen.render.bodies.code import LINE_WIDTH, Call, Expression, Items, flat, statement
from onex.codegen.render.bodies.scope import Facts, block_of
from onex.codegen.render.bodies.sources import Built, Root, combined, construct
from onex.model.contract import ModelHandler

_EVENT, _STATE, _NEW = "event", "state", "new"


def reducer_blocks(facts: Facts, method: str, entries: Sequence[ModelHandler], state: str) -> Mapping[str, Block]:
    """Return what a REDUCER's method does with each message, by type."""
    return {entry.event_model: _Entry(facts, method, entry, state).block() for entry in entries}


class _Entry:
    """One message type of a method."""

    def __init__(self, facts: Facts, method: str, entry: ModelHandler, state: str) -> None:
        self._facts, self._method, self._entry, self._state = facts, method, entry, state
        self._fields = facts.models[state].fields
        self._event = {entry.event_model: Root(_EVENT)}
        machine = facts.contract.state_machine
        self._state_field = machine.state_field if machine else ""

    def block(self) -> Block:
        result = self._result()
        problems = [*result.problems] if result else []
        if not result and self._entry.output_events:
            names = " or ".join(self._entry.output_events)
            problems.append(f"the contract does not state how {names} is made of {self._entry.event_model}")
        if not (self._entry.aggregate or self._entry.mapping or self._state_field):
            problems.append(f"the contract does not state what {self._entry.event_model} changes")
        if problems:
            return self._unfinished(problems, 2)
        change = self._change() if self._changes else self._without_change(result)
        return joined([change, self._return(result)])

    @property
    def _changes(self) -> bool:
        return bool(self._entry.aggregate or self._state_field)

    def _change(self) -> Block:
        """Return the statement of the new state: of the first message of a key, and of any further one."""
        first = self._whole({field: self._first(field, text) for field, text in self._fields.items()})
        further = self._whole({field: self._next(field, text) for field, text in self._fields.items()})
        no_state = f"if {_STATE} is None:"
        if first.problems:
            return joined([under(no_state, self._no_first(first.problems)), self._assigned(further, 2)])
        either = f"{flat(first.expression)} if {_STATE} is None else {flat(further.expression)}"
        if len(f"{_NEW} = {either}") <= LINE_WIDTH:  # ruff's rule SIM108
            return self._assigned(combined(either, [first, further]), 2)
        return joined([under(no_state, self._assigned(first, 3)), under("else:", self._assigned(further, 3))])

    def _no_first(self, problems: Sequence[str]) -> Block:
        """Return what happens to a message of a key without a state, when the contract states no first one."""
        if self._can_begin():
            return self._unfinished(problems, 3)
        return raising("RejectedError", f"{self._method}: {self._entry.event_model} came before a state", depth=3)

    def _assigned(self, built: Built, depth: int) -> Block:
        return block_of(self._facts, statement(f"{_NEW} = ", built.expression, depth=depth), built)

    def _without_change(self, result: Built | None) -> Block:
        """Return the check that a state exists, where the result is made of it. The state stays as it is."""
        if not self._uses_state():
            return Block([f"{_NEW} = {_STATE}"])
        reason = f"{_name(result)} is made of {self._state}, and the contract does not state the first value of that"
        check = under(f"if {_STATE} is None:", self._unfinished([reason], 3))
        return joined([check, f"{_NEW} = {_STATE}"])

    def _uses_state(self) -> bool:
        _, values = self._entry.mapped or ("", {})
        return any(path.root == self._state for value in values.values() for path in value.paths)

    def _can_begin(self) -> bool:
        """Return whether the message may come while the key has no state. A state machine refuses it otherwise."""
        machine = self._facts.contract.state_machine
        return machine is None or machine.can_begin(self._entry.event_model)

    def _first(self, field: str, text: str) -> Built:
        if field == self._state_field:
            return Built("context.transition_to")
        return first_value(
            field, text, self._entry.aggregate.get(field), self._event, self._others(field), self._state
        )

    def _next(self, field: str, text: str) -> Built:
        if field == self._state_field:
            return Built("context.transition_to")
        return next_value(f"{_STATE}.{field}", text, self._entry.aggregate.get(field), self._event)

    def _others(self, field: str) -> Sequence[str]:
        """Return the aggregations of this field by other messages."""
        routing = self._facts.contract.handler_routing
        entries = routing.handlers if routing else ()
        return [other.aggregate[field].operation for other in entries if field in other.aggregate]

    def _whole(self, parts: Mapping[str, Built]) -> Built:
        call = Call(self._state, [(field, part.expression) for field, part in parts.items()])
        return combined(call, parts.values(), self._state)

    def _result(self) -> Built | None:
        if self._entry.mapped is None:
            return None
        message, values = self._entry.mapped
        return construct(message, values, {**self._event, self._state: Root(_NEW)}, self._facts.models)

    def _return(self, result: Built | None) -> Block:
        arguments: list[tuple[str, Expression]] = [("", _NEW)]
        if result:
            arguments.append(("intents", Items("[]", [("", result.expression)])))
        lines = statement("return ", Call("Reduction", arguments), depth=2)
        return block_of(self._facts, lines, result or Built(""), (NODE_API, "Reduction"))

    def _unfinished(self, problems: Sequence[str], depth: int) -> Block:
        words = f"{'; '.join(problems)}. Write the handler, or complete the contract."
        return unfinished(self._method, words, depth=depth)


def _name(result: Built | None) -> str:
    """Return the class name of a result, for an error."""
    match result:
        case Built(expression=Call(function=str(name))):
            return name
        case _:
            return "the result"
