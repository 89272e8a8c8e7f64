"""What a server answers with: follows `ops.promotions` and swaps models without a restart."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from headgate import postgres
from headgate.errors import HeadgateError, UsageError
from headgate.landing.reconnecting import LOST, reason
from headgate.model import flavours, promotions, versions
from headgate.model.deployment import fit
from headgate.model.deployment.state import State
from headgate.model.package import Package
from headgate.postgres.connection import Connection
from headgate.serving.requests import Checker
from headgate.settings import Settings
from headgate.store import ledger

#: Seconds between looks, should a notice have been lost, and until a look that hangs is given up.
SECONDS_BETWEEN, SECONDS_TO_LOOK = 2.0, 60.0
#: After a swap; no request takes longer.
SECONDS_TO_CLOSE = 120.0


@dataclass(frozen=True, eq=False)
class Loaded:
    """A version that can be asked."""

    version: int
    package: Package
    predictor: flavours.Predictor
    checker: Checker


@dataclass(frozen=True, eq=False)
class Deployment:
    """What answers, until the next swap."""

    champion: Loaded
    challenger: Loaded | None
    share: float
    release_id: int | None


class Follower:
    """Keeps the deployed versions of one model loaded.

    Args:
        settings: where the database is.
        model: the model's name.
        log: told of swaps and refusals.
        also: looked up on the same connection each time, such as API keys.
    """

    def __init__(
        self,
        settings: Settings,
        model: str,
        log: structlog.typing.FilteringBoundLogger,
        also: Callable[[Connection], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._model = model
        self._log = log
        self._also = also
        self._loaded: dict[int, Loaded] = {}
        self._notice = asyncio.Event()
        self._seen: tuple[object, ...] | None = None
        self._updated = asyncio.Condition()
        self.current: Deployment | None = None
        #: Why what is deployed is not what answers; None where it is.
        self.refusal: HeadgateError | None = None
        self.is_connected = False

    async def start(self) -> None:
        """Loads what is deployed.

        Raises:
            UsageError: nothing is, or it does not fit the active release.
            HeadgateError: no server answers, or a file is not what it was.
        """
        connection = await postgres.connect(self._settings)
        try:
            await self._look(connection)
        finally:
            await connection.close()
        if self.current is None:
            assert self.refusal is not None
            raise self.refusal

    async def run(self) -> None:
        """Follows until it is cancelled, however often PostgreSQL goes away."""
        while True:
            try:
                await self._follow()
            except LOST as error:
                if self.is_connected:
                    self._log.warning("no connection to PostgreSQL", reason=reason(error))
                self.is_connected = False
            await asyncio.sleep(0.5)

    async def settle(self, release_id: int, seconds: float = 3.0) -> Deployment | None:
        """The deployment that is bound to a release which just became active; None where none comes about."""
        self._notice.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._updated:
                await self._updated.wait_for(
                    lambda: self.current is not None and self.current.release_id == release_id
                )
        found = self.current
        return found if found is not None and found.release_id == release_id else None

    async def _follow(self) -> None:
        connection = await postgres.connect(self._settings)
        try:
            await connection.add_listener(promotions.CHANNEL, lambda *_: self._notice.set())
            while True:
                self._notice.clear()
                async with asyncio.timeout(SECONDS_TO_LOOK):
                    await self._look(connection)
                self.is_connected = True
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SECONDS_BETWEEN):
                        await self._notice.wait()
        finally:
            with contextlib.suppress(*LOST):
                await connection.close(timeout=2)

    async def _look(self, connection: Connection) -> None:
        await self._also(connection)
        state = State.of(await promotions.current(connection, self._model))
        release = await ledger.active_release(connection)
        seen = (state.champion, state.challenger, state.canary_share, release)
        if seen == self._seen:
            return
        try:
            await self._swap(connection, state, release)
            self.refusal = None
        except HeadgateError as error:
            self.refusal = error
            self._log.error("refused to swap", reason=str(error))
        self._seen = seen
        async with self._updated:
            self._updated.notify_all()

    async def _swap(self, connection: Connection, state: State, release: int | None) -> None:
        if state.champion is None:
            raise UsageError(
                f"model {self._model}",
                expected="a deployed version",
                found="none",
                next_step=f"run `headgate model deploy {self._model}`",
            )
        champion = await self._load(connection, state.champion, release)
        challenger = await self._load(connection, state.challenger, release) if state.challenger else None
        self.current = Deployment(champion, challenger, state.canary_share, release)
        self._drop({champion.version, challenger.version if challenger else 0})
        self._log.info(
            "answering",
            model=self._model,
            champion=champion.version,
            challenger=challenger and challenger.version,
            canary_share=state.canary_share,
            release=release,
        )

    async def _load(self, connection: Connection, version: int, release: int | None) -> Loaded:
        found = await versions.find(connection, self._model, version)
        await fit.require_fit(connection, found, release)
        if version not in self._loaded:
            package = await versions.load(connection, self._model, version)
            predictor = await asyncio.to_thread(flavours.load, package, home=self._settings.home)
            self._loaded[version] = Loaded(version, package, predictor, Checker(package.signature))
        return self._loaded[version]

    def _drop(self, kept: set[int]) -> None:
        for version in self._loaded.keys() - kept:
            predictor = self._loaded.pop(version).predictor
            # Requests that began before the swap still use it.
            asyncio.get_running_loop().call_later(SECONDS_TO_CLOSE, predictor.close)
