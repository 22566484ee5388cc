"""One suite for every capability of the catalogue: its folder, its lifecycle, its combinations, its host."""

import ast
import asyncio
import base64
import inspect
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node_vault_effect.v1_0_0.models import Fetch, Fetched
from pydantic import ValidationError

from onex.agent.process.capability_loop import running
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.kafka.adapter_factory import KafkaAdapters
from onex.bus.protocols import TopicState
from onex.capability import (
    AgentEnvironment,
    Composition,
    Mixin,
    ProtocolEventSink,
    ProtocolHost,
    Subcontract,
    capability,
)
from onex.capability.contracts import ProtocolContractReader
from onex.capability.kafka import ProtocolKafkaAdapters
from onex.capability.metadata import CapabilityMetadata
from onex.capability.mixin import Definition
from onex.codegen.capability_catalogue import BEGIN, END, with_tables
from onex.codegen.capability_fields import capability_files, enforcing_tests, fields_of, fields_of_feature
from onex.contract import ResolvedNode, resolve_node
from onex.contract.reader import ContractReader
from onex.errors import CompositionError
from onex.mixins.authentication import ModelAuthenticationSubcontract
from onex.mixins.authorization import ModelAuthorizationSubcontract
from onex.mixins.bulkhead import ModelBulkheadSubcontract
from onex.mixins.catalogue import CATALOGUE, MixinCatalogue
from onex.mixins.checkpoint_management import ModelCheckpointManagementSubcontract
from onex.mixins.encryption import ModelEncryptionSubcontract
from onex.mixins.hmac_validation import ModelHMACValidationSubcontract
from onex.mixins.metrics import MixinMetrics
from onex.mixins.service import MixinDependencyResolver, with_mixins
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumCapabilityCategory, EnumNodeKind
from onex.node import Node, NodeCompute, NodeEffect, NodeOrchestrator, NodeReducer
from onex.testing import MeshDriver
from onex.testing.clock import ManualClock
from onex.util.clock import ProtocolClock
from tests.conftest import NODES, ROOT, eventually
from tests.mixins.helpers import Sink, container
from tests.mixins.picture import picture
from tests.mixins.uses import use

ALL = list(CATALOGUE.all())
BASES: dict[EnumNodeKind, type[Node]] = {
    EnumNodeKind.COMPUTE: NodeCompute,
    EnumNodeKind.EFFECT: NodeEffect,
    EnumNodeKind.REDUCER: NodeReducer,
    EnumNodeKind.ORCHESTRATOR: NodeOrchestrator,
}
every = pytest.mark.parametrize("mixin", ALL, ids=lambda mixin: mixin.definition.metadata.key)


MASTER = base64.b64encode(b"k" * 32).decode()
TOKEN_SECRET = "a secret that is long enough for HS256"
NEEDED: tuple[Subcontract, ...] = (
    ModelEncryptionSubcontract.model_validate({"keys": [{"id": "k", "value": MASTER}]}),
    ModelAuthenticationSubcontract.model_validate({"secret": TOKEN_SECRET, "algorithms": ["HS256"]}),
    ModelHMACValidationSubcontract.model_validate({"keys": [{"id": "k", "value": MASTER}]}),
    ModelCheckpointManagementSubcontract(node="node_tally_reducer"),
)
"""Configuration of capabilities that need some."""


@pytest.fixture(scope="module")
def around(
    database_url: str, kafka_bus: KafkaEventBusAdapter, tmp_path_factory: pytest.TempPathFactory
) -> AgentEnvironment:
    """A real database and a real broker."""
    kafka_bus.admin.create([TopicState("onex.evt.mixins.used.v1", 1, 1, {})])
    home = tmp_path_factory.mktemp("home")
    return AgentEnvironment(database_url, kafka_bus.config.bootstrap_servers, home=home)


def alone(mixin: type[Mixin]) -> type[Node]:
    """Return a node class with this capability and its requirements."""
    resolved = MixinDependencyResolver().resolve_dependencies([mixin])
    kinds = mixin.definition.metadata.kinds
    kind = EnumNodeKind.EFFECT if EnumNodeKind.EFFECT in kinds else kinds[0]  # an EFFECT may use all of an engine
    return with_mixins(BASES[kind], resolved)


def create(made: type[Node], around: AgentEnvironment) -> Node:
    """Return a node with these services."""
    node = made()
    node.container = container(around, *NEEDED, clock=ManualClock())
    node.container.registry.value(ProtocolEventSink, Sink()).value(ProtocolContractReader, ContractReader())
    node.container.registry.value(ProtocolKafkaAdapters, KafkaAdapters())
    claims = {"sub": "ann", "exp": node.container.get(ProtocolClock).now_ms() // 1000 + 60}
    vars(node)["token"] = jwt.encode(claims, TOKEN_SECRET, "HS256")
    return node


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
def test_its_metadata_is_true(mixin: type[Mixin], around: AgentEnvironment) -> None:
    metadata = mixin.definition.metadata
    assert CATALOGUE.of_key(metadata.key) is mixin
    assert isinstance(vars(mixin)[metadata.accessor], capability)
    assert metadata.version == mixin.definition.subcontract.INTERFACE_VERSION
    engine = Composition(create(alone(mixin), around)).engine(metadata)
    managed = all(inspect.iscoroutinefunction(getattr(engine, name, None)) for name in ("open", "close"))
    assert managed == metadata.managed
    hooks = {name for name in ("around", "available", "check", "observed") if hasattr(engine, name)}
    assert bool(hooks) == (metadata.stage is not None)


@every
def test_its_engine_knows_no_node(mixin: type[Mixin]) -> None:
    folder = Path(inspect.getfile(mixin)).parent
    allowed = {"capability", "errors", "mixins", "model", "postgres", "util"}
    for file in folder.glob("*.py"):
        for found in ast.walk(ast.parse(file.read_text())):
            if isinstance(found, ast.ImportFrom) and (found.module or "").startswith("onex."):
                assert str(found.module).split(".")[1] in allowed, f"{file.name}: {found.module}"


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


@cache
def _enforcing() -> Mapping[str, list[str]]:
    return enforcing_tests(Path(__file__).parent)


@every
def test_every_field_has_a_meaning_and_a_test_that_enforces_it(mixin: type[Mixin]) -> None:
    tests = _enforcing()
    for name, meaning in fields_of(mixin):
        assert meaning, name
        assert tests.get(name), f"no test is marked as enforcing {name}"


def test_marks_name_fields_that_exist() -> None:
    known = {name for mixin in (*ALL, *CATALOGUE.views()) for name, _ in fields_of(mixin)}
    known |= {name for feature in CATALOGUE.features() for name, _ in fields_of_feature(feature)}
    assert set(_enforcing()) - known == set()


def test_what_is_rendered_is_up_to_date() -> None:
    files = capability_files(ROOT)
    assert len(files) == len(ALL) + 3
    for name, text in files.items():
        assert (ROOT / name).read_text() == text, f"{name} differs; run `make render`"


@every
def test_its_metadata_says_when_to_use_it_and_what_overlaps(mixin: type[Mixin]) -> None:
    metadata = mixin.definition.metadata
    assert metadata.when_to_use.endswith(".")
    assert metadata.overlaps
    for name, difference in metadata.overlaps.items():
        assert difference.endswith("."), name
        assert name != metadata.name
        assert not name.startswith("Mixin") or name in CATALOGUE.class_names


def test_a_page_without_a_place_for_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="the page has no place for tables"):
        with_tables("# Capabilities\n", [])


def test_tables_are_one_row_for_each_capability() -> None:
    page = with_tables(f"before\n{BEGIN}an obsolete row\n{END}after\n", [mixin.definition.metadata for mixin in ALL])
    assert page.startswith(f"before\n{BEGIN}\n|")
    assert page.endswith(f"|\n\n{END}after\n")
    assert "an obsolete row" not in page
    for mixin in ALL:
        rows = [line for line in page.splitlines() if f"](capabilities/{mixin.definition.metadata.key}.md)" in line]
        assert len(rows) == 2
        assert {line.replace("\\|", "").count("|") for line in rows} == {6, 4}


def test_other_projects_have_no_files_of_capabilities(tmp_path: Path) -> None:
    assert capability_files(tmp_path) == {}
    (tmp_path / "tests" / "mixins").mkdir(parents=True)
    assert capability_files(tmp_path) == {}


@every
def test_its_life(mixin: type[Mixin], around: AgentEnvironment) -> None:
    metadata = mixin.definition.metadata

    async def live() -> None:
        node = create(alone(mixin), around)
        composition = Composition(node)
        await composition.stop()
        await composition.start()
        with pytest.raises(CompositionError, match="started twice"):
            await composition.start()
        assert composition.engine(metadata) is composition.engine(metadata)
        await use(metadata.key, node)
        await composition.stop()
        await composition.stop()
        await composition.start()
        await composition.stop()

    asyncio.run(live())


@pytest.mark.parametrize("mixin", [*ALL, *CATALOGUE.views()], ids=lambda mixin: mixin.definition.metadata.key)
def test_its_file_says_the_whole_truth(mixin: type[Mixin]) -> None:
    """The catalogue reads the file where the extra of an engine may be missing; a view adds nothing to it."""
    assert CATALOGUE.metadata(mixin.__name__) == mixin.definition.metadata


def test_the_metadata_of_a_module_without_a_file_is_that_of_its_class() -> None:
    catalogue = MixinCatalogue({"MixinMetrics": "onex.mixins.wrappers.kinds"})
    assert catalogue.metadata("MixinMetrics") is MixinMetrics.definition.metadata


@pytest.mark.parametrize("view", list(CATALOGUE.views()), ids=lambda view: view.definition.metadata.key)
def test_a_view_has_the_accessor_of_its_engine(view: type[Mixin], around: AgentEnvironment) -> None:
    accessor = view.definition.metadata.accessor
    node, other = create(alone(view), around), create(alone(view), around)
    assert type(vars(view)[accessor].__get__(node, type(node))) is type(getattr(other, accessor))


QUERIES = ("facts", "is_healthy", "left", "reported_metrics", "sections", "slowest", "states")
"""Methods that return the state of an engine. Scrapes of metrics call some of them on another thread."""


@every
def test_its_queries_change_nothing(mixin: type[Mixin], around: AgentEnvironment) -> None:
    metadata = mixin.definition.metadata

    async def live() -> None:
        node = create(alone(mixin), around)
        clock = node.container.get(ProtocolClock)
        assert isinstance(clock, ManualClock)
        composition = Composition(node)
        await composition.start()
        await use(metadata.key, node)
        engine = composition.engine(metadata)
        if metadata.key == "logging":  # its thread still writes what the uses have logged
            writer = vars(engine)["_writer"]
            eventually(lambda: not vars(writer)["_characters"], what="lines that are written")
        for seconds in (0, 1, 100, 10_000):
            clock.move_to(clock.monotonic() + seconds)
            before = picture(engine)
            for query in QUERIES:
                getattr(engine, query, lambda: None)()
            assert picture(engine) == before
        await composition.stop()

    asyncio.run(live())


class Unwilling:
    """An engine that fails to open."""

    async def open(self) -> None:
        raise ConnectionError("not today")

    async def close(self) -> None:
        """Do nothing."""


def unwilling(mixin: type[Mixin]) -> type[Mixin]:
    """Return a capability that starts after this one, and fails."""

    class MixinUnwilling(Mixin):
        definition = Definition(
            CapabilityMetadata(
                name="MixinUnwilling",
                key="unwilling",
                accessor="unwilling",
                version=ModelSemVer(major=1),
                summary="made for a test",
                category=EnumCapabilityCategory.SERVICE,
                managed=True,
                requires=(mixin.__name__,),
            ),
            ModelBulkheadSubcontract,
        )

        @capability
        def unwilling(self: ProtocolHost) -> Unwilling:
            """Fails."""
            return Unwilling()

    return MixinUnwilling


@every
def test_it_is_closed_when_another_one_does_not_start(mixin: type[Mixin], around: AgentEnvironment) -> None:
    metadata = mixin.definition.metadata

    async def live() -> None:
        node = create(with_mixins(alone(mixin), [unwilling(mixin)]), around)
        composition = Composition(node)
        steps: list[str] = []
        engine = composition.engine(metadata)
        for name in ("open", "close") if metadata.managed else ():
            vars(engine)[name] = _noted(steps, name, getattr(engine, name))
        with pytest.raises(ConnectionError, match="not today"):
            await composition.start()
        assert steps == (["open", "close"] if metadata.managed else [])
        await composition.stop()

    asyncio.run(live())


def _noted(steps: list[str], name: str, step: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    async def noted() -> None:
        steps.append(name)
        await step()

    return noted


@every
def test_its_page_says_what_its_metadata_says(mixin: type[Mixin]) -> None:
    metadata = mixin.definition.metadata
    page = (ROOT / "docs" / "capabilities" / f"{metadata.key}.md").read_text()
    assert page.startswith(f"# {metadata.name}\n\n{metadata.summary}\n")
    assert f"self.{metadata.accessor}" in page or f".{metadata.accessor}." in page
    for required in metadata.requires:
        assert required in page
    index = (ROOT / "docs" / "capabilities.md").read_text()
    assert f"[`{metadata.name}`](capabilities/{metadata.key}.md)" in index


@every
def test_kinds_that_it_is_not_for_are_refused(mixin: type[Mixin]) -> None:
    for kind, base in BASES.items():
        if kind in mixin.definition.metadata.kinds:
            continue
        with pytest.raises(CompositionError, match=f"cannot join a node of kind {kind}"):
            with_mixins(base, MixinDependencyResolver().resolve_dependencies([mixin]))


def legal(mixins: Sequence[type[Mixin]]) -> bool:
    names = {mixin.__name__ for mixin in mixins}
    return all(
        set(mixin.definition.metadata.requires) <= names and not set(mixin.definition.metadata.conflicts) & names
        for mixin in mixins
    )


_TOGETHER = 8
"""Most capabilities of a group, without those that they require."""


@cache
def groups() -> Sequence[Sequence[type[Mixin]]]:
    """Return sets of capabilities, such that every two that may live together are in one of them.

    One node with eight capabilities has 28 pairs: a node for each pair would cost ten times as much.
    """
    # Conflicts and requirements are of two capabilities: a group has none when its pairs have none.
    compatible = {pair for pair in itertools.combinations(ALL, 2) if _resolved(pair)}
    left = set(compatible)
    found: list[Sequence[type[Mixin]]] = []
    while left:
        group = list(min(left, key=str))
        while len(group) < _TOGETHER:
            new = {each: sum(_ordered(each, one) in left for one in group) for each in ALL if each not in group}
            fitting = [each for each in new if new[each] and all(_ordered(each, one) in compatible for one in group)]
            if not fitting:
                break
            group.append(max(fitting, key=lambda each: (new[each], str(each))))
        found.append(_resolved(group))
        left -= set(itertools.combinations(sorted(group, key=ALL.index), 2))
    return found


def _ordered(one: type[Mixin], other: type[Mixin]) -> tuple[type[Mixin], ...]:
    return tuple(sorted((one, other), key=ALL.index))


def _resolved(mixins: Sequence[type[Mixin]]) -> Sequence[type[Mixin]]:
    """Return the capabilities with those that they require. Empty when two of them conflict."""
    resolved = MixinDependencyResolver().resolve_dependencies(list(mixins))
    return resolved if legal(resolved) else ()


@pytest.mark.parametrize("group", groups(), ids=lambda group: "-".join(m.definition.metadata.key for m in group))
def test_every_two_live_together(group: Sequence[type[Mixin]], around: AgentEnvironment) -> None:
    _live_together(group, around)


def test_groups_have_every_two_capabilities_that_do_not_conflict() -> None:
    together = {pair for group in groups() for pair in itertools.permutations(group, 2)}
    for pair in itertools.combinations(ALL, 2):
        assert pair in together or not _resolved(pair), pair


@given(st.sets(st.sampled_from(ALL)))
@settings(max_examples=50)
def test_random_sets_live_together(around: AgentEnvironment, chosen: set[type[Mixin]]) -> None:
    _live_together(MixinDependencyResolver().resolve_dependencies(sorted(chosen, key=str)), around)


@given(st.sets(st.sampled_from(ALL)))
@settings(max_examples=50)
def test_random_sets_work_on_the_memory_host(around: AgentEnvironment, chosen: set[type[Mixin]]) -> None:
    mesh = MeshDriver([_vault(chosen)], virtual_time=False, environment=around)
    try:
        sent = mesh.send(Fetch(name="gold"))
        assert mesh.published(Fetched, sent) == [Fetched(name="gold", attempt=1)]
    finally:
        mesh.close()


@given(st.sets(st.sampled_from([mixin for mixin in ALL if EnumNodeKind.COMPUTE in mixin.definition.metadata.kinds])))
@settings(max_examples=50)
def test_random_sets_live_as_the_native_host_has_them(around: AgentEnvironment, chosen: set[type[Mixin]]) -> None:
    """A thread with its own event loop for a node without one; tests/integration has whole agents."""
    resolved = MixinDependencyResolver().resolve_dependencies(sorted(chosen, key=str))
    node = create(with_mixins(NodeCompute, resolved), around)
    composition = Composition(node)
    with running(composition):
        engines = [composition.engine(metadata) for metadata in node.capabilities.start]
        assert len({id(engine) for engine in engines}) == len(resolved)


def _vault(chosen: set[type[Mixin]]) -> ResolvedNode:
    """Return an effect with these capabilities that accepts every sender."""
    vault = resolve_node(NODES / "node_vault_effect" / "v1_0_0")
    there = {metadata.name for metadata in vault.node_class.capabilities.start}
    wanted = MixinDependencyResolver().resolve_dependencies(sorted(chosen, key=str))
    made = with_mixins(vault.node_class, [mixin for mixin in wanted if mixin.__name__ not in there])
    open_to_all = (
        NEEDED[0],
        ModelAuthenticationSubcontract(authenticate_messages=False),
        ModelAuthorizationSubcontract(authorize_messages=False),
        NEEDED[2].model_copy(update={"validate_messages": False}),
        NEEDED[3],
    )
    return replace(
        vault, node_class=made, subcontracts={**vault.subcontracts, **{type(one): one for one in open_to_all}}
    )


@given(st.sets(st.sampled_from(ALL)))
@settings(max_examples=50)
def test_sets_that_lack_something_are_refused(chosen: set[type[Mixin]]) -> None:
    ordered = sorted(chosen, key=str)
    if not legal(ordered):
        with pytest.raises(CompositionError, match="requires|conflicts"):
            with_mixins(NodeEffect, ordered)


def _live_together(mixins: Sequence[type[Mixin]], around: AgentEnvironment) -> None:
    made = with_mixins(NodeEffect, mixins)
    turned = with_mixins(NodeEffect, list(reversed(mixins)))
    assert made.capabilities == turned.capabilities
    assert {metadata.name for metadata in made.capabilities.start} == {mixin.__name__ for mixin in mixins}

    async def live() -> None:
        composition = Composition(create(made, around))
        await composition.start()
        engines = [composition.engine(metadata) for metadata in made.capabilities.start]
        assert len({id(engine) for engine in engines}) == len(mixins)
        await composition.stop()

    asyncio.run(live())
