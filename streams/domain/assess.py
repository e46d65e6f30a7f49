"""One case from facts to the state that is published: the verdict, and every finding that is open with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from streams.domain.calendar import WorkCalendar
from streams.domain.facts import CaseFacts
from streams.domain.finding import Finding, next_review_ms, recorded
from streams.domain.findings import archiving_findings
from streams.domain.policy import Policy
from streams.domain.quality import Digest, Quality
from streams.domain.reference import Reference
from streams.domain.time import day_of
from streams.domain.verdict import Judge, Moment, State


@dataclass(frozen=True, slots=True)
class Assessor:
    """All rules about cases, with what they rest on.

    Parameters
    ----------
    digest
        Keyed hash of texts, the same that made the hashes in the facts.
    """

    policy: Policy
    calendar: WorkCalendar
    reference: Reference
    digest: Digest
    _judge: Judge = field(init=False)
    _quality: Quality = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_judge", Judge(self.policy, self.calendar, self.reference))
        object.__setattr__(self, "_quality", Quality(self.reference, self.digest))

    def assess(self, case_no: str, facts: CaseFacts, moment: Moment, before: State | None = None) -> State:
        """State of a case at a moment, complete with findings and facts.

        Parameters
        ----------
        before
            The state that was published last.
        """
        state = self._judge.judge(case_no, facts, moment, before)
        found = list(self._findings(facts, state))
        day = day_of(moment.now_ms)
        state["findings"] = recorded(found, case_no, self.reference.waivers, day)
        state["review_at"] = next_review_ms(state["findings"], self.reference.waivers, day)
        state["open_anomalies"] = [finding["kind"] for finding in state["findings"]]
        state["facts"] = facts.dump()
        return state

    def basis(self, facts: CaseFacts, state: State) -> list[Any]:
        """What a state rests on besides time: events, reference rows, policy, and the word of its source."""
        time_ms = state["closed_at"] if state["closed_at"] is not None else (state["received_at"] or 0)
        rows = self.reference.basis(state["unit_code"], state["item_code"], time_ms)
        return [facts.version(), rows, state["feed_through"], self.policy.fingerprint]

    def _findings(self, facts: CaseFacts, state: State) -> Iterator[Finding]:
        closing = facts.closing
        if state["status"] != "EXCLUDED":
            yield from archiving_findings(facts, state)
            if closing is not None:
                yield from self._quality.findings(closing, facts)
        elif closing is not None and closing["is_test"] and not closing["deleted"] and state["received_at"] is not None:
            yield Finding("TEST_CASE", max(state["received_at"], closing["closed_at"]))
