"""Small nodes for the tests of NodeValidator: one that passes for each kind, to change a part of it."""

from collections.abc import Mapping
from functools import cache

from onex.codegen.model import EnumValidationLevel, EnumValidationStage, ModelFinding, ModelValidationResult
from onex.codegen.validate import NodeValidator
from onex.codegen.validate.sources import Sources, read_sources

_CONTRACTS = {
    "compute": """
name: node_quote_compute
node_type: COMPUTE
contract_version: {major: 1, minor: 0, patch: 0}
description: Quotes.
event_bus:
  subscribe_topics: [onex.cmd.quote.ask-quote.v1]
  publish_topics: [onex.evt.quote.quote-given.v1]
handler_routing:
  handlers: [{event_model: AskQuote, handler: quote, output_events: [QuoteGiven]}]
definitions:
  models:
    AskQuote: {key: quote_id, fields: {quote_id: str, amount: int}}
    QuoteGiven: {key: quote_id, fields: {quote_id: str, amount: int}}
""",
    "effect": """
name: node_quote_effect
node_type: EFFECT
contract_version: {major: 1, minor: 0, patch: 0}
description: Quotes.
event_bus:
  subscribe_topics: [onex.cmd.quote.ask-quote.v1]
  publish_topics: [onex.evt.quote.quote-given.v1]
handler_routing:
  handlers: [{event_model: AskQuote, handler: quote, output_events: [QuoteGiven]}]
definitions:
  models:
    AskQuote: {key: quote_id, fields: {quote_id: str, amount: int}}
    QuoteGiven: {key: quote_id, fields: {quote_id: str, amount: int}}
""",
    "reducer": """
name: node_quote_reducer
node_type: REDUCER
contract_version: {major: 1, minor: 0, patch: 0}
description: Counts quotes.
event_bus:
  subscribe_topics: [onex.evt.quote.quote-given.v1]
handler_routing:
  handlers: [{event_model: QuoteGiven, handler: count}]
definitions:
  models:
    QuoteGiven: {key: quote_id, fields: {quote_id: str, amount: int}}
    Quotes: {fields: {count: int, lines: "list[str]"}}
  state: Quotes
""",
}
_MODELS = '''"""Messages."""

from onex.node import Message


class AskQuote(Message, key="quote_id"):
    """Asks."""

    quote_id: str
    amount: int


class QuoteGiven(Message, key="quote_id"):
    """Given."""

    quote_id: str
    amount: int
'''
_STATE = '''"""Messages."""

from onex.node import Message


class QuoteGiven(Message, key="quote_id"):
    """Given."""

    quote_id: str
    amount: int


class Quotes(Message):
    """State."""

    count: int = 0
    lines: list[str] = []
'''
_NODES = {
    "compute": '''"""Quote."""

from node_quote_compute.v1_0_0.models import AskQuote, QuoteGiven
from onex.node import NodeCompute
{imports}


class NodeQuoteCompute(NodeCompute[AskQuote, QuoteGiven]):
    """Quote."""

    def quote(self, request: AskQuote) -> QuoteGiven:
{body}
        return QuoteGiven(quote_id=request.quote_id, amount=request.amount)
{after}''',
    "effect": '''"""Quote."""

from node_quote_effect.v1_0_0.models import AskQuote, QuoteGiven
from onex.node import Context, NodeEffect
{imports}


class NodeQuoteEffect(NodeEffect):
    """Quote."""

    async def quote(self, command: AskQuote, context: Context) -> QuoteGiven:
{body}
        return QuoteGiven(quote_id=command.quote_id, amount=command.amount)
{after}''',
    "reducer": '''"""Count."""

from node_quote_reducer.v1_0_0.models import QuoteGiven, Quotes
from onex.node import Context, NodeReducer, Reduction
{imports}


class NodeQuoteReducer(NodeReducer[Quotes]):
    """Count."""

    def count(self, state: Quotes | None, event: QuoteGiven, context: Context) -> Reduction[Quotes]:
{body}
        return Reduction(Quotes(count=state.count + 1 if state else 1))
{after}''',
}
_INDENT = " " * 8


def root(kind: str) -> str:
    """Folder of the package."""
    return f"node_quote_{kind}/v1_0_0"


def package(
    kind: str = "compute", body: str = "", *, imports: str = "", after: str = "", **files: str
) -> dict[str, str]:
    """Return a package whose handler begins with ``body``. ``files`` replace others: ``node="..."``."""
    inside = "\n".join(_INDENT + line if line else "" for line in body.splitlines())
    node = _NODES[kind].replace("{imports}", imports).replace("{body}", inside).replace("{after}", after)
    texts = {
        "contract.yaml": _CONTRACTS[kind].lstrip(),
        "models/__init__.py": _STATE if kind == "reducer" else _MODELS,
        "node.py": node,
    }
    names = {"contract": "contract.yaml", "models": "models/__init__.py", "node": "node.py", "cases": "cases.yaml"}
    texts |= {names.get(name, f"{name}.py"): text for name, text in files.items()}
    return {f"{root(kind)}/{name}": text for name, text in texts.items()}


def sources(files: Mapping[str, str]) -> Sources:
    """Read files that stage SYNTAX accepts."""
    read = read_sources(files)
    assert read.is_sound, read.findings
    return read


@cache
def standard() -> NodeValidator:
    """One validator of level STANDARD for all tests of a process, without a folder."""
    return NodeValidator(EnumValidationLevel.STANDARD)


def rules(findings: object) -> list[str]:
    """Return the sorted rules of findings or of results."""
    found: set[str] = set()
    for item in findings:  # type: ignore[attr-defined]
        match item:
            case ModelValidationResult():
                found |= {finding.rule for finding in item.findings}
            case ModelFinding():
                found.add(item.rule)
    return sorted(found)


def stage(results: tuple[ModelValidationResult, ...], name: EnumValidationStage) -> ModelValidationResult:
    """Return the result of a stage."""
    return next(result for result in results if result.stage is name)
