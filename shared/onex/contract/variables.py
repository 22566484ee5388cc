"""``${VAR}`` and ``${VAR:-default}`` in a contract, which are looked up only where a node runs.

Tools that check, plan and generate see the defaults. Places with variables are recorded, so that no problem shows a
value of the environment, and none is reported that the environment could rule out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from onex.contract.yaml_lines import Lines, Location, dotted, line_of
from onex.errors import ContractProblem

Environment = Mapping[str, str]
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_PLACES = ("config", "mixins", "subcontracts", "advanced_features")
"""Keys of a contract whose values may contain variables. Elsewhere ``${`` is plain text."""


@dataclass(slots=True)
class Variables:
    """The variables of one contract."""

    environment: Environment | None
    """None when the contract is not read to run its node."""
    file: Path
    lines: Lines
    problems: list[ContractProblem] = field(default_factory=list)
    from_environment: set[Location] = field(default_factory=set)
    """Places with a value from the environment."""
    open: dict[Location, str] = field(default_factory=dict)
    """Places without a value, with the variable that would fill them."""

    def resolve(self, data: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return the content with variables replaced. Add a problem for each missing variable."""
        return {key: self._resolve(value, (key,)) if key in _PLACES else value for key, value in data.items()}

    def is_undecided(self, at: Location) -> bool:
        """Return whether a problem at this place may disappear with the environment of the node."""
        return any(_related(at, place) for place in self.open)

    def is_secret(self, at: Location) -> bool:
        """Return whether a value at, above or below this place came from the environment."""
        return any(_related(at, place) for place in self.from_environment)

    def _resolve(self, value: JsonValue, at: Location) -> JsonValue:
        match value:
            case str():
                return _VARIABLE.sub(lambda found: self._value(found, at), value)
            case dict():
                return {key: self._resolve(item, (*at, key)) for key, item in value.items()}
            case list():
                return [self._resolve(item, (*at, index)) for index, item in enumerate(value)]
        return value

    def _value(self, found: re.Match[str], at: Location) -> str:
        name, default = found[1], found[2]
        if self.environment is not None and name in self.environment:
            self.from_environment.add(at)
            return self.environment[name]
        if default is not None:
            return str(default)
        self.open[at] = name
        if self.environment is not None:
            line, remedy = line_of(self.lines, at), f"set it, or write ${{{name}:-default}}"
            words = f"environment variable {name} is not set"
            self.problems.append(ContractProblem(self.file, line, dotted(at), words, remedy))
        return str(found[0])


def _related(one: Location, other: Location) -> bool:
    """Return whether one place equals or contains the other."""
    return all(a == b for a, b in zip(one, other, strict=False))
