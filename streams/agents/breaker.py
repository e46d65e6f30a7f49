"""The breaker (熔断): when most of what comes cannot be taken in, the fault is more likely ours than every sender's.

A wrong partitioner makes nearly every record MISROUTED, a schema that is missing here makes all of one source UNKNOWN_SCHEMA. Filling
``dead-letter`` with them would be a wrong verdict on each; so the worker ends, commits nothing of it, and says what it saw.
"""

from __future__ import annotations

from collections import Counter

from streams.errors import MostRefused


class Breaker:
    """Looks at the latest records of a worker.

    Parameters
    ----------
    share
        Refused records among them that are too many; 1: never.
    records
        How many there must be for a share to mean anything.
    """

    def __init__(self, share: float, records: int) -> None:
        self._share, self._records = share, records
        self._seen = 0
        self._refused: Counter[str] = Counter()

    def refused(self, reason: str) -> None:
        """One of the records could not be taken in."""
        self._refused[reason] += 1

    def look(self, records: int) -> None:
        """So many records came, those that were refused among them.

        Raises
        ------
        MostRefused
            There were too many.
        """
        self._seen += records
        if self._seen < self._records:
            return
        refused = self._refused.total()
        if refused > self._share * self._seen:
            (reason, count), *_ = self._refused.most_common(1)
            raise MostRefused(
                f"最近 {self._seen} 条中有 {refused} 条收不下，其中 {reason} {count} 条。多半是设置有误（分区算法、分区数、schema 版本），"
                "而不是来源；已停止，没有提交。确是来源有误时，以 worker.dead_letter_share=1 启动，全部写入死信。"
                " Most records are refused, which points at our settings; nothing was committed."
                " If the senders are wrong indeed, start with worker.dead_letter_share=1."
            )
        # Half of what was seen counts on, so that the latest records weigh most.
        self._seen //= 2
        self._refused = Counter({reason: count // 2 for reason, count in self._refused.items()})
