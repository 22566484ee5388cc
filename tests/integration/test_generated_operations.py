"""Generated I/O operations reach real servers: PostgreSQL, HTTP and files, and further messages on Kafka."""

import ast
import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from onex.capability import AgentEnvironment
from onex.codegen import case_files, package_files
from onex.local import LocalPostgres
from onex.testing import MeshDriver
from tests.mixins.helpers import Receiver

CONTRACT = """\
name: node_quote_store_effect
node_type: EFFECT
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [onex.cmd.quotes.ask-quote.v1, onex.cmd.quotes.store-quote.v1, onex.cmd.quotes.find-quotes.v1,
                     onex.cmd.quotes.write-quote.v1, onex.cmd.quotes.read-quote.v1, onex.cmd.quotes.forget-quote.v1]
  publish_topics: [onex.evt.quotes.quote-given.v1, onex.evt.quotes.quote-stored.v1, onex.evt.quotes.quotes-found.v1,
                   onex.evt.quotes.quote-written.v1, onex.evt.quotes.quote-read.v1, onex.evt.quotes.quote-logged.v1]
handler_routing:
  handlers:
    - {event_model: AskQuote, handler: ask, output_events: [QuoteGiven]}
    - {event_model: StoreQuote, handler: store, output_events: [QuoteStored]}
    - {event_model: FindQuotes, handler: find, output_events: [QuotesFound]}
    - event_model: WriteQuote
      handler: write
      output_events: [QuoteWritten, QuoteLogged]
      mapping: {QuoteWritten: {quote_id: WriteQuote.quote_id}}
    - {event_model: ReadQuote, handler: read, output_events: [QuoteRead]}
    - {event_model: ForgetQuote, handler: forget}
subcontracts:
  circuit_breaker: {services: [{name: bank, failure_threshold: 2}]}
  database: {}
  files: {folder: "${QUOTE_FILES:-quotes}"}
  http_client:
    services: [{name: bank, base_url: "${QUOTE_BANK:-http://127.0.0.1:1}"}]
    private_networks: [127.0.0.0/8]
io_operations:
  - handler: ask
    type: http
    method: POST
    url: /quotes/{AskQuote.quote_id}/of/{AskQuote.day}
    query: {unit: AskQuote.unit, exact: {literal: true}}
    headers: {accept-language: 'en "GB"'}
    body: {amount: AskQuote.amount, at: AskQuote.at, source: {literal: mesh}}
    timeout: 5s
    expected: [200, 201]
    response: {rate: float, note: "str | None", bank: Bank}
    output:
      QuoteGiven: {quote_id: AskQuote.quote_id, rate: response.rate, note: response.note, city: response.bank.city,
                   status: status}
  - handler: store
    type: postgres
    statement: |
      INSERT INTO quotes (id, rate) VALUES ($1, $2)
      ON CONFLICT (id) DO UPDATE SET rate = EXCLUDED.rate
    parameters: [StoreQuote.quote_id, StoreQuote.rate]
  - handler: store
    type: postgres
    statement: "SELECT count(*) AS stored, max(rate) AS best FROM quotes WHERE rate >= $1 OR id = 'it''s \\"x\\"'"
    parameters: [{literal: 0.5}]
    rows: one
    columns: {stored: int, best: "float | None"}
    output: {QuoteStored: {quote_id: StoreQuote.quote_id, stored: row.stored, best: row.best}}
  - handler: find
    type: postgres
    statement: SELECT id, rate FROM quotes ORDER BY id
    rows: many
    columns: {id: str, rate: float}
    output: {QuotesFound: {search_id: FindQuotes.search_id, ids: rows.id, rates: rows.rate}}
  - {handler: write, type: file, operation: write, path: "{WriteQuote.day}/{WriteQuote.quote_id}.txt",
     content: WriteQuote.text}
  - {handler: write, type: file, operation: append, path: log.txt, content: WriteQuote.text}
  - {handler: write, type: kafka, message: {QuoteLogged: {quote_id: WriteQuote.quote_id, by: {literal: log}}}}
  - handler: read
    type: file
    operation: read
    path: "{ReadQuote.day}/{ReadQuote.quote_id}.txt"
    output: {QuoteRead: {quote_id: ReadQuote.quote_id, text: file.content}}
  - {handler: forget, type: file, operation: delete, path: "{ForgetQuote.day}/{ForgetQuote.quote_id}.txt"}
definitions:
  models:
    Bank: {fields: {city: str}}
    AskQuote:
      key: quote_id
      fields: {quote_id: str, day: date, unit: str, amount: float, at: datetime}
    QuoteGiven: {key: quote_id, fields: {quote_id: str, rate: float, note: "str | None", city: str, status: int}}
    StoreQuote: {key: quote_id, fields: {quote_id: str, rate: float}}
    QuoteStored: {key: quote_id, fields: {quote_id: str, stored: int, best: "float | None"}}
    FindQuotes: {key: search_id, fields: {search_id: str}}
    QuotesFound: {key: search_id, fields: {search_id: str, ids: "list[str]", rates: "list[float]"}}
    WriteQuote: {key: quote_id, fields: {quote_id: str, day: date, text: str}}
    QuoteWritten: {key: quote_id, fields: {quote_id: str}}
    QuoteLogged: {key: quote_id, fields: {quote_id: str, by: str}}
    ReadQuote: {key: quote_id, fields: {quote_id: str, day: date}}
    QuoteRead: {key: quote_id, fields: {quote_id: str, text: str}}
    ForgetQuote: {key: quote_id, fields: {quote_id: str, day: date}}
"""
REPLY = json.dumps({"rate": 1.25, "note": None, "bank": {"city": "Oslo"}}).encode()


@pytest.fixture(scope="session")  # tests of other modules run between, and a module is imported once
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("operations")
    for name, content in {**package_files(CONTRACT), **case_files(CONTRACT)}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root / "node_quote_store_effect" / "v1_0_0"


class Quotes:
    """The node with its servers."""

    def __init__(self, mesh: MeshDriver, bank: Receiver, files: Path) -> None:
        self.mesh, self.bank, self.files = mesh, bank, files
        self._models = mesh.nodes[0].models

    def send(self, name: str, **fields: object) -> dict[str, dict[str, object]]:
        """Send a message and return what it led to: the fields by message, or the dead letter."""
        sent = self.mesh.send(self._models[name].model_validate(fields))
        found: dict[str, dict[str, object]] = {}
        for model in self.mesh.nodes[0].outputs:
            for message in self.mesh.published(model, sent):
                found[model.__name__] = message.model_dump(mode="json")
        if not found and self.mesh.dead_letters():
            letter = self.mesh.dead_letter_of(sent)
            return {"dead letter": {"class": letter["onex-dlq-class"], "message": letter["onex-dlq-message"]}}
        return found


@pytest.fixture
def quotes(
    folder: Path, postgres: LocalPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Quotes]:
    url = postgres.start()

    async def tables() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(
            "DROP TABLE IF EXISTS quotes; CREATE TABLE quotes (id text PRIMARY KEY, rate float8)"
        )
        await connection.close()

    asyncio.run(tables())
    with Receiver((200, {}, REPLY)).running() as bank:
        monkeypatch.setenv("QUOTE_BANK", bank.url)
        monkeypatch.setenv("QUOTE_FILES", str(tmp_path / "files"))
        environment = AgentEnvironment(database_url=url, home=tmp_path)
        mesh = MeshDriver([folder], virtual_time=False, environment=environment)
        yield Quotes(mesh, bank, tmp_path / "files")
        mesh.close()


ASKED = {"quote_id": "a/b?c", "day": "2026-01-02", "unit": "kg & g", "amount": 2.5, "at": "2026-01-02T10:00:00Z"}


def test_a_request_has_the_values_of_the_message(quotes: Quotes) -> None:
    given = quotes.send("AskQuote", **ASKED)
    assert given == {
        "QuoteGiven": {"quote_id": "a/b?c", "rate": 1.25, "note": None, "city": "Oslo", "status": 200},
    }
    (request,) = quotes.bank.requests
    path, _, query = request.path.partition("?")
    assert path == "/quotes/a%2Fb%3Fc/of/2026-01-02"
    assert sorted(query.split("&")) == ["exact=true", "unit=kg+%26+g"]
    assert json.loads(request.body) == {"amount": 2.5, "at": "2026-01-02T10:00:00Z", "source": "mesh"}
    assert request.headers["accept-language"] == 'en "GB"'


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((204, {}, b""), "does not expect"),
        ((200, {}, b"[]"), "there is no object with a field rate"),
        ((200, {}, b"{}"), "there is no field rate"),
        ((200, {}, b'{"rate": "much"}'), "rate: float"),
    ],
)
def test_a_response_that_the_contract_does_not_describe_is_refused(
    quotes: Quotes, reply: tuple[int, dict[str, str], bytes], words: str
) -> None:
    quotes.bank.responses = [reply]
    letter = quotes.send("AskQuote", **ASKED)["dead letter"]
    assert letter["class"] == "rejected"
    assert words in str(letter["message"])


def test_requests_go_through_the_circuit_of_their_service(folder: Path) -> None:
    tree = ast.parse((folder / "node.py").read_text())
    guards = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncWith) and "circuit" in ast.unparse(node)]
    (guard,) = guards
    assert ast.unparse(guard.items[0]) == "self.bank_circuit.guard()"
    (request,) = guard.body
    assert ast.unparse(request).startswith("response = await self.http_client.request('POST', 'bank'")


def test_statements_of_a_handler_are_one_transaction(quotes: Quotes) -> None:
    assert quotes.send("StoreQuote", quote_id="it's", rate=2.5) == {
        "QuoteStored": {"quote_id": "it's", "stored": 1, "best": 2.5}
    }
    assert quotes.send("StoreQuote", quote_id="b", rate=0.25) == {
        "QuoteStored": {"quote_id": "b", "stored": 1, "best": 2.5}
    }
    assert quotes.send("FindQuotes", search_id="s") == {
        "QuotesFound": {"search_id": "s", "ids": ["b", "it's"], "rates": [0.25, 2.5]}
    }


def test_another_number_of_rows_rejects_the_message_and_undoes_its_statements(
    postgres: LocalPostgres, tmp_path_factory: pytest.TempPathFactory, quotes: Quotes
) -> None:
    root = tmp_path_factory.mktemp("rows")
    text = CONTRACT.replace("node_quote_store_", "node_quote_rows_")
    text = text.replace("SELECT count(*) AS stored, max(rate)", "SELECT 1 AS stored, rate")
    for name, content in package_files(text).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    environment = AgentEnvironment(database_url=postgres.start(), home=root)
    mesh = MeshDriver([root / "node_quote_rows_effect" / "v1_0_0"], virtual_time=False, environment=environment)
    rows = Quotes(mesh, quotes.bank, root)
    letter = rows.send("StoreQuote", quote_id="c", rate=0.25)["dead letter"]
    mesh.close()
    assert (letter["class"], "more or fewer rows than one" in str(letter["message"])) == ("rejected", True)
    assert quotes.send("FindQuotes", search_id="s")["QuotesFound"]["ids"] == []


def test_files_are_written_read_and_deleted(quotes: Quotes) -> None:
    quote = {"quote_id": "x y", "day": "2026-01-02"}
    assert quotes.send("WriteQuote", **quote, text="grüße") == {
        "QuoteWritten": {"quote_id": "x y"},
        "QuoteLogged": {"quote_id": "x y", "by": "log"},
    }
    assert (quotes.files / "2026-01-02" / "x%20y.txt").read_text() == "grüße"
    assert quotes.send("ReadQuote", **quote) == {"QuoteRead": {"quote_id": "x y", "text": "grüße"}}
    assert quotes.send("ForgetQuote", **quote) == {}
    letter = quotes.send("ReadQuote", **quote)["dead letter"]
    assert (letter["class"], "there is no file" in str(letter["message"])) == ("rejected", True)
    assert (quotes.files / "log.txt").read_text() == "grüße"


@pytest.mark.parametrize("quote_id", ["..", "."])
def test_a_value_never_leaves_its_part_of_a_path(quotes: Quotes, quote_id: str) -> None:
    letter = quotes.send("ReadQuote", quote_id="../../etc", day="2026-01-02")["dead letter"]
    assert "there is no file" in str(letter["message"])
    letter = quotes.send("AskQuote", **{**ASKED, "quote_id": quote_id})["dead letter"]
    assert letter["class"] == "rejected"
    assert quotes.bank.requests == []
