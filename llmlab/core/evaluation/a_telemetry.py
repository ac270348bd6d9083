"""Fixed-size ring buffer for telemetry samples, stored in a bytearray."""

import struct
import threading

SAMPLE = struct.Struct("<IHhf")  # milliseconds, channel, status, value
HEADER = struct.Struct("<4sHHI")  # magic, version, sample size, count
MAGIC = b"TLMR"
VERSION = 2


class CorruptDump(ValueError):
    pass


class TelemetryBuffer:
    """Keep the most recent samples and overwrite the oldest ones.

    :param capacity: number of samples
    """

    def __init__(self, capacity):
        if capacity <= 0:
            raise ValueError("capacity must be positive")
        self.capacity = capacity
        self._data = bytearray(capacity * SAMPLE.size)
        self._head = 0  # the slot that is written next
        self._count = 0
        self._lock = threading.Lock()

    def __len__(self):
        return self._count

    def push(self, millis, channel, value, status=0):
        with self._lock:
            SAMPLE.pack_into(
                self._data,
                self._head * SAMPLE.size,
                millis & 0xFFFFFFFF,
                channel,
                status,
                value,
            )
            self._head = (self._head + 1) % self.capacity
            self._count = min(self._count + 1, self.capacity)

    def __iter__(self):
        """Iterate over the samples from the oldest to the newest."""
        with self._lock:
            snapshot = bytes(self._data)
            first = (self._head - self._count) % self.capacity
            count = self._count
        for i in range(count):
            slot = (first + i) % self.capacity
            yield SAMPLE.unpack_from(snapshot, slot * SAMPLE.size)

    def mean(self, channel):
        """Return the mean value of a channel, or None without samples."""
        values = [value for _, c, status, value in self if c == channel and status >= 0]
        return sum(values) / len(values) if values else None

    def dump(self):
        """Return the whole buffer as bytes, oldest sample first."""
        body = [SAMPLE.pack(*sample) for sample in self]
        return HEADER.pack(MAGIC, VERSION, SAMPLE.size, len(body)) + b"".join(body)


def load(data):
    """Return the list of samples in a dump."""
    if len(data) < HEADER.size:
        raise CorruptDump("truncated header")
    magic, version, size, count = HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION or size != SAMPLE.size:
        raise CorruptDump("not a telemetry dump of version %d" % VERSION)
    if len(data) != HEADER.size + size * count:
        raise CorruptDump("expected %d samples" % count)
    return list(SAMPLE.iter_unpack(data[HEADER.size :]))
