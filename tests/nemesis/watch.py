"""How much is under way, written to a file twice a second: by a process of its own, for a dying broker may take a client with it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ops.caught_up import Observer, behind_inputs, behind_sink
from streams.errors import GuidangError
from streams.settings import load_settings

_LOOK_SECONDS = 0.5


def watch(path: Path) -> None:
    """Write how many partitions are behind, and how many records are done, of inputs and of outputs in the sink.

    The last look stands while the broker is away.
    """
    settings, observer, draft = load_settings(), None, path.with_suffix(".draft")
    while True:
        try:
            observer = observer or Observer(settings)
            standing = observer.standing()
            inputs = behind_inputs(settings, standing.ends, standing.progress, None)
            outputs = behind_sink(standing.ends, standing.sunk)
            done = [sum(at.offset or 0 for at in standing.progress.values()), sum(standing.sunk.values())]
            draft.write_text(" ".join(map(str, (len(inputs), len(outputs), *done, time.time()))))
            draft.replace(path)
        except GuidangError:
            observer = None
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
