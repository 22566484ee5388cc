"""Retries, circuits and timeouts, under the keys and in the units that contracts use."""

import builtins
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import JsonValue

from onex.codegen.found.durations import seconds_of, text_of_seconds
from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.model.contract.delivery import ModelRetryPolicy
from onex.model.enums import EnumBackoff, EnumNodeKind

_RETRIES = ("retry_policy", "retry", "retries", "retry_config")
_CIRCUITS = ("circuit_breaker", "circuit_breaker_config", "circuit")
_TIMEOUTS = ("timeout_policy", "timeouts", "timeout", "timeout_ms", "timeout_seconds", "handler_timeout_ms")
_COUNTS = ("max_attempts", "attempts", "max_retries", "retries", "max_retry_attempts", "retry_count")
_BARE_COUNTS = ("max_retries", "max_attempts", "retry_count", "retry_attempts", "max_retry_attempts")
"""Counts that a file writes next to its policies instead of in one."""
_BASES = (
    "base_delay",
    "initial_delay",
    "initial_backoff",
    "delay",
    "retry_delay",
    "backoff_base",
    "initial_interval",
)
_LONGEST = ("max_delay", "max_backoff", "backoff_max", "max_interval")
_FACTORS = ("multiplier", "backoff_multiplier", "exponential_base", "backoff_factor", "factor")
_STRATEGIES = ("backoff", "backoff_strategy", "strategy", "backoff_type", "type")
_NAMES = ("retry_on", "retryable_exceptions", "retryable_errors", "retry_on_exceptions", "retry_exceptions")
_USUAL = {"timeout": "TimeoutError", "connection": "ConnectionError", "connection_error": "ConnectionError"}
_CODES = ("retryable_error_codes", "retryable_status_codes", "retry_on_status_codes", "status_codes")
_NEVER = ("non_retryable_errors", "non_retryable_exceptions", "non_retryable_error_codes", "no_retry_on", "abort_on")
_OPEN = ("recovery_timeout", "reset_timeout", "timeout", "open_timeout", "open_duration", "cooldown")
_THRESHOLDS = ("failure_threshold", "threshold", "max_failures", "consecutive_failures")
_PROBES = ("half_open_max_calls", "half_open_max_requests", "half_open_max_attempts", "half_open_requests")
_HANDLER_TIMES = (
    "timeout",
    "default_timeout",
    "operation_timeout",
    "handler_timeout",
    "execution_timeout",
    "default",
)
_LONGEST_OPEN_MS = 300_000


@dataclass(slots=True)
class Failures:
    """Failure policies of the result."""

    retry: dict[str, JsonValue] = field(default_factory=dict)
    circuit: dict[str, JsonValue] = field(default_factory=dict)
    timeout: str = ""
    service_timeouts: list[JsonValue] = field(default_factory=list)


def read_failures(root: Place, kind: EnumNodeKind, handlers: list[Place], notes: Notes) -> Failures:
    """Return the failure policies. Refuse those that the kind of the node cannot have."""
    found = Failures()
    legacy = root.get("error_handling")
    resilience = root.get("resilience", "fault_tolerance")
    descriptor = root.get("descriptor", "behavior")
    holders = [place for place in (legacy, resilience, descriptor, root) if place is not None and place.is_map]
    features = root.get("advanced_features")
    for place in _places(holders, _RETRIES):
        if _features_retry(features):
            notes.left_out(place, "advanced_features decides the retries, and is preferred")
        elif found.retry:
            notes.left_out(place, "another key of the file decides the retries")
        else:
            found.retry = _retry(place, kind, notes)
    for place in _places(holders[:-1], _BARE_COUNTS):
        if _features_retry(features):
            notes.left_out(place, "advanced_features decides the retries, and is preferred")
        elif found.retry:
            notes.left_out(place, "another key of the file decides the retries")
        else:
            found.retry = _retry(place, kind, notes)
    for place in _places(holders, _CIRCUITS):
        if features is not None and features.get("circuit_breaker") is not None:
            notes.left_out(place, "advanced_features.circuit_breaker decides, and is preferred")
        elif found.circuit:
            notes.left_out(place, "another key of the file decides the circuit breaker")
        else:
            found.circuit = _circuit(place, kind, notes)
    _timeouts(root, holders, handlers, kind, found, notes)
    for handler in handlers:
        for place in _places([handler], _RETRIES):
            if not found.retry and len(handlers) == 1:
                found.retry = _retry(place, kind, notes)
            elif _retry(place, kind, notes) != found.retry:
                notes.refused(
                    place, "a node has one retry policy here; split the node, or give its handlers one policy"
                )
    return found


def _features_retry(features: Place | None) -> bool:
    """Return whether advanced features decide how often a message is tried."""
    if features is None:
        return False
    letters = features.get("dead_letter_queue", "dlq")
    by_letters = letters is not None and letters.get("max_retries", "retry_delay_ms") is not None
    return by_letters or features.get("retry_policy", "retry") is not None


def _places(holders: list[Place], keys: tuple[str, ...]) -> Iterator[Place]:
    for holder in holders:
        for key in keys:
            if (place := holder.get(key)) is not None:
                yield place


def _retry(place: Place, kind: EnumNodeKind, notes: Notes) -> dict[str, JsonValue]:
    policy: dict[str, JsonValue] = {}
    if kind is not EnumNodeKind.EFFECT:
        aside = Notes()
        if _attempts(place, aside) != 1 or aside.is_refused:
            notes.refused(
                place,
                f"no {kind} is retried: a pure handler fails or does not. Move the work that can fail into an "
                "EFFECT, or remove the retries",
            )
        else:
            notes.left_out(place, f"one attempt, as every {kind} has")
        return {}
    if (attempts := _attempts(place, notes)) is not None:
        policy["max_attempts"] = attempts
    if place.is_map:
        _delays(place, policy, notes)
        _transient(place, policy, notes)
    return policy


def _attempts(place: Place, notes: Notes) -> int | None:
    """Return the number of attempts. None when the policy does not say it."""
    if place.is_off or place.value is False:
        notes.translated(place, "switched off: one attempt for each message")
        return 1
    counted = place if place.text else place.get(*_COUNTS)
    if counted is None:
        return None
    if not counted.text.isascii() or not counted.text.isdigit() or len(counted.text) > 3:
        notes.refused(counted, f"{counted.text[:40]!r} is no number of attempts from 0 to 99")
        return 1
    number = int(counted.text)
    if "attempts" in counted.key and counted.key != "max_retry_attempts":
        notes.taken(counted, f"max_attempts: {max(number, 1)}")
        return max(number, 1)
    notes.translated(counted, f"max_attempts: {number + 1}, with the first attempt")
    return number + 1


def _delays(place: Place, policy: dict[str, JsonValue], notes: Notes) -> None:
    for target, keys in (("base_delay", _BASES), ("max_delay", _LONGEST), ("max_elapsed", ("max_elapsed",))):
        if (found := seconds_of(place, keys, notes, none_is=True)) is not None:
            policy[target] = text_of_seconds(found.seconds)
            notes.translated(found.place, f"{target}: {policy[target]}")
            if target == "base_delay" and found.seconds > ModelRetryPolicy().max_delay:
                policy["max_delay"] = policy["base_delay"]
    if (factor := place.get(*_FACTORS)) is not None:
        if isinstance(factor.value, (int, float)) and 1 <= factor.value <= 10:
            policy["multiplier"] = float(factor.value)
            notes.taken(factor, f"multiplier: {float(factor.value)}")
        else:
            notes.refused(factor, "is no factor from 1 to 10 between one delay and the next")
    if (strategy := place.get(*_STRATEGIES)) is not None:
        backoff = next((each for each in EnumBackoff if each in strategy.text.lower()), None)
        if any(word in strategy.text.lower() for word in ("constant", "none", "immediate", "flat")):
            backoff = EnumBackoff.FIXED
        if backoff is None:
            notes.refused(strategy, f"{strategy.text[:40]!r} is none of {', '.join(EnumBackoff)}")
        else:
            policy["backoff"] = backoff.value
            notes.taken(strategy, f"backoff: {backoff}")
    if (jitter := place.get("jitter", "jitter_enabled", "jitter_factor", "use_jitter")) is not None:
        match jitter.value:
            case bool():
                policy["jitter"] = 0.2 if jitter.value else 0.0
                notes.translated(jitter, f"jitter: {policy['jitter']}, a share of each delay")
            case int() | float() if 0 <= jitter.value <= 1:
                policy["jitter"] = float(jitter.value)
                notes.taken(jitter)
            case "full" | "equal" | "decorrelated":
                policy["jitter"] = 1.0 if jitter.value == "full" else 0.5
                notes.translated(jitter, f"jitter: {policy['jitter']}, a share of each delay")
            case _:
                notes.refused(jitter, "is no share from 0 to 1 of a delay")


def _transient(place: Place, policy: dict[str, JsonValue], notes: Notes) -> None:
    names: list[JsonValue] = []
    codes: list[JsonValue] = []
    for item in _items(place, _NAMES):
        if (usual := _USUAL.get(item.text.lower())) is not None:
            names.append(usual)
            notes.translated(item, f"is the exception {usual}")
        elif item.text.isdigit() or _is_code(item.text):
            codes.append(item.text)
            notes.translated(item, "an exception with this code is retried")
        elif not item.text.replace(".", "_").isidentifier():
            notes.refused(item, f"{item.text[:80]!r} names no exception and no code")
        else:
            names.append(item.text)
            known = "." in item.text or hasattr(builtins, item.text)
            if known:
                notes.taken(item)
            else:
                notes.translated(item, f"write the module of {item.text}: it must be importable where the node runs")
    for item in _items(place, _CODES):
        codes.append(item.text)
        notes.taken(item)
    for item in _items(place, _NEVER):
        notes.left_out(item, "only outages, and the exceptions and codes that are listed, are retried")
    if names:
        policy["retryable_exceptions"] = names
    if codes:
        policy["retryable_error_codes"] = codes


def _is_code(text: str) -> bool:
    """Return whether a name is spelt as codes are: SERVICE_BUSY or service_busy, and no class."""
    return (text.isupper() or text[:1].islower()) and "." not in text and text.isidentifier()


def _items(place: Place, keys: tuple[str, ...]) -> Iterator[Place]:
    for key in keys:
        listed = place.get(key)
        if listed is not None:
            yield from (leaf for leaf in listed.leaves() if leaf.text)


def _circuit(place: Place, kind: EnumNodeKind, notes: Notes) -> dict[str, JsonValue]:
    if place.is_off or place.value is False:
        notes.left_out(place, "is switched off")
        return {}
    if kind is not EnumNodeKind.EFFECT:
        notes.refused(place, f"no {kind} calls services that a circuit could guard; only an EFFECT has one")
        return {}
    circuit: dict[str, JsonValue] = {"enabled": True, **_limits(place, notes)}
    services = place.get("services", "backends", "per_service")
    named: list[JsonValue] = []
    for service in services.children() if services else ():
        name = service.text_of("name", "service") or ("" if isinstance(service.at[-1], int) else service.key)
        if not service.is_map or not name:
            notes.refused(service, "names no service")
            continue
        named.append({"name": name, **_limits(service, notes, of_service=True)})
        notes.translated(
            service, f"the circuit {name}; handlers guard calls with self.circuit_breaker.of({name!r})", covers=False
        )
        _take(service.get("name", "service"), notes)
    if named:
        circuit["services"] = named
    notes.translated(place, "is advanced_features.circuit_breaker; handlers guard their calls with it", covers=False)
    _take(place.get("enabled"), notes)
    return circuit


def _take(place: Place | None, notes: Notes) -> None:
    if place is not None:
        notes.taken(place)


def _limits(place: Place, notes: Notes, *, of_service: bool = False) -> dict[str, JsonValue]:
    limits: dict[str, JsonValue] = {}
    if (threshold := place.get(*_THRESHOLDS)) is not None and isinstance(threshold.value, int):
        limits["failure_threshold"] = threshold.value
        notes.taken(threshold)
    if (found := seconds_of(place, _OPEN, notes)) is not None:
        limits["recovery_timeout_ms"] = round(found.seconds * 1000)
        notes.taken(found.place)
        if found.seconds * 1000 > _LONGEST_OPEN_MS:
            notes.refused(found.place, f"a circuit stays open for {_LONGEST_OPEN_MS // 1000} s at most")
    if (probes := place.get(*_PROBES)) is not None and isinstance(probes.value, int) and not of_service:
        limits["half_open_max_calls"] = probes.value
        notes.taken(probes)
    return limits


def _timeouts(
    root: Place, holders: list[Place], handlers: list[Place], kind: EnumNodeKind, found: Failures, notes: Notes
) -> None:
    places = [*holders[:-1], *handlers, root]
    chosen: float | None = None
    for place in places:
        policy = place.get("timeout_policy", "timeouts")
        if policy is not None and policy.is_map:
            _service_timeouts(policy, kind, found, notes)
        for holder in ([policy] if policy is not None and policy.is_map else []) + [place]:
            limit = seconds_of(holder, _HANDLER_TIMES, notes)
            if limit is None:
                continue
            if chosen is None:
                chosen = limit.seconds
                found.timeout = text_of_seconds(chosen)
                pure = " (half of ONEX_TRANSACTION_TIMEOUT_MS at most)" if kind is not EnumNodeKind.EFFECT else ""
                notes.translated(limit.place, f"delivery.timeout: {found.timeout}, for one call of a handler{pure}")
            elif limit.seconds == chosen:
                notes.taken(limit.place)
            elif place in handlers:
                notes.refused(limit.place, "the handlers of a node have one time limit here; split the node")
            else:
                notes.left_out(limit.place, f"another key of the file decides the time limit: {found.timeout}")


def _service_timeouts(policy: Place, kind: EnumNodeKind, found: Failures, notes: Notes) -> None:
    listed = policy.get("services", "operations", "per_operation")
    for service in listed.children() if listed else ():
        name = service.text_of("name", "operation") or ("" if isinstance(service.at[-1], int) else service.key)
        limit = seconds_of(service, (*_HANDLER_TIMES, "timeout"), notes) if service.is_map else None
        seconds = limit.seconds if limit else (float(service.text) if _is_number(service.text) else None)
        if seconds is not None and not limit and (listed is not None) and name.endswith("_ms"):
            name, seconds = name.removesuffix("_ms"), seconds / 1000
        if not name or seconds is None or kind is not EnumNodeKind.EFFECT:
            notes.refused(service, "is no time limit of a service that an EFFECT calls")
            continue
        found.service_timeouts.append({"name": name, "timeout_seconds": seconds})
        notes.translated(service, f"MixinTimeout: {name} has {seconds:g} s")


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit()
