"""What a server answers with: follows `ops.promotions` and swaps models without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from headgate import postgres
from headgate.errors import HeadgateError, UsageError
from headgate.landing.privacy import pii_key
from headgate.landing.reconnecting import LOST, reason
from headgate.model import flavours, promotions, versions
from headgate.model.deployment import fit
from headgate.model.deployment.state import State
from headgate.model.package import Package
from headgate.postgres.connection import Connection
from headgate.serving.loaded import Deployment, Loaded
from headgate.settings import Settings
from headgate.store import ledger

#: Seconds between looks, should a notice have been lost, and until a look that hangs is given up.
SECONDS_BETWEEN, SECONDS_TO_LOOK = 2.0, 60.0
#: Until a version that is still being loaded is left out for now; of a server that does not answer yet.
SECONDS_TO_LOAD, SECONDS_TO_START = 10.0, 120.0
#: Versions that are loaded at once.
MOST_LOADING = 4
#: After a swap; no request takes longer.
SECONDS_TO_CLOSE = 120.0
#: Until what was refused is tried again.
SECONDS_TO_RETRY = 30.0


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
        self._model = self.model = model
        self._log = log
        self._also = also
        self._loaded: dict[int, Loaded] = {}
        #: Versions that are being loaded. In threads of their own: whatever else waits, a swap is made.
        self._begun: dict[int, asyncio.Future[Loaded]] = {}
        self._loading = ThreadPoolExecutor(MOST_LOADING, "loading")
        self._notice = asyncio.Event()
        self._seen: tuple[object, ...] | None = None
        self._retry_at = 0.0
        #: The release that was active at the last look.
        self._release: int | None = None
        self._updated = asyncio.Condition()
        self.current: Deployment | None = None
        #: Why the champion is not what answers; None where it is.
        self.refusal: HeadgateError | None = None
        #: Why the challenger is left out: the champion answers alone then.
        self.challenger_refusal: HeadgateError | None = None
        self.is_connected = False
        #: Whether nothing is to answer, though a version still could.
        self.is_undeployed = False

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
                await self._updated.wait_for(lambda: self._release == release_id)
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
        is_refused = self.refusal is not None or self.challenger_refusal is not None
        if seen == self._seen and not (is_refused and time.monotonic() > self._retry_at):
            return
        said = (str(self.refusal), str(self.challenger_refusal))
        try:
            await self._swap(connection, state, release)
            self.refusal = None
        except HeadgateError as error:
            self.refusal = error
        self._tell(said)
        self._seen, self._release = seen, release
        self._retry_at = time.monotonic() + SECONDS_TO_RETRY
        async with self._updated:
            self._updated.notify_all()

    def _tell(self, said: tuple[str, str]) -> None:
        """Logs a refusal that was not the reason before."""
        if self.refusal is not None and str(self.refusal) != said[0]:
            self._log.error("refused to swap", reason=str(self.refusal))
        if self.challenger_refusal is not None and str(self.challenger_refusal) != said[1]:
            self._log.error("left out the challenger", reason=str(self.challenger_refusal))

    async def _swap(self, connection: Connection, state: State, release: int | None) -> None:
        self.is_undeployed = state.champion is None
        if state.champion is None:
            raise UsageError(
                f"model {self._model}",
                expected="a deployed version",
                found="none",
                next_step=f"run `headgate model deploy {self._model}`",
            )
        champion = await self._load(connection, state.champion, release)
        challenger = await self._challenger(connection, state, release)
        share = state.canary_share if challenger else 0.0
        self.current = Deployment(self._model, champion, challenger, share, release)
        self._drop({state.champion, state.challenger})
        self._log.info(
            "answering",
            model=self._model,
            champion=champion.version,
            challenger=challenger and challenger.version,
            canary_share=share,
            release=release,
        )

    async def _challenger(self, connection: Connection, state: State, release: int | None) -> Loaded | None:
        """The challenger; without one that cannot be loaded, or does not fit, the champion answers alone."""
        self.challenger_refusal = None
        if state.challenger is None:
            return None
        try:
            return await self._load(connection, state.challenger, release)
        except HeadgateError as error:
            self.challenger_refusal = error
            return None

    async def _load(self, connection: Connection, version: int, release: int | None) -> Loaded:
        found = await versions.find(connection, self._model, version)
        await fit.require_fit(connection, found, release)
        if version not in self._loaded:
            is_new = version not in self._begun
            if is_new:
                self._begin(version, await versions.load(connection, self._model, version))
            seconds = SECONDS_TO_LOAD if self.current else SECONDS_TO_START
            self._loaded[version] = await self._ended(version, seconds if is_new else 0)
        return self._loaded[version]

    def _begin(self, version: int, package: Package) -> None:
        """Loads a version in a thread; there is another look when it is there."""

        def load() -> Loaded:
            predictor = flavours.load(package, home=self._settings.home)
            return Loaded(version, package, predictor, key)

        def look_again(_: object) -> None:
            self._retry_at = 0.0
            self._notice.set()

        key = functools.cache(functools.partial(pii_key, self._settings))
        begun = asyncio.get_running_loop().run_in_executor(self._loading, load)
        begun.add_done_callback(look_again)
        self._begun[version] = begun

    async def _ended(self, version: int, seconds: float) -> Loaded:
        """A version that is being loaded, once it is; a server that has nothing else to answer with waits.

        Raises:
            HeadgateError: it cannot be loaded, or not yet.
        """
        begun = self._begun[version]
        await asyncio.wait([begun], timeout=seconds if self._loaded else None)
        if not begun.done():
            raise HeadgateError(
                f"model {self._model} version {version}",
                expected="one that is loaded in a few seconds",
                found="it is still being loaded: its code is imported, or its environment installed",
                next_step="wait; servers go on with what else is deployed, and look again when it is there."
                f" Or take it out: `headgate model rollback {self._model}`",
            )
        return await self._begun.pop(version)

    def _drop(self, kept: set[int | None]) -> None:
        for version in self._begun.keys() - kept:
            self._begun.pop(version).add_done_callback(_close)
        for version in self._loaded.keys() - kept:
            scorer = self._loaded.pop(version).scorer
            # Requests that began before the swap still use it.
            asyncio.get_running_loop().call_later(SECONDS_TO_CLOSE, scorer.close)


def _close(begun: asyncio.Future[Loaded]) -> None:
    """Gives up a version that was taken out before it was loaded."""
    if not begun.cancelled() and begun.exception() is None:
        begun.result().scorer.close()
