"""Two declarations of one thing, and capabilities that repeat what an agent does for every node."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from onex.codegen.model import ModelFinding
from onex.contract.capabilities import Declared
from onex.contract.variables import Variables
from onex.contract.yaml_lines import Location, dotted, line_of
from onex.model.contract import ModelContract

BUILT_IN: Final[Mapping[str, tuple[str, str]]] = {
    "MixinRetry": (
        "`error_handling.retry_policy`",
        "keep it for single calls of a dependency within a handler; the agent retries whole messages",
    ),
    "MixinTimeout": (
        "`delivery.timeout`",
        "keep it for single calls of a dependency; the agent ends handlers that take too long",
    ),
    "MixinBulkhead": (
        "`delivery.concurrency`",
        "keep it for limits of single dependencies; the agent limits concurrent messages",
    ),
    "MixinMetrics": (
        "the metrics of the agent",
        "keep it for numbers of your own; the agent counts messages, failures and durations",
    ),
    "MixinTracing": (
        "the spans of the agent",
        "keep it for spans within a handler; the agent has one span for each message",
    ),
    "MixinEventBus": (
        "the publishing of results",
        "keep it for events while a handler still runs; the agent publishes the returned ones exactly once",
    ),
}
"""What each node has without the capability, and when the capability is still right."""
_IMPLIED: Final = frozenset({("advanced_features", "transactions", "MixinDatabase")})
"""Declarations that only complete another one."""


def overlaps(
    contract: ModelContract, by_name: Mapping[str, Sequence[Declared]], variables: Variables
) -> Iterator[ModelFinding]:
    """Yield a warning for each overlap."""
    for name, declared in sorted(by_name.items()):
        places = [item.at for item in declared if (*item.at[:2], name) not in _IMPLIED]
        if len(places) > 1:
            words = f"{name} is declared by {dotted(places[0])} already"
            yield _warning(variables, places[1], "overlap.declared-twice", words, "keep one of the two")
        if name == "MixinRetry" and (policy := _retry_policy(contract)):
            words = f"MixinRetry retries calls in a handler that {dotted(policy)} retries as a whole"
            remedy = "keep one: the numbers of attempts multiply"
            yield _warning(variables, declared[0].at, "overlap.retries", words, remedy)
        elif name in BUILT_IN and declared[0].at[0] != "advanced_features":  # which names it on purpose
            built_in, remedy = BUILT_IN[name]
            words = f"{name} adds to {built_in}, which every node has"
            yield _warning(variables, declared[0].at, "overlap.built-in", words, remedy)


def _retry_policy(contract: ModelContract) -> Location | None:
    """Return the place of an explicit retry policy."""
    features = contract.advanced_features
    if features is not None and features.retry_policy is not None:
        return ("advanced_features", "retry_policy")
    if features is not None and features.retries() is not None:
        return ("advanced_features", "dead_letter_queue")
    if "retry_policy" in contract.error_handling.model_fields_set:
        return ("error_handling", "retry_policy")
    return None


def _warning(variables: Variables, at: Location, rule: str, message: str, remedy: str) -> ModelFinding:
    line = line_of(variables.lines, at)
    return ModelFinding(
        severity="warning", file=str(variables.file), line=line, rule=rule, message=message, remedy=remedy
    )
