"""Regeneration: hand-written parts stay, generated parts follow the contract, and each decision has a note."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from onex.codegen import case_files, package_files
from onex.codegen.generate import CodeGenerationPipeline
from onex.codegen.model import EnumGenerationStrategy, EnumValidationLevel, GenerationOptions
from onex.codegen.regenerate import EnumMergeNote, Merge, differences, merge, merged, regenerated
from onex.codegen.regenerate.folder import LARGEST_FILE, MOST_FILES
from onex.codegen.regenerate.modules import merge_module
from onex.codegen.regenerate.notes import ModelMergeNote, Notes
from onex.codegen.regenerate.syntax import DEEPEST, LARGEST, parsed
from onex.codegen.write import write_package
from onex.codegen.write.manifest import MANIFEST, Manifest
from onex.errors import ContractError

FILE = Path("node.py")
HEAD = '''"""Prices orders."""

from node_price_compute.v1_0_0.models import OrderPriced, PriceOrder
from onex.errors import NotImplementedNodeError
from onex.node import NodeCompute
'''
CLASS = '''

class NodePriceCompute(NodeCompute[PriceOrder, OrderPriced]):
    """Prices orders."""
'''
UNFINISHED = """
    def compute(self, request: PriceOrder) -> OrderPriced:
        raise NotImplementedNodeError("compute is not written yet")
"""
FINISHED = """
    def compute(self, request: PriceOrder) -> OrderPriced:
        return OrderPriced(order_id=request.order_id)
"""
BASE = HEAD + CLASS + UNFINISHED


def merged_texts(
    base: str | None, ours: str, theirs: str, *, is_messages: bool = False
) -> tuple[str, list[ModelMergeNote]]:
    """Return the merge of one file, and its notes."""
    notes = Notes([])
    text = merge_module(
        base,
        parsed(ours, FILE),
        theirs,
        path=FILE,
        add=notes.on("node.py"),
        is_node_file=not is_messages,
        is_messages=is_messages,
    )
    compile(text, "node.py", "exec")
    return text, notes.items


def kinds(notes: list[ModelMergeNote]) -> set[tuple[str, str]]:
    return {(note.kind.value, note.name) for note in notes}


HAND = '''"""Prices orders, with a discount."""

import math  # for ceilings
from functools import lru_cache

from node_price_compute.v1_0_0.models import OrderPriced, PriceOrder
from onex.node import NodeCompute

DISCOUNT = 0.1  # percent of everything


@lru_cache
def _rate(country: str) -> float:
    """Return the rate of a country."""
    # the table is short
    return {"de": 0.19}.get(country, 0.2)


class NodePriceCompute(NodeCompute[PriceOrder, OrderPriced]):
    """Prices orders."""

    @staticmethod
    def _rounded(value: float) -> int:
        return math.ceil(value)

    # the discount comes last
    def compute(self, order: PriceOrder) -> OrderPriced:
        """Return the price."""
        total = self._rounded(order.amount * (1 + _rate(order.country)))  # in cents
        return OrderPriced(order_id=order.order_id, total=total * (1 - DISCOUNT))
'''


def test_a_regeneration_without_changes_changes_nothing() -> None:
    text, notes = merged_texts(BASE, HAND, BASE)
    assert text == HAND
    assert kinds(notes) == {("kept_body", "NodePriceCompute.compute")}


def test_a_hand_written_body_stays_with_its_helpers_when_the_contract_states_one() -> None:
    text, notes = merged_texts(BASE, HAND, HEAD + CLASS + FINISHED)
    assert text == HAND
    assert kinds(notes) == {("kept_body", "NodePriceCompute.compute")}


def test_a_generated_body_is_replaced() -> None:
    text, notes = merged_texts(HEAD + CLASS + FINISHED, HEAD + CLASS + FINISHED, BASE)
    assert text == BASE
    assert kinds(notes) == {("replaced_body", "NodePriceCompute.compute")}


def test_a_generated_body_is_recognised_however_it_is_laid_out() -> None:
    laid_out = FINISHED.replace("order_id=request.order_id", "\n            order_id = request.order_id,\n        ")
    text, _ = merged_texts(HEAD + CLASS + FINISHED, HEAD + CLASS + laid_out, BASE)
    assert "raise NotImplementedNodeError" in text


def test_a_comment_in_a_generated_body_makes_it_hand_written() -> None:
    commented = FINISHED.replace("return OrderPriced", "# the bank wants this id\n        return OrderPriced")
    text, notes = merged_texts(HEAD + CLASS + FINISHED, HEAD + CLASS + commented, BASE)
    assert "the bank wants this id" in text
    assert ("kept_body", "NodePriceCompute.compute") in kinds(notes)


def test_an_unfinished_body_is_generated_without_the_earlier_contract() -> None:
    text, notes = merged_texts(None, BASE, HEAD + CLASS + FINISHED)
    assert "return OrderPriced(order_id=request.order_id)" in text
    assert "NotImplementedNodeError" not in text, "the import that only the replaced body used is gone"
    assert kinds(notes) == {("replaced_body", "NodePriceCompute.compute")}


def test_without_the_earlier_contract_a_finished_body_counts_as_hand_written() -> None:
    text, _ = merged_texts(None, HEAD + CLASS + FINISHED, BASE)
    assert "return OrderPriced(order_id=request.order_id)" in text


def test_a_docstring_on_an_unfinished_body_stays_when_the_body_is_rendered() -> None:
    described = BASE.replace("        raise", '        """Return the price in cents."""\n        raise')
    text, _ = merged_texts(BASE, described, HEAD + CLASS + FINISHED)
    assert '"""Return the price in cents."""\n        return OrderPriced' in text


def test_a_new_signature_keeps_the_body_and_the_names_of_parameters() -> None:
    theirs = BASE.replace("-> OrderPriced:", "-> OrderPriced | OrderRefused:").replace(
        "import OrderPriced, PriceOrder", "import OrderPriced, OrderRefused, PriceOrder"
    )
    text, notes = merged_texts(BASE, HAND, theirs)
    assert "def compute(self, order: PriceOrder) -> OrderPriced | OrderRefused:" in text
    assert "total = self._rounded(order.amount" in text
    assert "import OrderPriced, OrderRefused, PriceOrder" in text
    (signature,) = (note for note in notes if note.kind is EnumMergeNote.SIGNATURE)
    assert signature.line == 27
    assert "OrderRefused" in signature.message


def test_a_renamed_message_reaches_the_signature() -> None:
    theirs = BASE.replace("PriceOrder", "QuoteOrder")
    text, notes = merged_texts(BASE, HAND, theirs)
    assert "def compute(self, order: QuoteOrder) -> OrderPriced:" in text
    assert "NodeCompute[QuoteOrder, OrderPriced]" in text
    assert "import OrderPriced, QuoteOrder" in text
    assert ("signature", "NodePriceCompute.compute") in kinds(notes)


def test_types_that_were_added_to_a_union_by_hand_stay() -> None:
    ours = BASE.replace("request: PriceOrder)", "request: PriceOrder | TimerFired)").replace(
        "import NodeCompute", "import NodeCompute, TimerFired"
    )
    theirs = BASE.replace("request: PriceOrder)", "request: PriceOrder | CancelOrder)").replace(
        "import OrderPriced", "import CancelOrder, OrderPriced"
    )
    text, _ = merged_texts(BASE, ours, theirs)
    assert "request: PriceOrder | CancelOrder | TimerFired)" in text


def test_further_parameters_with_defaults_stay() -> None:
    ours = HAND.replace("order: PriceOrder)", "order: PriceOrder, rounds: int = 2)")
    theirs = BASE.replace("request: PriceOrder)", "request: QuoteOrder)")
    text, _ = merged_texts(BASE, ours, theirs)
    assert "def compute(self, order: QuoteOrder, rounds: int = 2)" in text


def test_decorators_stay_and_new_ones_are_added() -> None:
    ours = HAND.replace("    # the discount comes last\n", "    @measured\n    # the discount comes last\n")
    theirs = BASE.replace("    def compute", "    @traced\n    def compute")
    text, _ = merged_texts(BASE, ours, theirs)
    assert "    @traced\n    @measured\n" in text


def test_a_written_body_loses_the_mark_of_unfinished_handlers_and_an_unwritten_one_has_it() -> None:
    marked = BASE.replace("    def compute", "    @unfinished\n    def compute").replace(
        "import NodeCompute", "import NodeCompute, unfinished"
    )
    ours = HAND.replace("    # the discount", "    @unfinished\n    # the discount")
    for base in (marked, None):
        text, _ = merged_texts(base, ours, marked)
        assert "unfinished" not in text
    text, _ = merged_texts(HEAD + CLASS + FINISHED, HEAD + CLASS + FINISHED, marked)
    assert "    @unfinished\n    def compute" in text
    assert "import NodeCompute, unfinished" in text
    half = ours.replace(
        "        return OrderPriced", "        raise NotImplementedNodeError\n        return OrderPriced"
    )
    text, _ = merged_texts(marked, half, marked)
    assert "@unfinished" in text, "a part is missing"


def test_a_decorator_of_the_earlier_rendering_goes_with_it() -> None:
    base = BASE.replace("    def compute", "    @rendered\n    def compute")
    text, _ = merged_texts(base, base, HEAD + CLASS + FINISHED)
    assert "@rendered" not in text


HANDLER = """
    def cancel(self, request: CancelOrder) -> OrderCancelled:
        raise NotImplementedNodeError("cancel is not written yet")
"""


def test_a_handler_that_the_contract_no_longer_names_stays_when_it_was_written_by_hand() -> None:
    base = BASE + HANDLER
    ours = HAND + HANDLER.replace(
        'raise NotImplementedNodeError("cancel is not written yet")', "return OrderCancelled()"
    )
    text, notes = merged_texts(base, ours, BASE)
    assert "return OrderCancelled()" in text
    assert ("kept_handler", "NodePriceCompute.cancel") in kinds(notes)


def test_an_unwritten_handler_that_the_contract_no_longer_names_goes_with_a_note() -> None:
    text, notes = merged_texts(BASE + HANDLER, BASE + HANDLER, BASE)
    assert text == BASE
    assert ("removed", "NodePriceCompute.cancel") in kinds(notes)


def test_a_new_handler_comes_after_its_predecessor() -> None:
    after = '\n    def _last(self) -> None:\n        """Stay last."""\n'
    text, _ = merged_texts(BASE, HAND + after, BASE + HANDLER)
    assert text.index("def compute") < text.index("def cancel") < text.index("def _last")
    assert "from onex.errors import NotImplementedNodeError\nfrom onex.node import NodeCompute" in text


def test_a_new_first_handler_comes_before_its_successor() -> None:
    start = '\n    def _first(self) -> None:\n        """Stay first."""\n'
    ours = HAND.replace("\n    # the discount", f"{start}\n    # the discount")
    text, _ = merged_texts(BASE, ours, HEAD + CLASS + HANDLER + UNFINISHED)
    assert text.index("def _first") < text.index("def cancel") < text.index("def compute")


def test_a_rendered_part_that_was_removed_by_hand_stays_removed() -> None:
    helper = "\n    def _helper(self) -> int:\n        return 1\n"
    text, notes = merged_texts(BASE + helper, HAND, BASE + helper)
    assert "_helper" not in text
    assert ("left_out", "NodePriceCompute._helper") in kinds(notes)


def test_a_handler_of_a_contract_that_was_changed_at_its_place_is_written_unless_it_may_be_inherited() -> None:
    notes = Notes([])

    def merged_with_handlers(ours: str) -> str:
        return merge_module(
            BASE + HANDLER,
            parsed(ours, FILE),
            BASE + HANDLER,
            path=FILE,
            add=notes.on("node.py"),
            is_node_file=True,
            is_messages=False,
            handlers=frozenset({"compute", "cancel"}),
        )

    assert "def cancel" in merged_with_handlers(HAND)
    assert "def cancel" not in merged_with_handlers(HAND.replace("(NodeCompute[", "(OurCancels, NodeCompute["))
    assert ("left_out", "NodePriceCompute.cancel") in kinds(notes.items)


def test_new_mixins_join_the_bases_of_the_author() -> None:
    ours = HAND.replace("(NodeCompute[PriceOrder, OrderPriced])", "(Discounts, NodeCompute[PriceOrder, OrderPriced])")
    theirs = BASE.replace("(NodeCompute[", "(MixinRetry, MixinMetrics, NodeCompute[").replace(
        "from onex.node",
        "from onex.mixins.metrics import MixinMetrics\nfrom onex.mixins.retry import MixinRetry\nfrom onex.node",
    )
    text, _ = merged_texts(BASE, ours, theirs)
    assert (
        "class NodePriceCompute(Discounts, MixinRetry, MixinMetrics, NodeCompute[PriceOrder, OrderPriced]):" in text
    )
    assert (
        "from onex.mixins.metrics import MixinMetrics\nfrom onex.mixins.retry import MixinRetry\nfrom onex.node"
        in text
    )


def test_a_mixin_that_the_contract_no_longer_has_leaves_the_bases() -> None:
    with_mixin = BASE.replace("(NodeCompute[", "(MixinRetry, NodeCompute[").replace(
        "from onex.node", "from onex.mixins.retry import MixinRetry\nfrom onex.node"
    )
    ours = with_mixin.replace("(MixinRetry, ", "(Own, MixinRetry, ")
    text, _ = merged_texts(with_mixin, ours, BASE)
    assert "class NodePriceCompute(Own, NodeCompute[PriceOrder, OrderPriced]):" in text
    assert "MixinRetry" not in text


def test_many_bases_are_broken_into_lines_within_the_width() -> None:
    mixins = ", ".join(f"MixinNumber{number}" for number in range(9))
    text, _ = merged_texts(BASE, HAND, BASE.replace("(NodeCompute[", f"({mixins}, NodeCompute["))
    assert "class NodePriceCompute(\n    MixinNumber0,\n" in text
    assert "OrderPriced],\n):\n" in text
    mixins = ", ".join(f"MixinNumber{number}" for number in range(5))
    text, _ = merged_texts(BASE, HAND, BASE.replace("(NodeCompute[", f"({mixins}, NodeCompute["))
    assert "class NodePriceCompute(\n    MixinNumber0, MixinNumber1, " in text
    assert "OrderPriced]\n):\n" in text


def test_the_class_has_the_new_name_of_the_node() -> None:
    ours = HAND + "\n\nEXPORTED = NodePriceCompute\n"
    text, _ = merged_texts(BASE, ours, BASE.replace("NodePriceCompute", "NodeQuoteCompute"))
    assert "class NodeQuoteCompute(" in text
    assert "EXPORTED = NodeQuoteCompute" in text
    assert "NodePriceCompute" not in text


def test_unused_imports_of_the_author_stay_and_those_of_replaced_bodies_go() -> None:
    ours = BASE.replace("from onex.errors", "import this_registers_something\nfrom onex.errors")
    text, _ = merged_texts(BASE, ours, HEAD + CLASS + FINISHED)
    assert "import this_registers_something" in text
    assert "NotImplementedNodeError" not in text


def test_a_name_in_a_quoted_annotation_keeps_its_import() -> None:
    ours = HAND.replace("value: float) -> int", 'value: float) -> "Amount | None"').replace(
        "from onex.node", "from money import Amount\nfrom onex.node"
    )
    text, _ = merged_texts(BASE, ours, BASE)
    assert "from money import Amount" in text


def test_an_import_that_would_replace_a_hand_written_name_is_a_conflict() -> None:
    ours = BASE.replace("from onex.errors import NotImplementedNodeError", "from own import NotImplementedNodeError")
    text, notes = merged_texts(None, ours, BASE)
    assert "from own import NotImplementedNodeError" in text
    assert text.count("NotImplementedNodeError\n") == 1
    assert ("conflict", "NotImplementedNodeError") in kinds(notes)


def test_the_library_has_its_errors_at_two_places() -> None:
    ours = BASE.replace("import NodeCompute", "import NodeCompute, NotImplementedNodeError").replace(
        "from onex.errors import NotImplementedNodeError\n", ""
    )
    text, notes = merged_texts(None, ours, BASE)
    assert text == ours
    assert notes == []


def test_a_long_import_is_broken_into_lines() -> None:
    names = [f"Message{number:02}WithALongName" for number in range(8)]
    theirs = BASE.replace("-> OrderPriced:", f"-> {' | '.join(names)}:").replace(
        "import OrderPriced, PriceOrder", f"import {', '.join([*names, 'OrderPriced', 'PriceOrder'])}"
    )
    text, _ = merged_texts(BASE, HAND, theirs)
    assert "models import (\n    Message00WithALongName,\n" in text
    assert "    PriceOrder,\n)\n" in text


def test_comments_before_a_dropped_import_stay() -> None:
    ours = BASE.replace("from onex.errors", "# errors of the mesh\nfrom onex.errors")
    text, _ = merged_texts(BASE, ours, HEAD + CLASS + FINISHED)
    assert "# errors of the mesh\nfrom onex.node" in text


MODELS = '''"""Messages."""

from onex.node import Message

__all__ = ["OrderPriced", "PriceOrder"]


class PriceOrder(Message, key="order_id"):
    """Price an order."""

    order_id: str
    amount: int


class OrderPriced(Message):
    """An order has a price."""

    order_id: str
'''


def test_fields_of_messages_follow_the_contract() -> None:
    theirs = MODELS.replace("amount: int", "amount: float\n    country: str").replace(
        '"PriceOrder"]', '"PriceOrder", "Refused"]'
    )
    theirs += '\n\nclass Refused(Message):\n    """Refused."""\n\n    reason: str\n'
    text, notes = merged_texts(MODELS, MODELS, theirs, is_messages=True)
    assert text == theirs
    assert notes == []


def test_a_field_that_the_contract_lacks_is_a_conflict_and_stays() -> None:
    ours = MODELS.replace("amount: int", "amount: int\n    note: str = ''")
    text, notes = merged_texts(MODELS, ours, MODELS, is_messages=True)
    assert text == ours
    ((kind, name),) = kinds(notes)
    assert (kind, name) == ("conflict", "PriceOrder.note")
    assert notes[0].line == 13


def test_a_field_that_was_changed_by_hand_is_a_conflict_and_stays() -> None:
    ours = MODELS.replace("amount: int", "amount: int = Field(ge=0)").replace(
        "from onex", "from pydantic import Field\nfrom onex"
    )
    text, notes = merged_texts(MODELS, ours, MODELS, is_messages=True)
    assert text == ours
    assert kinds(notes) == {("conflict", "PriceOrder.amount")}
    text, notes = merged_texts(MODELS, ours, MODELS.replace("amount: int", "amount: float"), is_messages=True)
    assert text == ours
    assert "amount: float" in notes[0].message


def test_a_field_that_the_contract_no_longer_has_goes_unless_it_was_changed() -> None:
    theirs = MODELS.replace("    amount: int\n", "")
    text, notes = merged_texts(MODELS, MODELS, theirs, is_messages=True)
    assert text == theirs
    assert kinds(notes) == {("removed", "PriceOrder.amount")}
    ours = MODELS.replace("amount: int", "amount: int = 3")
    text, _ = merged_texts(MODELS, ours, theirs, is_messages=True)
    assert "amount: int = 3" in text


def test_messages_and_fields_of_a_contract_that_was_changed_at_its_place_are_written() -> None:
    theirs = MODELS.replace("amount: int", "amount: int\n    country: str")
    text, _ = merged_texts(theirs, MODELS, theirs, is_messages=True)
    assert text == theirs
    text, _ = merged_texts(MODELS, MODELS.partition("\n\nclass OrderPriced")[0], MODELS, is_messages=True)
    assert text == MODELS


def test_validators_and_helper_classes_of_models_stay() -> None:
    own = "\n    @field_validator('amount')\n    @classmethod\n    def _positive(cls, value): ...\n"
    ours = MODELS.replace("    amount: int\n", f"    amount: int\n{own}") + "\n\nclass Unit(StrEnum):\n    A = 'a'\n"
    text, _ = merged_texts(
        MODELS, ours, MODELS.replace("amount: int", "amount: int\n    country: str"), is_messages=True
    )
    assert "def _positive" in text
    assert "class Unit(StrEnum)" in text
    assert text.index("country: str") < text.index("def _positive")


def test_a_message_that_is_imported_from_another_file_is_not_defined_twice() -> None:
    ours = '"""Messages."""\n\nfrom node_price_compute.v1_0_0.models.orders import OrderPriced, PriceOrder\n'
    text, notes = merged_texts(MODELS, ours, MODELS, is_messages=True)
    assert "class PriceOrder" not in text
    assert ("conflict", "PriceOrder") in kinds(notes)


def test_constants_that_both_changed_are_a_conflict() -> None:
    base, ours, theirs = (BASE.replace(CLASS, f"\nLIMIT = {number}\n{CLASS}") for number in (1, 2, 3))
    text, notes = merged_texts(base, ours, theirs)
    assert "LIMIT = 2" in text
    assert ("conflict", "LIMIT") in kinds(notes)
    text, notes = merged_texts(base, base, theirs)
    assert "LIMIT = 3" in text
    assert ("conflict", "LIMIT") not in kinds(notes)


# -- files that are no help -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("class NodeX(NodeCompute):\n    def (:\n", 2, "is no Python"),
        ("x = '\0'\n", 1, "is no Python"),
        ("match x:\n    case " + "{1:" * 20 + "1" + "}" * 20 + ":\n        pass\n", 2, "nested more than 4"),
        ("#" * (LARGEST + 1), 1, "is longer than"),
        ("x = " + "-" * (DEEPEST + 10) + "1\n", 1, "nested more than"),
        ("a = 1\nx = " + "+".join("1" * 300) + "\n", 2, "nested more than"),
        ("x = " + "[" * 5_000 + "\n", 1, "is no Python"),
        ("if x:\n    pass\n" + "elif x:\n    pass\n" * 3_000, 1, "nested"),
    ],
)
def test_a_file_that_is_no_python_is_a_problem_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ContractError, match=words) as caught:
        parsed(text, Path("services/node_x_compute/v1_0_0/node.py"))
    (problem,) = caught.value.problems
    assert problem.file == Path("services/node_x_compute/v1_0_0/node.py")
    assert problem.line >= line


def test_code_of_the_largest_depth_is_merged() -> None:
    deep = HAND + "\n\nDEEP = (" + "-" * (DEEPEST - 5) + "(" * 190 + "1" + ")" * 191 + "\n"
    text, _ = merged_texts(BASE, deep, BASE.replace("-> OrderPriced:", "-> OrderPriced | None:"))
    assert text.endswith(deep[-200:])


def test_several_node_classes_are_a_problem_with_the_line_of_the_second() -> None:
    with pytest.raises(ContractError, match="several node classes: NodePriceCompute, Other") as caught:
        merged_texts(BASE, HAND + "\n\nclass Other(NodeCompute[int, int]):\n    pass\n", BASE)
    assert caught.value.problems[0].line == 33


def test_a_file_without_a_node_class_is_a_problem() -> None:
    with pytest.raises(ContractError, match="has no node class; write `class NodePriceCompute`"):
        merged_texts(BASE, "x = 1\n", BASE)


def test_a_class_with_a_base_of_the_author_is_the_node_class_by_its_name() -> None:
    ours = HAND.replace("(NodeCompute[PriceOrder, OrderPriced])", "(OurCompute)")
    text, _ = merged_texts(BASE, ours, BASE + HANDLER)
    assert "class NodePriceCompute(OurCompute):" in text
    assert "def cancel" in text


# -- folders --------------------------------------------------------------------------------------

CONTRACT = """\
# our contract
name: node_price_compute
node_type: COMPUTE
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [onex.cmd.price.price-order.v1]
  publish_topics: [onex.evt.price.order-priced.v1]
handler_routing:
  handlers:
    - {event_model: PriceOrder, handler: price, output_events: [OrderPriced]}
definitions:
  models:
    PriceOrder: {key: order_id, fields: {order_id: str, amount: int}}
    OrderPriced: {fields: {order_id: str, total: int}}
"""
WIDER = (
    CONTRACT.replace("order-priced.v1]", "order-priced.v1, onex.evt.price.order-refused.v1]").replace(
        "[OrderPriced]}", "[OrderPriced, OrderRefused]}"
    )
    + "    OrderRefused: {fields: {order_id: str, reason: str}}\n"
)
NEXT = WIDER.replace("minor: 0", "minor: 1")
ROOT = "node_price_compute/v1_0_0"
OWN_NODE = '''"""Prices orders."""

from node_price_compute.v1_0_0.models import OrderPriced, PriceOrder
from node_price_compute.v1_0_0.rates import RATE
from onex.node import NodeCompute


class NodePriceCompute(NodeCompute[PriceOrder, OrderPriced]):
    """Prices orders."""

    def price(self, request: PriceOrder) -> OrderPriced:
        """Add the rate."""
        return OrderPriced(order_id=request.order_id, total=request.amount * RATE)
'''


def rendering(text: str) -> Mapping[str, str]:
    return {**package_files(text), **case_files(text)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A rendered node with hand-written parts."""
    for name, text in rendering(CONTRACT).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = tmp_path / ROOT
    (found / "node.py").write_text(OWN_NODE)
    (found / "rates.py").write_text("from node_price_compute.v1_0_0 import models\n\nRATE = 2\n")
    (found / "logo.bin").write_bytes(b"\xff\xfe")
    return found


def merge_of(text: str, folder: Path) -> Merge:
    return merge(rendering(text), folder)


def test_a_folder_is_merged_as_a_whole(folder: Path) -> None:
    result = merge_of(WIDER, folder)
    node = result.files[f"{ROOT}/node.py"]
    assert "total=request.amount * RATE" in node
    assert "-> OrderPriced | OrderRefused:" in node
    assert "class OrderRefused(Message)" in result.files[f"{ROOT}/models/__init__.py"]
    assert result.files[f"{ROOT}/contract.yaml"].endswith(WIDER)
    assert result.files[f"{ROOT}/rates.py"] == (folder / "rates.py").read_text()
    assert "NodePriceCompute.price" in result.kept_bodies
    assert result.conflicts == ()
    assert merged(rendering(WIDER), folder) == result.files
    left = [note for note in result.of(EnumMergeNote.KEPT_FILE) if note.name == "logo.bin"]
    assert "no text" in left[0].message


def test_a_merge_of_a_merge_changes_nothing(folder: Path) -> None:
    once = merge_of(WIDER, folder).files
    for name, text in once.items():
        (folder.parents[1] / name).write_text(text)
    assert differences(once, merge_of(WIDER, folder).files) == {}


def test_a_new_version_is_imported_from_its_own_package(folder: Path) -> None:
    result = merge_of(NEXT, folder)
    texts = "\n".join(text for name, text in result.files.items() if name.endswith(".py"))
    assert {name.split("/")[1] for name in result.files} == {"v1_1_0"}
    assert "v1_0_0" not in texts
    assert "from node_price_compute.v1_1_0 import models\n\nRATE = 2\n" in texts
    assert "total=request.amount * RATE" in texts
    kept = next(note for note in result.notes if note.kind is EnumMergeNote.SIGNATURE)
    assert kept.line == 11, "the line in the earlier file"


def test_a_folder_that_does_not_exist_is_a_new_node(tmp_path: Path) -> None:
    files = rendering(CONTRACT)
    assert merged(files, tmp_path / ROOT) == files


def test_a_broken_earlier_contract_makes_all_finished_bodies_hand_written(folder: Path) -> None:
    (folder / "contract.yaml").write_text("name: [")
    result = merge_of(WIDER, folder)
    assert "total=request.amount * RATE" in result.files[f"{ROOT}/node.py"]


def test_a_generated_file_that_is_no_longer_rendered_goes_with_a_note(folder: Path) -> None:
    without = {name: text for name, text in rendering(WIDER).items() if not name.endswith("cases.yaml")}
    result = merge(without, folder)
    assert f"{ROOT}/cases.yaml" not in result.files
    assert {note.name for note in result.of(EnumMergeNote.REMOVED)} >= {"cases.yaml"}


CASE = """\
# ours
- name: a large order
  # three digits
  when: {PriceOrder: {order_id: o-1, amount: 100}}
  then: {publishes: [{OrderPriced: {total: 200}}]}
"""


def test_hand_written_cases_stay_with_their_comments_next_to_generated_ones(folder: Path) -> None:
    cases = folder / "cases.yaml"
    cases.write_text(CASE + cases.read_text())
    merged_cases = merge_of(WIDER, folder).files[f"{ROOT}/cases.yaml"]
    assert merged_cases.startswith(CASE)
    assert merged_cases.endswith("    dead_letter:\n      class: schema\n      stage: decode\n"), "the rendered case"


def test_the_case_of_an_unwritten_handler_goes_when_the_handler_is_written(folder: Path) -> None:
    assert "class: unfinished" in (folder / "cases.yaml").read_text()
    result = merge_of(WIDER, folder)
    assert "class: unfinished" not in result.files[f"{ROOT}/cases.yaml"]
    (folder / "cases.yaml").unlink()
    assert "class: unfinished" not in merge_of(WIDER, folder).files[f"{ROOT}/cases.yaml"]
    (folder / "node.py").write_text(rendering(CONTRACT)[f"{ROOT}/node.py"])
    assert "class: unfinished" in merge_of(WIDER, folder).files[f"{ROOT}/cases.yaml"]


def test_a_case_of_the_same_name_that_was_changed_by_hand_is_a_conflict(folder: Path) -> None:
    rendered = yaml.safe_load((folder / "cases.yaml").read_text())
    own = f"- {{name: {rendered[1]['name']}, when: {{bytes: ff}}, then: {{dead_letter: {{class: schema}}}}}}\n"
    (folder / "cases.yaml").write_text(own)
    result = merge_of(CONTRACT, folder)
    assert result.files[f"{ROOT}/cases.yaml"] == own
    assert [note.line for note in result.conflicts] == [1]
    (folder / "node.py").write_text(rendering(CONTRACT)[f"{ROOT}/node.py"])
    (left_out,) = merge_of(CONTRACT, folder).of(EnumMergeNote.LEFT_OUT)
    assert left_out.name == rendered[0]["name"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: 1\n", "is no list of cases"), ("- {a: [\n", "cases.yaml:2"), ("- &a [*a]\n", "aliases are refused")],
)
def test_cases_that_cannot_be_read_are_a_problem(folder: Path, text: str, words: str) -> None:
    (folder / "cases.yaml").write_text(text)
    with pytest.raises(ContractError, match=words):
        merge_of(WIDER, folder)


def test_a_folder_is_read_within_limits(folder: Path, tmp_path: Path) -> None:
    (folder / "data.txt").write_text("x" * (LARGEST_FILE + 1))
    with pytest.raises(ContractError, match=f"data.txt:1: file: has more than {LARGEST_FILE} bytes"):
        merge_of(CONTRACT, folder)
    (folder / "data.txt").unlink()
    (folder / "link.py").symlink_to(tmp_path / "outside.py")
    (tmp_path / "outside.py").write_text("SECRET = 1\n")
    with pytest.raises(ContractError, match="link.py:1: file: is a link out of the folder"):
        merge_of(CONTRACT, folder)
    (folder / "link.py").unlink()
    (folder / "latin.py").write_bytes(b"x = '\xe9'\n")
    with pytest.raises(ContractError, match="latin.py:1: file: is no UTF-8"):
        merge_of(CONTRACT, folder)
    (folder / "latin.py").unlink()
    for number in range(MOST_FILES):
        (folder / f"{number}.txt").touch()
    with pytest.raises(ContractError, match=f"more than {MOST_FILES} files"):
        merge_of(CONTRACT, folder)


def test_code_of_the_folder_is_not_executed(folder: Path) -> None:
    (folder / "node.py").write_text(OWN_NODE + "\n\nraise SystemExit(3)\n")
    assert "raise SystemExit(3)" in merge_of(WIDER, folder).files[f"{ROOT}/node.py"]


def test_differences_are_unified_by_file() -> None:
    found = differences({"a": "1\n2\n", "gone": "x\n", "same": ""}, {"a": "1\n3", "new": "", "same": ""})
    assert list(found) == ["a", "gone", "new"]
    assert found["a"] == dedent(
        """\
        --- a/a
        +++ b/a
        @@ -1,2 +1,2 @@
         1
        -2
        +3
        \\ No newline at end of file
        """
    )
    assert found["gone"].startswith("--- a/gone\n+++ /dev/null\n")


# -- contracts without definitions ------------------------------------------------------------------

PLAIN = CONTRACT.partition("definitions:")[0]


def test_a_contract_without_definitions_has_its_class_bases_and_handlers(folder: Path) -> None:
    (folder / "contract.yaml").write_text(PLAIN)
    (folder / "node.py").write_text(OWN_NODE.replace("return OrderPriced", "# ours\n        return OrderPriced"))
    wanted = PLAIN + "mixins: [{name: MixinRetry}]\n"
    wanted = wanted.replace("[OrderPriced]}", "[OrderPriced]}\n    - {event_model: CancelOrder, handler: cancel}")
    result = regenerated(wanted, folder)
    node = result.files[f"{ROOT}/node.py"]
    assert "class NodePriceCompute(MixinRetry, NodeCompute[PriceOrder, OrderPriced]):" in node
    assert "from onex.mixins.retry import MixinRetry" in node
    assert "# ours" in node
    assert "    def cancel(self, request: CancelOrder) -> None:\n        raise NotImplementedNodeError(" in node
    assert "import CancelOrder, OrderPriced, PriceOrder" in node
    assert result.files[f"{ROOT}/models/__init__.py"] == (folder / "models" / "__init__.py").read_text()


def test_a_contract_without_definitions_and_without_a_folder_has_a_skeleton(tmp_path: Path) -> None:
    result = regenerated(PLAIN, tmp_path / ROOT)
    compile(result.files[f"{ROOT}/node.py"], "node.py", "exec")
    assert "def price(self, request: PriceOrder) -> OrderPriced:" in result.files[f"{ROOT}/node.py"]


# -- in a generation --------------------------------------------------------------------------------


def test_a_generation_keeps_hand_written_parts_and_reports_what_it_decided(folder: Path, tmp_path: Path) -> None:
    models = folder / "models" / "__init__.py"
    models.write_text(models.read_text().replace("    amount: int\n", "    amount: int\n    note: str = ''\n"))
    options = GenerationOptions(output=tmp_path, level=EnumValidationLevel.NONE)
    result = CodeGenerationPipeline(options).run(WIDER)
    assert result.strategy is EnumGenerationStrategy.HYBRID
    assert "total=request.amount * RATE" in result.files[f"{ROOT}/node.py"]
    (conflict,) = (note for note in result.notes if ": conflict: " in note)
    assert conflict.startswith(f"{ROOT}/models/__init__.py:")
    assert "PriceOrder.note" in conflict


def test_the_earlier_rendering_is_what_was_written_by_whichever_templates(folder: Path, tmp_path: Path) -> None:
    def of_project(text: str) -> dict[str, str]:
        files = dict(rendering(text))
        files[f"{ROOT}/node.py"] += "\nOURS = 1\n"
        return files

    shutil.rmtree(folder)
    write_package(of_project(CONTRACT), tmp_path)
    assert "OURS" not in merge_of(WIDER, folder).files[f"{ROOT}/node.py"]
    node = folder / "node.py"
    node.write_text(node.read_text().replace("OURS = 1", "OURS = 2"))
    assert "OURS = 2" in merge_of(WIDER, folder).files[f"{ROOT}/node.py"]
    damaged = {name.removeprefix(f"{ROOT}/"): "(: no Python" for name in of_project(CONTRACT)}
    (folder / MANIFEST).write_bytes(Manifest(damaged).content())
    assert "OURS = 2" in merge_of(WIDER, folder).files[f"{ROOT}/node.py"]
    (folder / MANIFEST).unlink()
    assert "OURS = 2" in merge_of(WIDER, folder).files[f"{ROOT}/node.py"]
