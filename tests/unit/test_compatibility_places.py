"""A record in several places of a schema: all but the first have its name only (Avro, "Names")."""

from itertools import product

import pytest

from onex.node import Message
from tests.unit.test_compatibility import Part, model, moved

PLACES: dict[str, tuple[object, object]] = {
    "Part": (Part, Part(a="x")),
    "nullable": (Part | None, Part(a="p")),
    "absent": (Part | None, None),
    "list": (list[Part], [Part(a="l")]),
    "dict": (dict[str, Part], {"k": Part(a="d")}),
}
BECOMES = {place: (place,) for place in PLACES} | {"Part": ("Part", "nullable", "absent")}


@pytest.mark.parametrize("before", [{}, {"new": PLACES["Part"]}], ids=["first", "after another"])
@pytest.mark.parametrize("first", PLACES)
@pytest.mark.parametrize("second", PLACES)
def test_old_records_are_read_when_a_place_becomes_nullable(
    first: str, second: str, before: dict[str, tuple[object, object]]
) -> None:
    old = {"a": PLACES[first], "b": PLACES[second]}
    for a, b in product(BECOMES[first], BECOMES[second]):
        message = vars(moved(model(old), model({**before, "a": PLACES[a], "b": PLACES[b]}), {}))
        assert (message["a"], message["b"]) == (old["a"][1], old["b"][1])


class Tree(Message):
    value: str = "v"
    children: list["Tree"] = []


class GrownTree(Message):
    value: str = "v"
    children: list["GrownTree"] = []
    best: "GrownTree | None" = None


@pytest.mark.parametrize(
    "new",
    [{"a": (GrownTree, GrownTree()), "b": (GrownTree | None, None)}, {"a": (GrownTree | None, None)}],
    ids=["a new place", "nullable"],
)
def test_old_records_are_read_of_a_record_in_itself(new: dict[str, tuple[object, object]]) -> None:
    data: dict[str, object] = {"a": {"children": [{"value": "w", "children": [{"value": "u"}]}]}}
    tree = vars(moved(model({"a": (Tree, Tree())}), model(new), data))["a"]
    assert (tree.children[0].value, tree.children[0].children[0].value) == ("w", "u")
