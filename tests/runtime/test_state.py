"""The local store and the overlay of a unit, without Kafka."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import ConfigurationError, EngineError
from streams.runtime import index
from streams.runtime.state import Changes, Identity, Store
from streams.runtime.unit import Unit

IDENTITY = Identity({"changelog": "id-1"}, "rules-1")
SHORT = st.binary(max_size=4).map(lambda found: found.replace(b"\x02", b"\x00").replace(b"\x03", b"\x01").replace(b"\x04", b"\xff"))


def put(unit: Unit, table: str, key: bytes, value: bytes) -> None:
    """Values are their terms, separated by commas."""
    unit.put(table, key, value, value.split(b",") if value else ())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store."""
    return Store(tmp_path / "store", IDENTITY)


def unit_over(store: Store) -> Unit:
    """Return a unit over a store."""
    return Unit(store=store, tables=("t", "other"), partition=0, now_ms=0, epoch=0, watermarks={})


def commit(store: Store, unit: Unit, position: int = 1) -> None:
    """Write a unit as if its transaction had committed."""
    store.write(unit.changes({"changelog": position}))


def test_a_unit_sees_its_own_puts_and_the_store_does_not_until_it_is_written(store: Store) -> None:
    """An overlay: nothing reaches the store before the transaction has committed."""
    unit = unit_over(store)
    put(unit, "t", b"k", b"a")
    assert unit.get_many("t", [b"k", b"none"]) == [b"a", None]
    assert unit_over(store).get_many("t", [b"k"]) == [None]
    commit(store, unit)
    assert unit_over(store).get_many("t", [b"k"]) == [b"a"]
    assert unit_over(store).get_many("other", [b"k"]) == [None]


def test_several_puts_of_a_key_become_one_change(store: Store) -> None:
    """The last put counts, in the store and in the changelog."""
    unit = unit_over(store)
    put(unit, "t", b"k", b"a")
    put(unit, "t", b"k", b"b")
    assert unit.size == 1
    assert unit.puts["t"] == {b"k": b"b"}


def test_the_changelog_may_get_another_form_than_the_store(store: Store) -> None:
    """What is got back is the value that was put, in the same unit and afterwards."""
    unit = unit_over(store)
    unit.put("t", b"k", b"value", [b"a"], b"record")
    assert unit.puts["t"] == {b"k": b"record"}
    assert unit.get_many("t", [b"k"]) == [b"value"]
    commit(store, unit)
    assert unit_over(store).get_many("t", [b"k"]) == [b"value"]


def test_a_changed_value_leaves_no_old_term_behind(store: Store) -> None:
    """Neither in the overlay nor, afterwards, in the store."""
    first = unit_over(store)
    put(first, "t", b"k", b"a,b")
    commit(store, first)
    second = unit_over(store)
    put(second, "t", b"k", b"b,c")
    assert second.scan(b"a", b"z", 10) == [(b"b", b"k"), (b"c", b"k")]
    put(second, "t", b"k", b"a")
    assert second.scan(b"a", b"z", 10) == [(b"a", b"k")]
    commit(store, second)
    assert unit_over(store).scan(b"", b"\xff", 10) == [(b"a", b"k")]


def test_a_scan_is_half_open_ordered_and_limited(store: Store) -> None:
    """Own puts and committed pairs follow the same rule."""
    unit = unit_over(store)
    for number in (5, 1, 4, 2, 3):
        put(unit, "t", b"k%d" % number, b"d" + struct.pack(">q", number))
    low, high = b"d" + struct.pack(">q", 2), b"d" + struct.pack(">q", 5)
    wanted = [(b"d" + struct.pack(">q", number), b"k%d" % number) for number in (2, 3, 4)]
    assert unit.scan(low, high, 10) == wanted
    commit(store, unit)
    assert unit_over(store).scan(low, high, 10) == wanted
    assert unit_over(store).scan(low, high, 2) == wanted[:2]
    assert unit_over(store).scan_after(low, high, wanted[0], 10) == wanted[1:]


@given(pairs=st.sets(st.tuples(SHORT, SHORT), max_size=20), low=SHORT, high=SHORT)
def test_the_index_keeps_the_order_of_pairs_whatever_the_bytes(pairs: set[tuple[bytes, bytes]], low: bytes, high: bytes) -> None:
    """Terms and keys may hold any byte, separators included."""
    positions = sorted(index.join(*pair) for pair in pairs)
    assert [index.split(position) for position in positions] == sorted(pairs)
    found = [index.split(position) for position in positions if index.bound(low) <= position < index.bound(high)]
    assert found == sorted(pair for pair in pairs if low <= pair[0] < high)


@given(value=SHORT, terms=st.lists(SHORT, max_size=4), others=st.lists(SHORT, max_size=4))
def test_an_entry_gives_back_its_value_and_its_terms_whatever_the_bytes(value: bytes, terms: list[bytes], others: list[bytes]) -> None:
    """And tells whether another has the same."""
    kept = index.entry(value, terms)
    assert index.value_of(kept) == value
    assert index.terms_of(kept) == terms
    assert index.positions_of(kept, b"k\x00\x01") == [index.join(term, b"k\x00\x01") for term in terms]
    assert index.same_terms(kept, index.entry(b"x", others)) == (terms == others)


@settings(max_examples=60)  # each example opens a RocksDB
@given(
    steps=st.lists(
        st.lists(
            st.tuples(st.sampled_from([b"k1", b"k2", b"k3"]), st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=3)), max_size=4
        ),
        max_size=8,
    )
)
def test_scans_agree_with_a_plain_model_through_any_history(tmp_path_factory: pytest.TempPathFactory, steps: list) -> None:
    """Includes what the store remembers about empty stretches, which is wrong if any write forgets to correct it."""
    store = Store(tmp_path_factory.mktemp("model") / "store", IDENTITY)
    model: dict[bytes, set[bytes]] = {}
    for step in steps:
        unit = unit_over(store)
        for key, found in step:
            put(unit, "t", key, b",".join(found))
            model[key] = set(found)
            for low, high in ((b"a", b"c"), (b"b", b"z")):
                wanted = sorted((term, key) for key, found in model.items() for term in found if low <= term < high)
                assert unit.scan(low, high, 100) == wanted
                assert unit.scan(low, high, 1) == wanted[:1]
        commit(store, unit)
    store.close()


def test_what_is_looked_at_all_the_time_is_remembered_among_many_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of hundreds of sources has a place where deadlines come and go; and a look at many others once puts none of them out."""
    walked: list[bytes] = []
    walk = Store._walk

    def watched(self: Store, start: bytes, end: bytes) -> Iterator[bytes]:
        walked.append(start)
        return walk(self, start, end)

    def look(term: bytes) -> bytes:
        walked.clear()
        assert list(store.scan(term, term + b"\xff")) == []
        return walked[0]

    monkeypatch.setattr(Store, "_walk", watched)
    sources = [b"source-%03d-" % number for number in range(300)]
    first = [look(source) for source in sources]
    for number in range(3_000):
        look(b"item-%d-" % number)
        if number % 600 == 0:
            assert all(look(source) > begin for source, begin in zip(sources, first, strict=True))


def test_keys_come_in_order_and_go_on_after_a_cursor(store: Store) -> None:
    """Tables do not run into each other."""
    unit = unit_over(store)
    for key in (b"b", b"a", b"c", b"a\x00"):
        put(unit, "t", key, b"")
    put(unit, "other", b"z", b"")
    commit(store, unit)
    assert store.keys("t", None, 3) == [b"a", b"a\x00", b"b"]
    assert store.keys("t", b"b", 3) == [b"c"]


def test_positions_survive_a_restart_and_another_identity_discards_everything(tmp_path: Path) -> None:
    """A store of another topic incarnation or other rules is worth nothing."""
    store = Store(tmp_path / "s", IDENTITY)
    unit = unit_over(store)
    put(unit, "t", b"k", b"a")
    commit(store, unit, 42)
    store.close()
    store = Store(tmp_path / "s", IDENTITY)
    assert store.position("changelog") == 42
    assert unit_over(store).get_many("t", [b"k"]) == [b"a"]
    store.close()
    for other in (Identity({"changelog": "id-2"}, "rules-1"), Identity({"changelog": "id-2"}, "rules-2")):
        store = Store(tmp_path / "s", other)
        assert store.position("changelog") is None
        assert store.get_many("t", [b"k"]) == [None]
        store.write(Changes({"t": {b"k": b"a"}}, positions={"changelog": 1}))
        store.close()


def test_a_tombstone_deletes(store: Store) -> None:
    """Value and index pair go together."""
    store.write(Changes({"t": {b"k": b"a"}}, added=[index.join(b"a", b"k")]))
    store.write(Changes({"t": {b"k": None}}, removed=[index.join(b"a", b"k")]))
    assert store.get_many("t", [b"k"]) == [None]
    assert list(store.scan(b"", b"\xff")) == []


def test_a_store_open_elsewhere_is_refused(store: Store) -> None:
    """RocksDB's lock becomes an error an operator can act on."""
    code = (
        "from pathlib import Path; from streams.runtime.state import Store, Identity; import sys\n"
        f"try: Store(Path({str(store.path)!r}), Identity({{'changelog': 'id-1'}}, 'rules-1'))\n"
        "except Exception as exc: print(type(exc).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == ConfigurationError.__name__, done.stderr


def test_a_store_that_cannot_be_read_is_made_anew(tmp_path: Path) -> None:
    """The changelog has everything a broken store had."""
    Store(tmp_path / "s", IDENTITY).close()
    for file in (tmp_path / "s").glob("CURRENT"):
        file.write_bytes(b"nonsense\n")
    store = Store(tmp_path / "s", IDENTITY)
    assert store.position("changelog") is None


def write_and_damage(path: Path, low: int, high: int) -> None:
    """Leave a store of three thousand keys in one file of which the bytes from ``low`` to ``high`` per mille are not what was written."""
    store = Store(path, IDENTITY)
    keys = [b"k%04d" % number for number in range(3_000)]
    values = {key: index.entry(os.urandom(100), ()) for key in keys}
    store.write(Changes({"t": values}, added=[index.join(b"a" + os.urandom(100), key) for key in keys], positions={"changelog": 7}))
    store._db.flush()
    store.close()
    file = max(path.glob("*.sst"), key=lambda each: each.stat().st_size)
    held = bytearray(file.read_bytes())
    begin, end = len(held) * low // 1000, len(held) * high // 1000
    held[begin:end] = os.urandom(end - begin)
    file.write_bytes(held)


def test_a_store_with_a_damaged_block_that_is_read_as_it_opens_is_made_anew(tmp_path: Path) -> None:
    """What RocksDB says of it has the word *block* in it, which has to do with no lock."""
    write_and_damage(tmp_path / "s", 990, 999)
    store = Store(tmp_path / "s", IDENTITY)
    assert store.position("changelog") is None


@pytest.mark.parametrize(
    ("use", "where"),
    [
        (lambda store: store.get_many("t", [b"k%04d" % number for number in range(3_000)]), 700),
        (lambda store: store.keys("t", None, 3_000), 700),
        (lambda store: list(store.scan(b"a", b"b")), 200),
    ],
    ids=["values", "keys", "index"],
)
def test_damage_met_in_use_ends_the_process_and_the_next_start_begins_with_nothing(
    tmp_path: Path, use: Callable[[Store], object], where: int
) -> None:
    """Such a file opens well; an answer that leaves out what cannot be read would be a wrong one."""
    write_and_damage(tmp_path / "s", where, where + 100)
    store = Store(tmp_path / "s", IDENTITY)
    assert store.position("changelog") == 7
    with pytest.raises(EngineError, match="made anew from the changelogs at the next start"):
        use(store)
    store.close()
    anew = Store(tmp_path / "s", IDENTITY)
    assert anew.position("changelog") is None
    commit(anew, unit_over(anew), 1)
    anew.close()
    assert Store(tmp_path / "s", IDENTITY).position("changelog") == 1
