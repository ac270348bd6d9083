"""Where results are kept: in this process, in a file, or on a server for many.

A store holds text by key and nothing else. It unpickles nothing, because a pickle runs
code when it is read: whoever may write to the store would run programs here. What comes
back and is no text is a miss. Two of the three drop what was used longest ago (LRU);
the server has a rule of its own.
"""

import threading
from collections import OrderedDict
from typing import Any, Protocol

from llmlab.caching.disk import Disk
from llmlab.caching.outages import Outage
from llmlab.core import arguments
from llmlab.core.arguments import shown

__all__ = ["Disk", "Memory", "Redis", "Store"]


class Store(Protocol):
    """What a `ResultCache` keeps its texts in."""

    outlives: bool  # whether another process, or a later one, reads what is kept

    def get(self, key: str) -> str | None:
        """Return the text of a key, None where there is none."""
        ...

    def put(self, key: str, text: str) -> None:
        """Keep the text of a key, in place of an older one."""
        ...

    def delete(self, key: str) -> None:
        """Forget a key; one that is not there is fine."""
        ...

    def __len__(self) -> int:
        """Return how many keys there are."""
        ...


class Memory:
    """Texts of this process: the fastest, gone at its end.

    capacity: keys at most; the one used longest ago goes first.
    """

    outlives = False

    def __init__(self, capacity: int):
        self.capacity = arguments.whole("capacity", capacity, least=1)
        self._texts: OrderedDict[str, str] = OrderedDict()  # used longest ago first
        self._lock = threading.Lock()

    def get(self, key: str) -> str | None:
        """Return the text of a key, which counts as used now; None: a miss."""
        with self._lock:
            if key not in self._texts:
                return None
            self._texts.move_to_end(key)
            return self._texts[key]

    def put(self, key: str, text: str) -> None:
        """Keep a text; above the capacity, what was used longest ago goes."""
        with self._lock:
            self._texts[key] = text
            self._texts.move_to_end(key)
            while len(self._texts) > self.capacity:
                self._texts.popitem(last=False)

    def delete(self, key: str) -> None:
        """Forget a key; one that is not there is fine."""
        with self._lock:
            self._texts.pop(key, None)

    def __len__(self) -> int:
        with self._lock:
            return len(self._texts)


class Redis:
    """Texts on a Redis server, which many machines may share.

    client: such as `redis.Redis()`; how long it waits for a server that is down, and
    how often it tries, is its affair (`socket_timeout`, `retry`). prefix: of all keys,
    so that others may use the server, too. How much is kept is the server's rule:
    `maxmemory`, and `maxmemory-policy allkeys-lru` for LRU. Where the server is down or
    says something else than text, there is one warning, and misses.
    """

    outlives = True

    def __init__(self, client: Any, *, prefix: str = "llmlab:"):
        from redis.exceptions import RedisError  # of the extra `serve`

        if not hasattr(client, "scan_iter"):
            raise ValueError(
                f"client={shown(client)} is no client of a Redis server; make one: "
                "redis.Redis(host='localhost')."
            )
        self.client, self.prefix = client, prefix
        self._outage = Outage("the Redis server")
        self._failures = (RedisError, OSError)

    def get(self, key: str) -> str | None:
        """Return the text of a key; None: a miss."""
        try:
            answer = self.client.get(self.prefix + key)
            return answer.decode() if isinstance(answer, bytes) else answer
        except UnicodeDecodeError:  # no text; a client may decode by itself
            return None
        except self._failures as error:
            self._outage.tell(error)
            return None

    def put(self, key: str, text: str) -> None:
        """Keep the text of a key, in place of an older one."""
        try:
            self.client.set(self.prefix + key, text)
        except self._failures as error:
            self._outage.tell(error)

    def delete(self, key: str) -> None:
        """Forget a key; one that is not there is fine."""
        try:
            self.client.delete(self.prefix + key)
        except self._failures as error:
            self._outage.tell(error)

    def __len__(self) -> int:
        """Count the keys of this prefix; the server walks through all it has."""
        pattern = "".join(f"\\{c}" if c in r"*?[]^\-" else c for c in self.prefix)
        try:
            return len(set(self.client.scan_iter(pattern + "*")))
        except self._failures as error:
            self._outage.tell(error)
            return 0
