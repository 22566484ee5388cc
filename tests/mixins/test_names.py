"""ONEX names: each has one form, exists in it, can be composed, and is found by ``onex mixins``."""

import json
from collections.abc import Sequence
from importlib import import_module

import pytest
from pydantic import JsonValue
from typer.testing import CliRunner

from onex.capability.dotted import imported
from onex.capability.names import EnumNameForm, OnexName, key_of, onex_names, parse_names
from onex.cli.main import app
from onex.codegen.capability_catalogue import BEGIN_NAMES, END_NAMES, with_names
from onex.codegen.found.feature_names import MIXINS
from onex.contract.capabilities import compose
from onex.contract.checker import Checker
from onex.contract.features import features_of
from onex.contract.load import parse_with_variables
from onex.contract.reader import BASES
from onex.errors import CompositionError
from onex.mixins import lookup
from onex.mixins.catalogue import CATALOGUE
from onex.mixins.lookup import all_names, find_name
from onex.mixins.service import MixinDependencyResolver, create_service_with_capabilities
from onex.model.contract import ModelContract
from onex.model.contract.capabilities import ModelMixinDeclaration
from onex.model.enums import EnumNodeKind
from onex.node import NodeEffect
from tests.conftest import NODES
from tests.mixins.configurations import configuration_of

ROWS = list(onex_names().values())
BASE = (NODES / "node_vault_effect" / "v1_0_0" / "contract.yaml").read_text()


RUNNER = CliRunner()
each = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def checked(names: Sequence[str], kind: EnumNodeKind, *, enabled: bool = True) -> tuple[ModelContract, Checker]:
    """Return a contract of a kind that lists these names, and the checker that has its problems."""
    contract, variables = parse_with_variables(BASE, "contract.yaml")
    listed = tuple(
        ModelMixinDeclaration(name=name, enabled=enabled, config=_needed(name, kind) if enabled else {})
        for name in names
    )
    update: dict[str, object] = {"node_type": kind, "mixins": listed, "subcontracts": {}, "advanced_features": None}
    return contract.model_copy(update=update), Checker(variables)


def _needed(name: str, kind: EnumNodeKind) -> dict[str, JsonValue]:
    """Return the configuration without which a node of this kind cannot have a capability."""
    needs_some = name in CATALOGUE.class_names and CATALOGUE.metadata(name).effect_needs
    return configuration_of(name, kind) if needs_some else {}


def printed(*arguments: str) -> str:
    """Return what ``onex mixins`` prints, on one line."""
    done = RUNNER.invoke(app, ["mixins", *arguments])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


@each
def test_a_name_exists_in_its_form_and_can_be_composed(row: OnexName) -> None:
    match row.form:
        case EnumNameForm.CAPABILITY | EnumNameForm.VIEW:
            mixin = CATALOGUE.mixin(row.name)
            metadata = mixin.definition.metadata
            assert metadata.key == row.key
            assert row.maps_to == (metadata.view_of or row.name)
            assert bool(metadata.view_of) == (row.form is EnumNameForm.VIEW)
            needed = [each.__name__ for each in MixinDependencyResolver().resolve_dependencies([mixin])]
            for kind in metadata.kinds:
                contract, checker = checked(needed, kind)
                node_class, _ = compose(contract, BASES[kind], checker)
                assert checker.problems == []
                assert row.name in node_class.capabilities.names
        case EnumNameForm.FEATURE:
            assert imported_module(row.maps_to)
            feature = CATALOGUE.feature(row.name)
            assert feature is not None
            assert CATALOGUE.feature_of_key(row.key) == feature
            for kind in EnumNodeKind:
                contract, checker = checked([row.name], kind)
                node_class, _ = compose(contract, BASES[kind], checker)
                assert row.name not in node_class.capabilities.names
                assert features_of(contract, checker).names == {row.name}
                # A contract of the right kind may lack a part that the feature needs, such as a workflow.
                lacks = feature.subcontract is not None and any(feature.check(feature.subcontract(), contract))
                assert bool(checker.problems) == (kind not in feature.kinds or lacks)
        case EnumNameForm.CLASS:
            assert isinstance(imported(row.maps_to), type)
            assert row.maps_to.endswith(f".{row.name}")
        case EnumNameForm.LATER:
            contract, checker = checked([row.name], EnumNodeKind.EFFECT)
            compose(contract, BASES[EnumNodeKind.EFFECT], checker)
            (problem,) = checker.problems
            assert f"{row.name} is not part of this version: {row.sentence} {row.use}".rstrip() in str(problem)


def imported_module(name: str) -> bool:
    """Import a module of the engine."""
    return import_module(name).__name__ == name


@each
def test_the_command_prints_a_name(row: OnexName) -> None:
    text = printed(row.name)
    assert text.startswith(row.name)
    assert f"form {row.form}" in text
    assert " ".join(row.ruling.split()) in text
    shown = json.loads(RUNNER.invoke(app, ["mixins", row.name, "--json"]).output)
    assert (shown["name"], shown["form"], shown["maps_to"]) == (row.name, row.form, row.maps_to)


def test_the_list_has_every_name_and_every_name_of_the_catalogue() -> None:
    listed = [each["name"] for each in json.loads(RUNNER.invoke(app, ["mixins", "--json"]).output)]
    assert listed == sorted(onex_names())
    assert {*CATALOGUE.class_names} | {feature.name for feature in CATALOGUE.features()} <= {*listed}
    assert [row.name for row in ROWS] == listed, "rows are sorted by name"
    text = printed()
    assert all(name in text for name in listed)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("retry", "MixinRetry"),
        ("mixinretry", "MixinRetry"),
        ("fail-fast", "MixinFailFast"),
        ("yaml_serialization", "MixinYAMLSerialization"),
        ("MixinCanonicalYAMLSerializer", "MixinSerialization"),
        ("kafkaeventbusadapter", "KafkaEventBusAdapter"),
    ],
)
def test_a_name_is_found_however_it_is_written(written: str, name: str) -> None:
    assert printed(written).startswith(name)


@pytest.mark.parametrize(
    ("written", "words"),
    [("MixinRetri", "did you mean MixinRetry"), ("zzzzzzzzzz", "`onex mixins` lists all names")],
)
def test_an_unknown_name_is_refused_with_the_nearest(written: str, words: str) -> None:
    with pytest.raises(CompositionError, match="no capability or other ONEX name") as refused:
        find_name(written, MIXINS)
    assert words in str(refused.value)
    assert RUNNER.invoke(app, ["mixins", written]).exit_code == 2


def test_aliases_are_names_that_exist() -> None:
    assert {*MIXINS.values()} <= {*CATALOGUE.class_names}


def test_a_capability_of_another_package_is_found_without_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {name: row for name, row in onex_names().items() if name != "MixinRetry"}
    monkeypatch.setattr(lookup, "onex_names", lambda: rows)
    assert find_name("retry", {}).form is EnumNameForm.CAPABILITY
    assert [*all_names()] == sorted(onex_names())


def test_a_command_shows_the_configuration_of_each_form() -> None:
    assert "sampling_rate" in printed("MixinDistributedTracing")
    assert "view, a mixin whose work the engine of MixinTracing does" in printed("MixinDistributedTracing")
    assert "heartbeat_interval_seconds" in printed("introspection_publisher")
    assert "for ORCHESTRATOR" in printed("MixinWorkflowSupport")
    assert "nothing to configure" in printed("MixinNodeExecutor")
    assert "instead Use functools.cached_property." in printed("MixinLazyValue")
    shown = json.loads(RUNNER.invoke(app, ["mixins", "MixinNodeExecutor", "--json"]).output)
    assert shown["subcontract"] is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[{name: MixinA, form: later, maps_to: x, sentence: What it is.}]", "a later name maps to nothing"),
        ("[{name: MixinA, form: view, sentence: What it is.}]", "a later name maps to nothing"),
        ("[{name: Other, form: view, maps_to: MixinA, sentence: What it is.}]", "does not begin with Mixin"),
        ("[{name: MixinA, form: view, maps_to: MixinB, sentence: No full stop}]", "pattern"),
        (
            "[{name: MixinA, form: later, sentence: What it is.}, {name: MixinA, form: later, sentence: What else.}]",
            "more than one row of MixinA",
        ),
    ],
)
def test_rows_are_checked(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_names(text)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("MixinRetry", "retry"),
        ("MixinHMACValidation", "hmac_validation"),
        ("MixinIPWhitelist", "ip_whitelist"),
        ("MixinHttpClient", "http_client"),
        ("MixinYAML", "yaml"),
    ],
)
def test_a_key_is_the_words_of_a_name(name: str, key: str) -> None:
    assert key_of(name) == key


def test_the_keys_of_all_names_differ() -> None:
    keys = [row.key for row in ROWS]
    assert len(set(keys)) == len(keys)


def test_the_table_has_a_row_of_each_name() -> None:
    page = with_names(f"before\n{BEGIN_NAMES}an obsolete row\n{END_NAMES}after\n", ROWS)
    assert "an obsolete row" not in page
    for row in ROWS:
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{row.name}` |")]
        assert f"| {row.form} |" in line
    with pytest.raises(ValueError, match="the page has no place for tables"):
        with_names("# Capabilities\n", [])


def test_no_class_is_made_of_a_feature() -> None:
    with pytest.raises(CompositionError, match="MixinNodeExecutor is a feature of the agent and no class"):
        create_service_with_capabilities(NodeEffect, None, ["MixinNodeExecutor"])
    contract, _ = checked(["MixinNodeExecutor", "MixinRetry"], EnumNodeKind.EFFECT)
    assert create_service_with_capabilities(NodeEffect, contract, []).capabilities.names == {"MixinRetry"}


def test_a_name_of_another_form_is_no_mixin() -> None:
    with pytest.raises(CompositionError, match=r"it is onex\.mixins\.service\.MixinDependencyResolver"):
        CATALOGUE.mixin("MixinDependencyResolver")
