"""One suite for every capability of the catalogue: its folder, its life, its company, its host."""

import ast
import asyncio
import inspect
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from onex.capability import Composition, Mixin, capability
from onex.mixins.catalogue import CATALOGUE
from onex.mixins.service import with_mixins
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumNodeKind
from onex.model.errors import CompositionError
from onex.node import Node, NodeCompute, NodeEffect, NodeOrchestrator, NodeReducer
from tests.conftest import ROOT
from tests.mixins.render import enforced, fields_of, rendered
from tests.mixins.virtual import play

ALL = list(CATALOGUE.all())
BASES: dict[EnumNodeKind, type[Node]] = {
    EnumNodeKind.COMPUTE: NodeCompute,
    EnumNodeKind.EFFECT: NodeEffect,
    EnumNodeKind.REDUCER: NodeReducer,
    EnumNodeKind.ORCHESTRATOR: NodeOrchestrator,
}
every = pytest.mark.parametrize("mixin", ALL, ids=lambda mixin: mixin.definition.metadata.key)


def alone(mixin: type[Mixin]) -> type[Node]:
    """A node with this capability and what it requires."""
    metadata = mixin.definition.metadata
    return with_mixins(BASES[metadata.kinds[0]], [mixin, *map(CATALOGUE.mixin, metadata.requires)])


@every
def test_its_folder_holds_the_same_files_as_all_others(mixin: type[Mixin]) -> None:
    folder, key = Path(inspect.getfile(mixin)).parent, mixin.definition.metadata.key
    assert folder.name == key
    for name in (
        "__init__.py",
        "engine.py",
        "metadata.yaml",
        f"mixin_{key}.py",
        f"model_{key}_subcontract.py",
        f"protocol_{key}.py",
        "subcontract.yaml",
    ):
        assert (folder / name).is_file(), name


@every
def test_its_metadata_is_true(mixin: type[Mixin]) -> None:
    metadata = mixin.definition.metadata
    assert CATALOGUE.of_key(metadata.key) is mixin
    assert isinstance(vars(mixin)[metadata.accessor], capability)
    assert metadata.version == mixin.definition.subcontract.INTERFACE_VERSION
    engine = Composition(alone(mixin)()).engine(metadata)
    managed = all(inspect.iscoroutinefunction(getattr(engine, name, None)) for name in ("open", "close"))
    assert managed == metadata.managed
    hooks = {name for name in ("around", "check", "observed") if hasattr(engine, name)}
    assert bool(hooks) == (metadata.stage is not None)


@every
def test_its_engine_knows_no_node(mixin: type[Mixin]) -> None:
    folder = Path(inspect.getfile(mixin)).parent
    for file in folder.glob("*.py"):
        for found in ast.walk(ast.parse(file.read_text())):
            if isinstance(found, ast.ImportFrom) and (found.module or "").startswith("onex."):
                assert str(found.module).split(".")[1] in ("capability", "mixins", "model"), (
                    f"{file.name}: {found.module}"
                )


@every
def test_its_subcontract_is_frozen_and_closed(mixin: type[Mixin]) -> None:
    model = mixin.definition.subcontract
    assert isinstance(model.INTERFACE_VERSION, ModelSemVer)
    made = model()
    name = next(iter(model.model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(made, name, getattr(made, name))
    with pytest.raises(ValidationError, match="Extra inputs"):
        model.model_validate({"no_such_field": 1})


@every
def test_every_field_has_a_meaning_and_a_test_that_enforces_it(mixin: type[Mixin]) -> None:
    tests = enforced()
    for name, meaning in fields_of(mixin):
        assert meaning, name
        assert tests.get(name), f"no test is marked as enforcing {name}"


def test_marks_name_fields_that_exist() -> None:
    known = {name for mixin in ALL for name, _ in fields_of(mixin)}
    assert set(enforced()) - known == set()


def test_what_is_rendered_is_up_to_date() -> None:
    for path, text in rendered().items():
        assert path.read_text() == text, f"{path.relative_to(ROOT)} differs; run `make render`"


@every
def test_its_life(mixin: type[Mixin]) -> None:
    async def live() -> None:
        composition = Composition(alone(mixin)())
        await composition.stop()
        await composition.start()
        with pytest.raises(CompositionError, match="started twice"):
            await composition.start()
        assert composition.engine(mixin.definition.metadata) is composition.engine(mixin.definition.metadata)
        await composition.stop()
        await composition.stop()
        await composition.start()
        await composition.stop()

    play(live())


@every
def test_kinds_that_it_is_not_for_are_refused(mixin: type[Mixin]) -> None:
    for kind, base in BASES.items():
        if kind in mixin.definition.metadata.kinds:
            continue
        with pytest.raises(CompositionError, match=f"cannot join a node of kind {kind}"):
            with_mixins(base, [mixin])


def legal(mixins: Sequence[type[Mixin]]) -> bool:
    names = {mixin.__name__ for mixin in mixins}
    return all(
        set(mixin.definition.metadata.requires) <= names and not set(mixin.definition.metadata.conflicts) & names
        for mixin in mixins
    )


@pytest.mark.parametrize(
    "pair", [pair for pair in itertools.combinations(ALL, 2) if legal(pair)], ids=lambda pair: pair[0].__name__
)
def test_every_legal_pair_lives_together(pair: tuple[type[Mixin], type[Mixin]]) -> None:
    _live_together(pair)


@given(st.sets(st.sampled_from(ALL)))
@settings(max_examples=50)
def test_random_sets_live_together_or_are_refused(chosen: set[type[Mixin]]) -> None:
    ordered = sorted(chosen, key=lambda mixin: mixin.__name__)
    if legal(ordered):
        _live_together(ordered)
        return
    with pytest.raises(CompositionError, match="requires|conflicts"):
        with_mixins(NodeEffect, ordered)


def _live_together(mixins: Sequence[type[Mixin]]) -> None:
    made = with_mixins(NodeEffect, mixins)
    turned = with_mixins(NodeEffect, list(reversed(mixins)))
    assert made.capabilities == turned.capabilities
    assert {metadata.name for metadata in made.capabilities.start} == {mixin.__name__ for mixin in mixins}

    async def live() -> None:
        composition = Composition(made())
        await composition.start()
        engines = [composition.engine(metadata) for metadata in made.capabilities.start]
        assert len({id(engine) for engine in engines}) == len(mixins)
        await composition.stop()

    asyncio.run(live())
