"""Every error the product raises on purpose, grouped by who can mend it.

::

    GuidangError
    ├── SenderError             who sent the data         -> dead letter, or exit 5
    │   ├── InvalidRecord           decodes, but cannot be what it says
    │   └── BadInputFile            a row, a cell, an encoding in a file given to us
    ├── OperatorError           who runs the system
    │   ├── ConfigurationError      a setting                              -> exit 3
    │   │   ├── TopologyError           topics or partitions are not what the settings say
    │   │   ├── NewerState              a newer version of this program has written what this one is to go on from
    │   │   ├── ForeignState            what this one is to go on from rests on another key
    │   │   └── MostRefused             most records cannot be taken in: a setting is wrong, more likely than every sender
    │   ├── TamperedEdition         a published bulletin is not what was published -> exit 5
    │   ├── SystemRunning           this needs the local system to be down   -> exit 1
    │   ├── DataBeingCopied         a backup or a restore is under way       -> exit 1
    │   ├── Superseded              the same command was started again meanwhile   -> exit 1
    │   └── DependencyError         Kafka, ClickHouse: absent, wrong, gone -> exit 4
    │       ├── NotAllowed              Kafka or ClickHouse refuses the login, or a right is missing
    │       └── WaitTimeout             it did not come about in the time given
    └── EngineError             us: the process ends, nothing is committed -> exit 1
        ├── BatchGap                something between the broker and the partition lost a batch
        ├── Fenced                  another worker owns the partition now
        ├── RecoveryError           the state could not be read back whole
        └── Stalled                 there is work, and none is done

``exit_code`` is the exit code of the command line.
"""

from __future__ import annotations


class GuidangError(Exception):
    """Root of the tree; never raised itself."""

    exit_code = 1


class SenderError(GuidangError):
    """Mended by whoever sent the data."""

    exit_code = 5


class InvalidRecord(SenderError):
    """A record that cannot be taken in. It goes to ``dead-letter``, whole.

    Parameters
    ----------
    reason
        Constant upper-case name of what is wrong, such as ``KEY_MISMATCH``: stable, counted, filtered by.
    detail
        What was found and what was expected, without any text that may name an applicant.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class BadInputFile(SenderError):
    """A file given on the command line that cannot be read as what it should be."""


class OperatorError(GuidangError):
    """Mended by whoever runs the system."""


class ConfigurationError(OperatorError):
    """A setting is missing, contradictory or out of range."""

    exit_code = 3


class TopologyError(ConfigurationError):
    """Topics or their partitions are not what the settings say."""


class NewerState(ConfigurationError):
    """State, or an output, that a newer version has written: this process has to be upgraded, too; starting it again helps nothing."""


class ForeignState(ConfigurationError):
    """State that rests on another key than this process has: going on, or judging by it, would give wrong results."""


class MostRefused(ConfigurationError):
    """Most records cannot be taken in: a setting is wrong, more likely than every sender."""


class TamperedEdition(OperatorError):
    """A published bulletin is not what was published: bring back the file named, from a copy."""

    exit_code = 5


class SystemRunning(OperatorError):
    """What was asked for needs the local system to be down: ``guidang down`` first."""


class DataBeingCopied(OperatorError):
    """A backup or a restore has the data folder, in which nothing may run meanwhile: try again when it is done."""


class Superseded(OperatorError):
    """The same command was started again meanwhile and has taken over; this one changes nothing more."""


class DependencyError(OperatorError):
    """Kafka or ClickHouse cannot be reached, or is not what it should be."""

    exit_code = 4


class NotAllowed(DependencyError):
    """Kafka or ClickHouse refuses the login, or what the process has to do: a right is missing. Once it is given, starting again helps."""


class WaitTimeout(DependencyError):
    """A state waited for did not come about in time."""


class EngineError(GuidangError):
    """Ours to mend. The process ends with nothing committed; the supervisor starts it again."""


class BatchGap(EngineError):
    """A batch does not begin where the last one ended: something in between lost records."""


class Fenced(EngineError):
    """Another worker has taken over the partition (KIP-98 producer epoch)."""


class RecoveryError(EngineError):
    """A changelog could not be read to its end, or what is to be read has lost its beginning."""


class Stalled(EngineError):
    """There is work to do and no progress was made for too long."""
