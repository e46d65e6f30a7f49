"""The process ``guidang board``."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable

from aiohttp import web

from dashboards.board.server import make_app
from dashboards.model import Dashboard
from streams.errors import DependencyError
from streams.settings import Settings

_PARTING_SECONDS = 2.0


def run(settings: Settings, dashboards: Iterable[Dashboard], port: int, tell: Callable[[str], None]) -> None:
    """Serve until told to end.

    Parameters
    ----------
    tell
        Called once with the address, when it answers there.

    Raises
    ------
    DependencyError
        The port cannot be had.
    """
    asyncio.run(_serve(settings, dashboards, port, tell))


async def _serve(settings: Settings, dashboards: Iterable[Dashboard], port: int, tell: Callable[[str], None]) -> None:
    host = settings.board.host
    runner = web.AppRunner(await make_app(settings, dashboards), access_log=None, shutdown_timeout=_PARTING_SECONDS)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        tell(f"http://{host}:{runner.addresses[0][1]}/")
        await ended.wait()
    except OSError as error:
        raise DependencyError(f"端口用不了 port cannot be had: {host}:{port}: {error.strerror}（board.port）") from error
    finally:
        await runner.cleanup()
