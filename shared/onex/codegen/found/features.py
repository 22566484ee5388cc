"""Mixins, subcontracts and advanced features, with the names and settings of other implementations."""

from dataclasses import dataclass, field
from typing import get_args

from pydantic import BaseModel, JsonValue, ValidationError

from onex.codegen.found.feature_names import BUILT_IN, MIXINS, SETTINGS, SUBCONTRACTS
from onex.codegen.found.machine import machine_place
from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.contract.refused_keys import ELSEWHERE
from onex.errors import CompositionError
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract.advanced_features import ModelAdvancedFeatures
from onex.model.enums import EnumNodeKind

_OF_LETTERS = ("max_retries", "retry_delay_ms")
_ATTEMPTS = ("max_attempts", "max_retries")


@dataclass(slots=True)
class Features:
    """Capabilities of the result."""

    mixins: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    subcontracts: dict[str, JsonValue] = field(default_factory=dict)
    advanced: dict[str, JsonValue] = field(default_factory=dict)


def read_features(root: Place, kind: EnumNodeKind, notes: Notes) -> Features:
    """Return the capabilities that the contract declares. Refuse one that this mesh cannot give the node."""
    found = Features()
    mixins, machine = root.get("mixins"), machine_place(root)
    for place in mixins.children() if mixins else ():
        if machine is not None and machine.at == (*place.at, machine.key):
            notes.translated(place, "is state_machine here", covers=False)
            notes.taken(place.get("name", "mixin", "class") or place)
            continue
        _mixin(place, kind, found, notes)
    subcontracts = root.get("subcontracts")
    for place in subcontracts.children() if subcontracts else ():
        if machine is not None and machine.at == place.at:
            continue
        _subcontract(place, kind, found, notes)
    features = root.get("advanced_features")
    for place in features.children() if features and features.is_map else ():
        _feature(place, kind, found, notes)
    return found


def _mixin(place: Place, kind: EnumNodeKind, found: Features, notes: Notes) -> None:
    in_map = isinstance(place.at[-1], str)
    name = place.key if in_map else (place.text or place.text_of("name", "mixin", "class"))
    if not name or place.is_off:
        notes.left_out(place, "is switched off" if name else "names no mixin")
        return
    where = place if in_map or place.text else (place.get("name", "mixin", "class") or place)
    config = place if in_map else place.get("config", "configuration")
    if (reason := BUILT_IN.get(name)) is not None:
        notes.left_out(place, reason)
        return
    ours = MIXINS.get(name, name)
    try:
        metadata = CATALOGUE.metadata(ours)
    except CompositionError as error:
        notes.refused(where, f"{error}; set `enabled: false`, or write the capability first")
        return
    if kind not in metadata.kinds:
        notes.refused(where, f"{ours} belongs to {', '.join(metadata.kinds)}, and the kind of the node is {kind}")
        return
    if ours in found.mixins:
        notes.left_out(place, f"{ours} is there already")
        return
    if ours == name:
        notes.taken(where)
    else:
        notes.translated(where, f"is {ours} here")
    if (enabled := place.get("enabled")) is not None and not in_map:
        notes.taken(enabled)
    model = CATALOGUE.mixin(ours).definition.subcontract
    found.mixins[ours] = _fit(model, config, SETTINGS.get(ours, {}), notes) if config is not None else {}


def _subcontract(place: Place, kind: EnumNodeKind, found: Features, notes: Notes) -> None:
    named = place.text or place.text_of("name", "type", "key")
    key = place.key if isinstance(place.at[-1], str) else named
    config = place.get("config", "configuration") or place
    mixin = CATALOGUE.of_key(key) if key.isidentifier() else None
    if place.is_off or mixin is None:
        reason = SUBCONTRACTS.get(key)
        if place.is_off or reason is not None:
            notes.left_out(place, reason or "is switched off")
        else:
            notes.refused(
                place, f"no capability has the subcontract {key[:60]!r}; `onex mixins` lists those that there are"
            )
        return
    metadata = mixin.definition.metadata
    if kind not in metadata.kinds:
        notes.refused(
            place, f"{metadata.name} belongs to {', '.join(metadata.kinds)}, and the kind of the node is {kind}"
        )
        return
    if metadata.name in found.mixins:
        notes.left_out(place, f"{metadata.name} is under mixins already")
        return
    if not config.children():
        notes.taken(place)
    model = mixin.definition.subcontract
    found.subcontracts[key] = _fit(model, config, SETTINGS.get(metadata.name, {}), notes)


def _feature(place: Place, kind: EnumNodeKind, found: Features, notes: Notes) -> None:
    names = {"dlq": "dead_letter_queue", "security": "security_validation", "retry": "retry_policy"}
    name = names.get(place.key, place.key)
    info = ModelAdvancedFeatures.model_fields.get(name)
    if info is None:
        if place.is_off or place.value is False:
            notes.left_out(place, "is switched off")
        else:
            _subcontract(place, kind, found, notes)
        return
    if not place.is_map:
        if place.value in (False, None):
            notes.left_out(place, "is switched off")
        else:
            notes.taken(place, "with its defaults")
            found.advanced[name] = {}
        return
    if kind is not EnumNodeKind.EFFECT and not _fits_a_pure_kind(name, place, kind, notes):
        return
    if name == "dead_letter_queue":
        place = _without_second_retries(place, notes)
    if name == "observability":
        place = _without_named_mixins(place, found, notes)
    named = {"circuit_breaker": "MixinCircuitBreaker", "security_validation": "MixinSecurity"}.get(name, "")
    if named in found.mixins or name in found.subcontracts:
        notes.refused(place, f"{named or name} is configured twice; keep one")
        return
    (model,) = (each for each in get_args(info.annotation) if isinstance(each, type) and issubclass(each, BaseModel))
    found.advanced[name] = _fit(model, place, {}, notes)
    if not place.children():
        notes.taken(place)


def _without_named_mixins(observability: Place, found: Features, notes: Notes) -> Place:
    """Return the feature without the parts that ``mixins`` or ``subcontracts`` configure."""
    parts: dict[str, JsonValue] = {}
    for part in observability.children():
        named = f"Mixin{part.key.capitalize()}"
        if named in found.mixins or part.key in found.subcontracts:
            notes.left_out(part, f"{named} has its configuration under mixins or subcontracts already")
        else:
            parts[part.key] = part.value
    return Place(observability.source, observability.at, parts)


def _without_second_retries(letters: Place, notes: Notes) -> Place:
    """Return the feature without the attempts that ``advanced_features.retry_policy`` decides."""
    root = Place(letters.source, (), letters.source.data)
    declared = root.get("advanced_features")
    policy = declared.get("retry_policy", "retry") if declared is not None else None
    if policy is None or not isinstance(letters.value, dict):
        return letters
    for key in _OF_LETTERS:
        if (repeated := letters.get(key)) is not None:
            notes.left_out(repeated, f"advanced_features.{policy.key} decides the attempts")
    return Place(letters.source, letters.at, {k: v for k, v in letters.value.items() if k not in _OF_LETTERS})


def _fits_a_pure_kind(name: str, place: Place, kind: EnumNodeKind, notes: Notes) -> bool:
    """Return whether a pure kind has the feature. Refuse, or leave out, one that it has not."""
    if name in ("circuit_breaker", "transactions", "retry_policy") and place.is_off:
        notes.left_out(place, "is switched off")
        return False
    if name in ("circuit_breaker", "transactions"):
        notes.refused(place, f"no {kind} reaches anything outside of topics; only an EFFECT has {name}")
        return False
    if name == "retry_policy" or (name == "dead_letter_queue" and place.get("max_retries") is not None):
        counted = place.get(*_ATTEMPTS)
        if counted is not None and counted.text in ("0", "1") and counted.text == str(int("attempts" in counted.key)):
            notes.left_out(place, f"one attempt, as every {kind} has")
        else:
            notes.refused(place, f"no {kind} is retried: a pure handler fails or does not")
        return False
    return True


def _fit(model: type[BaseModel], place: Place, renamed: dict[str, str], notes: Notes) -> dict[str, JsonValue]:
    """Return the settings that the model has. Leave out the others, and refuse a value that does not fit."""
    config: dict[str, JsonValue] = {}
    origin: dict[str, Place] = {}
    for child in place.children():
        name = renamed.get(child.key, child.key)
        target, value = _setting(model, name, child)
        if not target:
            notes.left_out(child, _why_not(child.key))
            continue
        inner = _inner_model(model, target)
        if inner is not None and child.is_map:
            config[target] = _fit(inner, child, {}, notes)
        elif inner is not None and child.is_list and all(item.is_map for item in child.children()):
            config[target] = [_fit(inner, item, {}, notes) for item in child.children()]
        else:
            config[target] = value
            if target == child.key and value == child.value:
                notes.taken(child)
            else:
                notes.translated(child, f"{target}: {value}")
        origin[target] = child
    _check(model, config, origin, place, notes)
    return config


def _setting(model: type[BaseModel], name: str, child: Place) -> tuple[str, JsonValue]:
    """Return the name and value of a setting, in the unit that the model has. Without a name, there is none."""
    if name in model.model_fields:
        return name, _converted(child.key, name, child.value)
    for suffix in ("_ms", "_seconds"):
        base = name.removesuffix(suffix)
        for other in ("_ms", "_seconds"):
            if base != name and f"{base}{other}" in model.model_fields:
                return f"{base}{other}", _converted(child.key, f"{base}{other}", child.value)
    return "", None


def _converted(written: str, target: str, value: JsonValue) -> JsonValue:
    """Return a duration in the unit of its new name."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if written.endswith("_seconds") and target.endswith("_ms"):
        return round(value * 1000)
    if written.endswith("_ms") and target.endswith("_seconds"):
        return value / 1000
    return value


def _inner_model(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    annotation = model.model_fields[name].annotation
    options = (
        annotation,
        *get_args(annotation),
        *(inner for each in get_args(annotation) for inner in get_args(each)),
    )
    return next((each for each in options if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _check(
    model: type[BaseModel], config: dict[str, JsonValue], origin: dict[str, Place], place: Place, notes: Notes
) -> None:
    try:
        model.model_validate(config)
    except ValidationError as error:
        for details in error.errors():
            where = origin.get(str(details["loc"][0]), place) if details["loc"] else place
            if any("${" in leaf.text for leaf in where.leaves()):
                continue  # the environment of the node decides
            notes.refused(where, f"does not fit {model.__name__}: {details['msg']}")


def _why_not(key: str) -> str:
    return (
        ELSEWHERE.get(key) or "the capability here has no such setting: what it would switch is always on or absent"
    )
