"""The portal on a phone's screen: a sheet of the system's or a browser, and what its owner can do there at any moment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hotspot.simulator.browser import MOST_REFRESHES, Browser, TooManyHops
from hotspot.simulator.kinds import Kind, Verdict
from hotspot.simulator.page import Form, Page
from hotspot.simulator.time import Clock


@dataclass(slots=True)
class Sheet:
    """`page` is what it shows and `verdict` what the system found when it last looked. Opened, pressed, and looked at by `Phone`."""

    kind: Kind
    browser: Browser
    probe: Callable[[], Awaitable[Verdict]]
    clock: Clock
    page: Page | None = None
    verdict: Verdict = Verdict.CAPTIVE
    is_open: bool = False
    _before: list[str] = field(default_factory=list)

    @property
    def shown(self) -> Page:
        assert self.page is not None, "open the sheet first"
        return self.page

    async def open(self, url: str) -> Page:
        """Show what the network shows instead of this address, and wait until it stays."""
        self.is_open = True
        self._before.clear()
        return await self._arrive(await self.browser.open(url))

    async def press(self, form: Form) -> Page:
        self._before.append(self.shown.url)
        return await self._arrive(await self.browser.submit(form))

    async def press_twice(self, form: Form) -> Page:
        """Tap twice: both go out at once, and what the first leads to is never seen."""
        self._before.append(self.shown.url)
        _, page = await asyncio.gather(self.browser.send(form), self.browser.submit(form))
        return await self._arrive(page)

    async def press_and_look_away(self, form: Form) -> None:
        """Press, and close the sheet before anything comes back; the portal has got it, the phone doesn't go on to the router."""
        await self.browser.send(form)

    async def reload(self) -> Page:
        return await self._arrive(await self.browser.open(self.shown.url))

    async def back(self) -> Page:
        """Ask again for the page before this one: nothing of ours may be kept (Cache-Control: no-store)."""
        return await self._arrive(await self.browser.open(self._before.pop()))

    async def _arrive(self, page: Page) -> Page:
        """Show a page and what it refreshes to, until one stays, or the system takes the sheet away.

        Raises:
            TooManyHops: none stays.
        """
        for _ in range(MOST_REFRESHES):
            self.page = page
            if await self._is_taken_away() or page.refresh is None:
                return page
            await self.clock.sleep(page.refresh.seconds)
            page = await self.browser.open(page.refresh.url)
        raise TooManyHops(f"{page.url} refreshes without end")

    async def _is_taken_away(self) -> bool:
        if self.kind.looks_after_pages:
            self.verdict = await self.probe()
        if self.kind.closes_when_online and self.verdict is Verdict.ONLINE:
            self.is_open = False
        return not self.is_open
