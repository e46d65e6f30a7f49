"""Reference data and policy reach the keys they touch, and the progress says when."""

from __future__ import annotations

import pytest

from tests.runtime.harness import Pairs, wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
SLICES = {"revisit_limit": 20}


def factors_done(pairs: Pairs) -> bool:
    """Whether every partition has done all revisits, judged by what is committed alone."""
    end = pairs.ends("factors")[pairs.topic("factors"), 0]
    return all(at.reference.get(pairs.topic("factors")) == (end,) for at in pairs.progress().values())


def test_a_reference_change_revisits_its_keys_and_no_others(pairs: Pairs) -> None:
    """While the worker runs, and for a change that came while none did."""
    pairs.feed(range(1_000), ())
    first = pairs.worker(reference=True, settings=SLICES)
    pairs.wait_caught_up()
    pairs.set_factor("u3", 5)
    wait_for(lambda: factors_done(pairs), 15, "revisits done")
    assert {state["factor"] for state in pairs.states().values() if state["unit"] == "u3"} == {5}
    assert {state["factor"] for state in pairs.states().values() if state["unit"] != "u3"} == {1}
    visited = first.last()["revisited"]
    assert visited >= sum(state["unit"] == "u3" for state in pairs.states().values())
    assert first.stop() == 0

    pairs.set_factor("u4", 7)
    second = pairs.worker(reference=True, settings=SLICES)
    wait_for(lambda: factors_done(pairs), 15, "revisits done")
    assert {state["factor"] for state in pairs.states().values() if state["unit"] == "u4"} == {7}
    assert second.last()["revisited"] <= sum(state["unit"] == "u4" for state in pairs.states().values())


def test_reference_topics_made_anew_are_taken_in_from_their_beginning_and_every_key_is_evaluated_again(pairs: Pairs) -> None:
    """They end where the former ones did, and other rows stand there; one that is gone had touched keys, too."""
    pairs.feed(range(200), ())
    pairs.set_factor("u1", 5)
    pairs.set_factor("u2", 7)
    first = pairs.worker(reference=True)
    wait_for(lambda: factors_done(pairs), 30, "revisits done")
    assert first.stop() == 0
    pairs.recreate("factors")
    pairs.set_factor("u1", 6)
    pairs.set_factor("u3", 8)
    pairs.worker(reference=True)
    pairs.wait_caught_up()
    expected = dict.fromkeys((f"u{number}" for number in range(7)), 1) | {"u1": 6, "u3": 8}
    wait_for(lambda: {state["unit"]: state["factor"] for state in pairs.states().values()} == expected, 30, "every key evaluated again")


def test_another_fingerprint_revisits_every_key(pairs: Pairs) -> None:
    """The new fingerprint is committed only when the last key is done."""
    pairs.feed(range(1_000), ())
    first = pairs.worker(fingerprint="1")
    pairs.wait_caught_up()
    assert first.stop() == 0
    pairs.worker(fingerprint="2", settings=SLICES)
    wait_for(lambda: {at.fingerprint for at in pairs.progress().values()} == {"2"}, 20, "the new fingerprint committed")
    assert {state["rules"] for state in pairs.states().values()} == {"2"}


def test_a_policy_that_comes_back_is_another_epoch(pairs: Pairs) -> None:
    """What is told again then must not pass for what was told the first time; a restart alone begins no epoch."""
    epochs = []
    for fingerprint in ("1", "1", "2", "1"):
        pairs.feed(range(100), ())
        worker = pairs.worker(fingerprint=fingerprint)
        pairs.wait_caught_up()
        wait_for(lambda wanted={fingerprint}: {at.fingerprint for at in pairs.progress().values()} == wanted, 20, "committed")
        epochs.append({at.epoch for at in pairs.progress().values()})
        assert worker.stop() == 0
    assert epochs == [{0}, {0}, {1}, {2}]


def test_state_committed_under_another_identity_is_refused(pairs: Pairs) -> None:
    """It rests on a key, say, that this worker does not have; whoever has it goes on as if nothing had been."""
    pairs.feed(range(500), range(500))
    first = pairs.worker("w1", identity="a")
    pairs.wait_caught_up()
    assert first.stop() == 0
    pairs.feed(range(500, 1_000), range(500, 1_000))
    pairs.worker("w2", identity="b")
    refused = pairs.workers.pop()
    assert refused.ended() == 3
    assert "was committed under a, not b" in refused.tail()
    pairs.worker("w1", identity="a")
    pairs.wait_caught_up()
    assert pairs.wrongs() == []


def test_each_slice_is_a_transaction(pairs: Pairs) -> None:
    """One for all would lose everything to a kill."""
    pairs.feed(range(1_000), ())
    first = pairs.worker(fingerprint="1")
    pairs.wait_caught_up()
    assert first.stop() == 0
    second = pairs.worker(fingerprint="2", settings={"revisit_limit": 80})
    partitions = len(pairs.progress())
    wait_for(lambda: {at.fingerprint for at in pairs.progress().values()} == {"2"}, 20, "the new fingerprint committed")
    wait_for(lambda: second.last()["revisited"] == len(pairs.states()), 15, "every key told of")
    assert 1_000 / 80 <= second.last()["transactions"] <= 1_000 / 80 + partitions
