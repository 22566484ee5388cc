"""Quix Streams: a stateful ``apply``."""

from quixstreams import State

from benchmarks.field.job import Job, stopped
from benchmarks.peer.quix import run
from benchmarks.peer.wire import decoder, encoder
from benchmarks.total.peers.amount import Amount, Total


def main() -> None:
    """Until SIGTERM, which the application handles itself."""
    job = Job.given()
    stopped()
    decode, encode = decoder(job, Amount), encoder(job)

    def add(value: bytes, state: State) -> bytes:
        amount = decode(value)
        total, count = state.get("total", 0) + amount.value, state.get("count", 0) + 1
        state.set("total", total)
        state.set("count", count)
        return encode(Total(account=amount.account, total=total, count=count))

    run(job, lambda frame: frame.apply(add, stateful=True))


if __name__ == "__main__":
    main()
