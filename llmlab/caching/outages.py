"""A store that fails costs time, never the answer: one warning, then misses."""

import threading
import warnings


class Outage:
    """Says once that a store fails, however many threads notice it."""

    def __init__(self, store: str):
        """Begin with nothing said; `store` is what the warning calls it."""
        self.store = store
        self._told = False
        self._lock = threading.Lock()

    def tell(self, error: Exception) -> None:
        """Warn, the first time; later failures are misses without a word."""
        with self._lock:
            told, self._told = self._told, True
        if not told:
            warnings.warn(
                f"{self.store} fails ({error}); what it is asked for counts as a miss "
                "and is computed again, until it answers.",
                RuntimeWarning,
                stacklevel=4,
            )
