"""Register forms that are open now, as they were last seen by this process.

Two things can change one form at nearly the same time: a click, and a look at the files that ends. Slack refuses the
second (`hash_conflict`); then the newest state seen here is taken and the change made once more. What is kept here is
only a view's newest hash and typed values: without it (a restart, another replica) the values that came with the
click are used, and nothing that was typed is lost, because Slack's client keeps the content of kept blocks.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.datasets.register_current import settled
from handlers.datasets.register_form import RegisterForm
from handlers.datasets.register_view import register_view
from handlers.working import GONE
from services.datasets.service import DatasetService

log = structlog.get_logger(__name__)

FORMS = 500


@dataclass(slots=True)
class _Open:
    """A form as last seen. past: hashes that an update of ours has replaced."""

    form: RegisterForm
    hash: str
    past: set[str] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


Change = Callable[[RegisterForm], RegisterForm]


class OpenForms:
    """Remembers the last few hundred forms and changes them one change at a time."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Open] = OrderedDict()

    def saw(self, view_id: str, view_hash: str, form: RegisterForm) -> None:
        """A click brought the form's present values."""
        known = self._open.get(view_id)
        if known is None:
            self._open[view_id] = _Open(form, view_hash)
            while len(self._open) > FORMS:
                self._open.popitem(last=False)
            return
        self._open.move_to_end(view_id)
        if view_hash in known.past:
            # Clicked before our last update was drawn: what was typed is newer, what was found by us is not.
            ours = known.form
            known.form = replace(form, checked=ours.checked, checking=ours.checking, column_types=ours.column_types)
        else:
            known.form, known.hash = replace(form, checking=known.form.checking), view_hash

    def form(self, view_id: str) -> RegisterForm | None:
        """The form as last seen."""
        known = self._open.get(view_id)
        return known.form if known else None

    async def change(
        self, client: AsyncWebClient, datasets: DatasetService, view_id: str, change: Change, fallback: RegisterForm
    ) -> None:
        """Draw the form anew with a change made to it. fallback: the form when this process never saw it.

        A form that was closed in the meantime is left alone. Raises SlackApiError for other refusals.
        """
        known = self._open.setdefault(view_id, _Open(fallback, ""))
        async with known.lock:
            for attempt in (1, 2):
                start, tried = known.form, known.hash
                form, name = await settled(datasets, change(start))
                try:
                    answer = await client.views_update(
                        view_id=view_id, hash=tried or None, view=register_view(form, name)
                    )
                except SlackApiError as error:
                    code = error.response["error"]
                    if code in GONE:
                        self._open.pop(view_id, None)
                        return
                    if code != "hash_conflict":
                        raise
                    log.info("form_hash_conflict", view=view_id, attempt=attempt)
                    if known.hash == tried and attempt == 1:
                        # Nobody told us of a newer one: it was another replica's. Slack keeps what is typed.
                        known.hash = ""
                else:
                    known.past.add(tried)
                    # What a click brought while Slack drew this is newer; its own change draws it.
                    known.form = form if known.form is start else change(known.form)
                    known.hash = str(answer["view"]["hash"])
                    return
