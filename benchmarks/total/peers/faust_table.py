"""faust-streaming: an agent over events with a table of totals and its changelog."""

import faust

from benchmarks.field.job import Job
from benchmarks.peer.faust_app import app_of
from benchmarks.peer.wire import decoder, encoder, headers_for, now
from benchmarks.total.peers.amount import Amount, Total


def main() -> None:
    """Until SIGTERM, which faust's worker handles itself."""
    job = Job.given()
    decode, encode, headers_of = decoder(job, Amount), encoder(job), headers_for(job)
    app = app_of(job, topic_partitions=4)
    source = app.topic(job.input, value_type=bytes, key_type=bytes)
    target = app.topic(job.output, value_type=bytes, key_type=bytes)
    totals = app.Table("totals", key_type=str, value_type=list, partitions=4)

    @app.agent(source)
    async def add(stream: faust.StreamT) -> None:
        async for event in stream.events():
            amount = decode(event.value)
            kept = totals.get(amount.account) or (0, 0)
            total, count = kept[0] + amount.value, kept[1] + 1
            totals[amount.account] = [total, count]
            given = list(event.headers.items()) if isinstance(event.headers, dict) else event.headers
            value = encode(Total(account=amount.account, total=total, count=count))
            await target.send(key=event.key, value=value, headers=headers_of(given, event.key, now()))

    faust.Worker(app, loglevel="INFO").execute_from_commandline()


if __name__ == "__main__":
    main()
