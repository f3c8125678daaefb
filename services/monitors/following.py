"""Notices new versions wherever they were registered: by the bot, by another replica, or in the studio."""

from __future__ import annotations

from services.monitors.ports import MonitorStore
from services.monitors.service import MonitorService
from services.ports import Catalog

PAGE = 500


class Following:
    """Follows the catalogue's change feed. A version is run once, however often it is told of."""

    def __init__(self, store: MonitorStore, monitors: MonitorService, catalog: Catalog) -> None:
        self._store = store
        self._monitors = monitors
        self._catalog = catalog

    async def look(self) -> int:
        """Begin the runs of what changed since the last look; returns how many.

        The first look remembers where the feed is and runs nothing: what is there already is no news.
        """
        known, begun = await self._store.cursor(), 0
        is_first, cursor = known is None, known or ""
        if is_first:
            await self._store.set_cursor(cursor)  # where there is nothing yet, all that comes is news
        while True:
            changed, following = await self._catalog.changes(cursor, PAGE)
            if not is_first:
                monitored = {monitor.dataset for monitor in await self._store.watched([each.name for each in changed])}
                for each in changed:
                    if each.name in monitored and each.latest_version:
                        begun += await self._monitors.version_registered(each.name, each.latest_version)
            if following == cursor:
                return begun
            cursor = following
            await self._store.set_cursor(cursor)
            if len(changed) < PAGE:
                return begun
