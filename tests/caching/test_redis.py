"""Results on a real Redis server, which the tests start on loopback and stop."""

import os
import pickle
import shutil
import socket
import subprocess
import time
import warnings

import pytest
import redis
from kept_answers import Clock, Trap, many
from redis.backoff import NoBackoff
from redis.retry import Retry

from llmlab.caching import results
from llmlab.caching.stores import Redis

with_server = pytest.mark.redis


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def impatient(port, **options):
    """Return a client that tries once: by itself it would for seconds."""
    once = Retry(NoBackoff(), 0)
    return redis.Redis("127.0.0.1", port, socket_timeout=10, retry=once, **options)


class Server:
    """A redis-server that keeps nothing on disk."""

    def __init__(self, folder):
        self.port = free_port()
        self.command = [shutil.which("redis-server"), "--port", str(self.port)]
        self.command += ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.command += ["--dir", str(folder), "--logfile", str(folder / "log")]
        self.client = impatient(self.port)
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command)
        for _ in range(300):
            try:
                return self.client.ping()
            except redis.exceptions.RedisError:
                assert self.process.poll() is None, "it ended at once"
                time.sleep(0.1)
        raise TimeoutError("the server does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("redis"))
    yield running
    running.client.close()
    running.stop()


@pytest.fixture
def client(server):
    server.client.flushall()
    return server.client


@with_server
def test_a_text_comes_back_and_goes(client):
    store = Redis(client)
    assert store.get("a") is None and len(store) == 0
    store.put("a", "é\n\x00")
    store.put("b", "")
    assert store.get("a") == "é\n\x00" and store.get("b") == "" and len(store) == 2
    store.put("a", "new")
    assert store.get("a") == "new"
    store.delete("a")
    store.delete("a")
    assert store.get("a") is None and len(store) == 1


@with_server
def test_keys_stand_behind_the_prefix_and_others_do_not_count(client):
    client.set("theirs", "1")
    client.set("a?c:theirs", "1")
    client.set("abc:theirs", "1")
    one, other = Redis(client, prefix="a?c:"), Redis(client, prefix="[x]*:")
    one.put("k", "1")
    other.put("k", "2")
    assert (one.get("k"), other.get("k")) == ("1", "2")
    assert (len(one), len(other)) == (2, 1)
    assert client.get("a?c:k") == b"1"


@with_server
def test_a_client_that_decodes_does_as_well(server, client):
    with impatient(server.port, decode_responses=True) as decoding:
        store = Redis(decoding)
        store.put("a", "é")
        client.set("llmlab:bytes", b"\xff\xfe")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert store.get("a") == "é" and store.get("bytes") is None


@with_server
def test_answers_are_shared_by_caches(client):
    one, other = (results.ResultCache(Redis(client)) for _ in range(2))
    assert one.compute("k", lambda: [1, 2]) == other.compute("k", pytest.fail)
    assert (other.hits, other.misses) == (1, 0)


@with_server
def test_answers_end_after_their_time(client):
    clock = Clock()
    kept = results.ResultCache(Redis(client), ttl=5, clock=clock)
    kept.put("k", 1)
    clock.now = 4.9
    assert kept.get("k") == 1
    clock.now = 5
    assert kept.get("k") is None and len(kept.store) == 0


@with_server
def test_fifty_threads_compute_once(client):
    kept, calls = results.ResultCache(Redis(client)), []

    def slow():
        calls.append(1)
        time.sleep(0.2)
        return "once"

    assert many(lambda: kept.compute("k", slow)) == ["once"] * 50
    assert len(calls) == 1


@with_server
@pytest.mark.parametrize("value", [b"\xff\x00", b"", b"3", b"{}", b"\x80\x04K\x01."])
def test_bytes_of_others_are_a_miss(client, value):
    client.set("llmlab:k", value)
    kept = results.ResultCache(Redis(client))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kept.get("k", "missed") == "missed"
        assert kept.compute("k", lambda: 1) == kept.get("k") == 1


@with_server
def test_a_pickle_on_the_server_is_a_miss_and_is_not_run(client, tmp_path):
    client.set("llmlab:k", pickle.dumps(Trap(tmp_path / "sprung")))
    assert results.ResultCache(Redis(client)).compute("k", lambda: 1) == 1
    assert not os.path.exists(tmp_path / "sprung")


@with_server
def test_another_kind_of_value_is_a_miss_with_a_warning(client):
    client.lpush("llmlab:k", "a", "b")
    store = Redis(client)
    with pytest.warns(RuntimeWarning, match="the Redis server fails .*WRONGTYPE"):
        assert store.get("k") is None
    store.put("k", "text")
    assert store.get("k") == "text"


@with_server
def test_a_server_that_stops_is_misses_and_one_warning_until_it_is_back(tmp_path):
    server = Server(tmp_path)
    kept = results.ResultCache(Redis(server.client))
    kept.put("k", 1)
    server.stop()
    with pytest.warns(RuntimeWarning, match="the Redis server fails") as warned:
        assert kept.get("k", "missed") == "missed"
        assert kept.compute("k", lambda: 2) == 2
        assert len(kept.store) == 0
        kept.store.delete("k")
    assert len(warned) == 1
    server.start()
    try:
        assert kept.compute("k", lambda: 3) == 3 == kept.get("k")
    finally:
        server.client.close()
        server.stop()


def test_where_no_server_is_all_is_computed_and_told_once():
    with impatient(free_port()) as client:
        kept = results.ResultCache(Redis(client))
        with pytest.warns(RuntimeWarning, match=r"fails .* counts as a miss") as warned:
            assert [kept.compute("k", lambda: 1) for _ in range(3)] == [1, 1, 1]
        assert len(warned) == 1 and kept.misses == 3


def test_what_is_no_client_is_refused():
    with pytest.raises(ValueError, match=r"client='localhost' is no client of a Redis"):
        Redis("localhost")
