"""Contracts from the JSON Schema and from examples, with hostile texts in every place; a seed repeats them."""

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import JsonValue

from onex.codegen import case_files, package_files
from onex.contract import contract_json_schema, parse_contract, resolve_node
from onex.errors import ConfigurationError, ContractError, TransientError
from onex.testing import load_cases, run_case
from tests.conftest import CONTRACTS
from tests.json_changes import everywhere, places, renamed_key, replaced, texts
from tests.schema_texts import Place, alternatives, text_places, texts_of

CANARY = "ONEX_CANARY"
"""Hostile texts that run would set this variable of the environment."""
_CALL = f"__import__('os').environ.__setitem__('{CANARY}', 'x')"
HOSTILE: Sequence[str] = (
    f"X({_CALL} and Message): #",
    f"run(self, a={_CALL}): #",
    f'" + str({_CALL}) + "',
    f'""" + str({_CALL}) + """',
    f"'''\n{_CALL}\n'''",
    f"x\n    {_CALL}",
    f"x\r{_CALL}",
    f"str = {_CALL}",
    f"list[{_CALL}]",
    f"str # {_CALL}",
    f"{{{{ {_CALL} }}}}",
    f"{{% for x in {_CALL} %}}",
    "{0.__class__.__init__.__globals__}",
    f"${{{CANARY}:-{_CALL}}}",
    f"$({_CALL})",
    "../../../outside",
    "/tmp/outside",
    "class",
    "None",
    "match",
    "__init__",
    "__class__",
    "_hidden",
    "model_config",
    "model_dump",
    "key_field",
    "self",
    "start",
    "config",
    "Message",
    "NodeCompute",
    "Context",
    "UUID",
    "ﬁeld",
    "Éclair",
    "ｅｖａｌ",
    "a" * 300,
    "A" * 5_000,
    "",
    " ",
    "\\",
    "\\\"\\'",
    "\0",
    "\x1b[31m",
    "\ud800",
    "\u202e",
    "\u2028",
    "'",
    '"',
    "\n",
    "x\n",
    "9" * 400,
    "1e999",
    "*",
    "a == b == c",
    "'; DROP TABLE x; --",
    "<script>",
    "onex.cmd.a.b.v1\n",
    "onex.cmd." + "a" * 300 + ".b.v1",
    "str | None | None",
    "(str)",
    "list[" * 30 + "str" + "]" * 30,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one contract."""

    text: str
    files: dict[str, str] | None
    """None: it was refused."""
    place: Place
    """Where the schema has a text and this contract a hostile one; empty where other changes were made."""


_POLICIES = ("error_handling", "advanced_features")


def outcomes(count: int, seed: int) -> Iterator[Outcome]:
    """Render ``count`` contracts. AssertionError for one that is not refused with a place, nor code that compiles.

    In every second one a text of the schema is hostile, each in turn. The others have up to three other changes.
    """
    maker = _Maker(seed)
    for number in range(count):
        text, place = maker.contract(number)
        try:
            files = {**package_files(text), **case_files(text)}
        except ContractError as error:
            assert error.problems, text
            assert all(problem.line >= 1 and problem.message for problem in error.problems), text
            yield Outcome(text, None, place)
            continue
        for name, content in files.items():
            if name.endswith(".py"):
                compile(content, name, "exec")
                called = {node.id for node in ast.walk(ast.parse(content)) if isinstance(node, ast.Name)}
                assert "__import__" not in called, text
        yield Outcome(text, files, place)


def run_outcome(outcome: Outcome, root: Path) -> None:
    """Import a rendered package, and run its cases."""
    assert outcome.files is not None
    for name, content in outcome.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    folder = next(root.glob("*/v*"))
    try:
        resolve_node(folder)
    except ContractError as error:  # what must be importable is known where the node runs
        only_here = ("dependencies", *(f"{part}.retry_policy.retryable_exceptions" for part in _POLICIES))
        assert all(problem.field.startswith(only_here) for problem in error.problems), (error, outcome.text)
        return
    contract = parse_contract(outcome.text)
    stated = {example.name for example in contract.examples}  # they may be wrong, and then their case fails
    for case in load_cases(folder):
        try:
            assert run_case(folder, case) == "" or case.name in stated, outcome.text
        except (ConfigurationError, TransientError):  # its capabilities work with a database, or a registry
            assert contract.asked_capabilities, outcome.text


class _Maker:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._chance = random.Random(seed)
        self._schema = contract_json_schema()
        self._places = text_places(self._schema)
        self._examples = [yaml.safe_load(file.read_text()) for file in sorted(CONTRACTS.glob("*.yaml"))]

    def contract(self, number: int) -> tuple[str, Place]:
        """One contract; its node has a name of its own, as modules are imported once."""
        place = self._places[number // 2 % len(self._places)] if number % 2 else ()
        data: JsonValue = yaml.safe_load(yaml.safe_dump(self._chance.choice(self._examples)))
        assert isinstance(data, dict)
        data["name"] = f"node_fuzz{self._seed}x{number}_{str(data['node_type']).lower()}"
        if place:
            data = self._with_text(self._schema, data, place)
        else:
            for _ in range(self._chance.choice((0, 1, 1, 1, 2, 3))):
                data = self._changed(data)
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=self._chance.random() < 0.5), place

    def _with_text(self, schema: JsonValue, value: JsonValue, place: Place) -> JsonValue:
        """A value of that schema with a hostile text at the place. What is not there is made from the schema."""
        if not place:
            return self._text()
        found, rest = self._branch(schema, place), place[1:]
        if place[0] == "[]":
            items = [*value] if isinstance(value, list) and value else [self._made(found["items"], 0)]
            at = self._chance.randrange(len(items))
            items[at] = self._with_text(found["items"], items[at], rest)
            return items
        fields = dict(value) if isinstance(value, dict) else self._made(found, 0)
        assert isinstance(fields, dict)
        inner = found.get("additionalProperties")
        if place[0] == "{key}":
            return {**fields, self._text(): self._made(inner, 0) if isinstance(inner, dict) else "x"}
        properties = found.get("properties")
        if isinstance(properties, dict) and place[0] in properties:
            name, inner = place[0], properties[place[0]]
        else:
            name = self._chance.choice(sorted(fields) or ["extra"])
        return {**fields, name: self._with_text(inner, fields.get(name), rest)}

    def _branch(self, schema: JsonValue, place: Place) -> dict[str, JsonValue]:
        """The alternative of a schema that has the place."""
        return next(one for one in alternatives(self._schema, schema) if place in [*texts_of(self._schema, one, ())])

    def _changed(self, data: JsonValue) -> JsonValue:
        match self._chance.randrange(5):
            case 0:  # one value
                return replaced(data, self._place(data), self._text())
            case 1:  # a key
                return renamed_key(data, self._place(data), self._text())
            case 2:  # a name wherever it stands: references stay right
                old = self._chance.choice(sorted(set(texts(data))) or [""])
                return everywhere(data, old, self._text())
            case 3:  # a part made from the schema
                assert isinstance(data, dict)
                properties = self._schema["properties"]
                assert isinstance(properties, dict)
                key = self._chance.choice(sorted(properties))
                return {**data, key: self._made(properties[key], 0)}
            case _:  # a name that is a little other
                old = self._chance.choice(sorted(set(texts(data))) or [""])
                return everywhere(data, old, old + self._chance.choice(("X", "_", "1", "\n", " ", '"', "é", "")))

    def _text(self) -> str:
        return self._chance.choice(HOSTILE)

    def _place(self, data: JsonValue) -> tuple[str | int, ...]:
        return self._chance.choice(list(places(data)))

    def _made(self, schema: JsonValue, depth: int) -> JsonValue:
        assert isinstance(schema, dict)
        if depth > 6:
            return None
        match schema:
            case {"$ref": str(name)}:
                definitions = self._schema["$defs"]
                assert isinstance(definitions, dict)
                return self._made(definitions[name.rpartition("/")[2]], depth + 1)
            case {"anyOf": [*options]} | {"oneOf": [*options]}:
                return self._made(self._chance.choice(options), depth + 1)
            case {"enum": [*values]}:
                return self._chance.choice(values)
            case {"const": value}:
                return value
            case {"type": "object", "properties": dict(properties)}:
                required = schema.get("required") or []
                assert isinstance(required, list)
                wanted = [key for key in properties if key in required or self._chance.random() < 0.3]
                return {key: self._made(properties[key], depth + 1) for key in wanted}
            case {"type": "object", "additionalProperties": dict(inner)}:
                return {self._text(): self._made(inner, depth + 1) for _ in range(self._chance.randrange(3))}
            case {"type": "array", "items": items}:
                return [self._made(items, depth + 1) for _ in range(self._chance.randrange(1, 4))]
            case {"type": "integer" | "number"}:
                return self._chance.choice((0, 1, 2, 10, -1, 10**30, 0.5, float("inf"), float("nan")))
            case {"type": "boolean"}:
                return self._chance.random() < 0.5
            case {"type": "null"}:
                return None
        return self._text()
