"""What ends a writing."""

from onex.errors import OnexError


class WriteError(OnexError):
    """The system refused a write. The text names the folder, its state, and the remedy."""

    def __init__(self, where: object, error: OSError, what: str = "nothing was changed") -> None:
        reason = error.strerror or str(error)
        super().__init__(f"{where}: {reason}; {what}: make room or allow writing there, and run this again")
