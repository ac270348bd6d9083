"""What tests of kept answers share: a clock, a trap, many who ask."""

import os
import threading


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Trap:
    """A pickle that tells when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def many(call, count=50):
    """Run `call` in threads that start together; return what each got or raised."""
    outcomes, gate = [None] * count, threading.Barrier(count)

    def run(place):
        gate.wait()
        try:
            outcomes[place] = call()
        except BaseException as error:
            outcomes[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
    return outcomes


def put_and_get(store, name):
    """Use a store that somebody else uses, too, and check what comes back."""
    for number in range(100):
        store.put(f"{name}-{number}", str(number))
        store.put("shared", name)
        assert store.get(f"{name}-{number}") == str(number)
        assert store.get("shared") in ("ours", "theirs")
