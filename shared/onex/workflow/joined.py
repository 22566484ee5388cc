"""One result of several: of the exit actions, the handler and the entry actions of a transition."""

from collections.abc import Sequence

from onex.errors import WrongOutputError
from onex.model.message import Message
from onex.node import Decision, Reduction


def joined_reduction(parts: Sequence[Reduction[Message]], state: Message | None) -> Reduction[Message]:
    """Return the reduction to a state with all intents, in order."""
    if len(parts) == 1:
        return Reduction(state, parts[0].intents)
    return Reduction(state, tuple(intent for part in parts for intent in part.intents))


def joined_decision(parts: Sequence[Decision[Message]], state: Message | None) -> Decision[Message]:
    """Return the decision to a state with all commands, events and timers, in order. Raise WrongOutputError when more
    than one part completes the work."""
    if len(parts) == 1:
        (only,) = parts
        return Decision(state, only.commands, only.timers, only.completion, only.events)
    completions = [part.completion for part in parts if part.completion is not None]
    if len(completions) > 1:
        raise WrongOutputError("a handler and the actions of its transition returned more than one completion")
    return Decision(
        state,
        commands=tuple(command for part in parts for command in part.commands),
        timers=tuple(timer for part in parts for timer in part.timers),
        completion=next(iter(completions), None),
        events=tuple(event for part in parts for event in part.events),
    )
