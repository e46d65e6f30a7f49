"""Items (权力事项): one owner for each, in the partition of its key, who audits its configuration and tells what is wrong.

What an owner cannot see is whether some case of another partition found its item unregistered. So partitions tell, on
``item-use``, when their first such case of an item appears and when the last one goes; the record is absolute for its partition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from streams.agents.publishing import Publisher
from streams.agents.tables import ITEM_TABLE
from streams.contracts import ITEM_USE, codec
from streams.domain.configuration import Auditor, ItemState
from streams.domain.coverage import UNREGISTERED, Bucket
from streams.domain.findings import Cause, mark_backfill, publications
from streams.domain.items import parse_item
from streams.domain.policy import Policy
from streams.domain.reference import Reference, item_key
from streams.domain.time import day_of
from streams.runtime.job import Work


class ItemDesk:
    """Keeps the table of items.

    Parameters
    ----------
    use_topic
        ``item-use`` on the broker.
    home
        Partition of a key.
    """

    def __init__(self, *, reference: Reference, policy: Policy, publisher: Publisher, use_topic: str, home: Callable[[bytes], int]) -> None:
        self._reference, self._policy, self._publisher = reference, policy, publisher
        self._auditor = Auditor(reference, policy)
        self._use_topic, self._home = use_topic, home
        self._uses = codec(ITEM_USE)

    def tell_owners(self, work: Work, changed: Iterable[tuple[Bucket, int]]) -> None:
        """Tell the owners of items that this partition has unregistered cases of them now, or no longer."""
        for bucket, count in changed:
            key = item_key(bucket.unit_code, bucket.item_code).encode()
            use = {"unit_code": bucket.unit_code, "item_code": bucket.item_code, "input_partition": work.partition, UNREGISTERED: count}
            work.emit(self._use_topic, key, self._uses.encode(use), partition=self._home(key))

    def take_uses(self, work: Work, records: Iterable[Any]) -> None:
        """Take in what partitions told; the last word of each counts."""
        uses: dict[bytes, dict[int, dict[str, Any]]] = {}
        heard: dict[bytes, int] = {}
        for record in records:
            use = self._uses.decode(record.value)
            key = item_key(use["unit_code"], use["item_code"]).encode()
            uses.setdefault(key, {})[use["input_partition"]] = use
            heard[key] = record.offset
        keys = list(uses)
        for key, before in zip(keys, ITEM_TABLE.get_many(work, keys), strict=True):
            told = uses[key]
            use = next(iter(told.values()))
            having = set(before["unregistered_in"] if before else ()) - told.keys()
            having |= {partition for partition, use in told.items() if use[UNREGISTERED]}
            place = use["unit_code"], parse_item(use["item_code"]).code
            self._settle(work, key, place, having, before, heard=heard[key])

    def revisit(self, work: Work, keys: Sequence[bytes]) -> None:
        """Audit items again; those of other partitions, and those that no row and no case knows, are passed over."""
        own = [key for key in keys if self._home(key) == work.partition]
        for key, before in zip(own, ITEM_TABLE.get_many(work, own), strict=True):
            place = (before["unit_code"], before["item_code"]) if before else self._reference.place_of(key.decode())
            if place:
                self._settle(work, key, place, before["unregistered_in"] if before else (), before)

    def _settle(
        self,
        work: Work,
        key: bytes,
        place: tuple[str, str],
        having: Iterable[int],
        before: ItemState | None,
        *,
        heard: int | None = None,
    ) -> None:
        now_ms = work.now_ms
        state = self._auditor.audit(*place, sorted(having), now_ms)
        mark_backfill(before, state, self._policy, now_ms)
        if state == before:
            return
        ITEM_TABLE.put(work, key, state)
        # Partitions may come to have cases of an item again after they had none: only the record that says so tells the two apart.
        basis = [self._reference.item_basis(*place, now_ms), state["unregistered_in"], heard, self._policy.fingerprint, work.epoch]
        cause = Cause(basis, partial(self._reference.waivers.basis, day=day_of(now_ms)))
        for told in publications(key.decode(), before, state, cause):
            self._publisher.tell(work, key, told)
