"""Stores keep text by key, drop what was used longest ago, and never fall over."""

import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import warnings

import pytest
from kept_answers import Trap, put_and_get

from llmlab.caching import results, stores
from llmlab.caching.disk import Disk

PROCESS = """
import sys
from kept_answers import put_and_get
from llmlab.caching.stores import Disk
print("ready", flush=True)
with Disk(sys.argv[1], 500) as store:
    put_and_get(store, "theirs")
"""


@pytest.fixture(params=["memory", "disk"])
def make(request, tmp_path):
    """Give what makes an empty store of a capacity."""
    made = []

    def store(capacity=3):
        if request.param == "memory":
            return stores.Memory(capacity)
        made.append(Disk(tmp_path / f"{len(made)}.db", capacity))
        return made[-1]

    yield store
    for one in made:
        one.close()


@pytest.fixture
def disk(tmp_path):
    with Disk(tmp_path / "results.db", 10) as store:
        yield store


def fill(store, keys="abcd"):
    for key in keys:
        store.put(key, f"text of {key}")


def held(store, keys="abcdefg"):
    """Return which keys are held, without a use of those that are not."""
    return "".join(key for key in keys if store.get(key) is not None)


def test_a_text_comes_back_and_goes(make):
    store = make()
    assert store.get("a") is None and len(store) == 0
    store.put("a", "é\n\x00")
    store.put("b", "")
    assert store.get("a") == "é\n\x00" and store.get("b") == ""
    store.put("a", "new")
    assert store.get("a") == "new" and len(store) == 2
    store.delete("a")
    store.delete("a")
    assert store.get("a") is None and len(store) == 1


def test_what_was_put_longest_ago_goes_first(make):
    store = make(3)
    fill(store, "abcd")
    assert held(store) == "bcd" and len(store) == 3


def test_a_use_makes_a_text_stay(make):
    store = make(3)
    fill(store, "abc")
    assert store.get("a") == "text of a"
    fill(store, "d")
    assert held(store) == "acd"


def test_a_text_put_again_takes_no_other_place(make):
    store = make(3)
    fill(store, "abca")
    assert held(store) == "abc"
    store = make(3)
    fill(store, "abcad")
    assert held(store) == "acd", "and counts as used"


def test_a_capacity_of_one_holds_one(make):
    store = make(1)
    fill(store)
    assert held(store) == "d"


def test_threads_share_a_store(make):
    store, errors = make(1000), []

    def work(name):
        try:
            for number in range(50):
                store.put(f"{name}{number}", name)
                assert store.get(f"{name}{number}") == name
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors and len(store) == 200


def test_a_file_keeps_texts_and_their_order(tmp_path):
    with Disk(tmp_path / "a.db", 3) as store:
        fill(store, "abc")
        store.get("a")
    with Disk(tmp_path / "a.db", 3) as store:
        fill(store, "d")
        assert held(store) == "acd"
    with Disk(tmp_path / "a.db", 2) as store:
        fill(store, "e")
        assert held(store) == "de", "less room now, the order of uses as it was"


def test_two_connections_of_one_file_see_each_other(tmp_path):
    with Disk(tmp_path / "a.db", 3) as one, Disk(tmp_path / "a.db", 3) as other:
        fill(one, "abc")
        assert other.get("a") == "text of a"
        fill(other, "d")
        assert held(one) == "acd"


def test_two_processes_share_one_file(tmp_path):
    path = tmp_path / "a.db"
    other = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with other, Disk(path, 500) as store, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert other.stdout.readline() == "ready\n"
        put_and_get(store, "ours")
        assert other.wait(120) == 0
        assert len(store) == 201
        for name in ("ours", "theirs"):
            texts = [store.get(f"{name}-{number}") for number in range(100)]
            assert texts == [str(number) for number in range(100)]


@pytest.mark.parametrize("kept", [1, 40, 99, 100, 4096, 6000, 20_000])
def test_a_file_that_was_cut_is_set_aside(tmp_path, kept):
    path = tmp_path / "a.db"
    with Disk(path, 100) as store:
        for number in range(100):
            store.put(str(number), "x" * 400)
    os.truncate(path, kept)
    for _ in range(2):  # and the new one stays
        with Disk(path, 100) as store, warnings.catch_warnings():
            warnings.simplefilter("error")
            store.put("a", "b")
            assert store.get("a") == "b" and len(store) == 1
    assert (tmp_path / "a.db.damaged").stat().st_size == kept


def test_an_empty_file_is_a_new_one(tmp_path):
    (tmp_path / "a.db").touch()
    with Disk(tmp_path / "a.db", 3) as store:
        fill(store, "a")
        assert held(store) == "a"
    assert not (tmp_path / "a.db.damaged").exists()


def test_a_file_that_is_damaged_later_is_misses_and_one_warning(tmp_path):
    path, text = tmp_path / "a.db", "x" * 40_000  # more than SQLite remembers
    with Disk(path, 100) as store:
        for number in range(100):
            store.put(str(number), text)
    with Disk(path, 100) as store:
        with open(path, "r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (path.stat().st_size - 4096))
        with pytest.warns(RuntimeWarning, match=r"a\.db fails .* as a miss") as warned:
            for number in range(100):
                store.put(str(number), "y")
                store.get(str(number))
        assert len(warned) == 1
    with Disk(path, 100) as store:
        store.put("a", "b")
        assert store.get("a") == "b" and len(store) == 1


@pytest.mark.parametrize(
    "content", [b"my thesis", b"SQLite is a database", b"\x80\x04"]
)
def test_a_file_of_somebody_else_is_refused_and_stays(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match="holds something that is no cache of llmlab"):
        Disk(tmp_path / "a", 3)
    assert (tmp_path / "a").read_bytes() == content


def test_a_database_of_somebody_else_is_refused_and_stays(tmp_path):
    connection = sqlite3.connect(tmp_path / "a")
    connection.execute("CREATE TABLE thesis (chapter TEXT)")
    connection.close()
    before = (tmp_path / "a").read_bytes()
    with pytest.raises(ValueError, match="choose a path that is free"):
        Disk(tmp_path / "a", 3)
    assert (tmp_path / "a").read_bytes() == before


@pytest.mark.parametrize("value", [b"\xff\x00", 3, None, 0.5, b"\x80\x04K\x01."])
def test_foreign_values_in_a_file_are_misses(disk, value):
    disk.put("a", "text")
    connection = sqlite3.connect(disk.path)
    connection.execute("UPDATE entries SET text = ?", (value,))
    connection.commit()
    connection.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert results.ResultCache(disk).get("a", "missed") == "missed"
        disk.put("a", "text")
        assert disk.get("a") == "text"


def test_a_pickle_is_a_miss_and_is_not_run(disk, tmp_path):
    trap = pickle.dumps(Trap(tmp_path / "sprung"))
    disk.put("a", "text")
    for value in (trap, trap.decode("latin-1")):
        connection = sqlite3.connect(disk.path)
        connection.execute("UPDATE entries SET text = ?", (value,))
        connection.commit()
        connection.close()
        assert results.ResultCache(disk).compute("a", lambda: 1) == 1
    assert not (tmp_path / "sprung").exists()
    pickle.loads(trap)
    assert (tmp_path / "sprung").exists(), "it would have told"


def test_ctrl_c_within_a_change_leaves_the_file_usable(disk):
    def interrupted(run):
        run("DELETE FROM entries")
        raise KeyboardInterrupt

    fill(disk, "ab")
    with pytest.raises(KeyboardInterrupt):
        disk._changed(interrupted, None)
    assert held(disk) == "ab", "all of a change, or nothing"
    disk._connection.execute("BEGIN IMMEDIATE")  # as if it came just behind this
    disk._connection.execute("DELETE FROM entries")
    assert held(disk) == "ab"


def test_who_asks_a_closed_file_is_told(tmp_path):
    store = Disk(tmp_path / "a.db", 3)
    store.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        store.get("a")


def test_another_writer_that_stays_is_a_miss_and_not_an_error(disk):
    fill(disk, "a")
    disk._connection.execute("PRAGMA busy_timeout = 50")
    writer = sqlite3.connect(disk.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.warns(RuntimeWarning, match="locked"):
        assert disk.get("a") is None
    writer.rollback()
    writer.close()
    assert disk.get("a") == "text of a"


def test_whatever_holds_texts_by_key_is_a_store():
    for kind in (stores.Memory, stores.Disk, stores.Redis):
        verbs = {name for name in vars(stores.Store) if name[0] != "_"}
        assert verbs == {"get", "put", "delete"} and verbs <= {*dir(kind)}
        assert hasattr(kind, "__len__") and isinstance(kind.outlives, bool)
