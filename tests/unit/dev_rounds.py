"""A command of `onex dev` whose end a test scripts."""


class FakeRound:
    """A command that ends when the test says so."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.said: list[str] = []
        self.interrupted = self.killed = 0

    def poll(self) -> int | None:
        return self.code

    def lines(self) -> list[str]:
        said, self.said = self.said, []
        return said

    def interrupt(self) -> None:
        self.interrupted += 1

    def kill(self) -> None:
        self.killed += 1

    def end(self, code: int, *lines: str) -> None:
        self.code, self.said = code, [*lines]
