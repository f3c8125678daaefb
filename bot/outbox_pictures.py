"""Pictures of notices: drawn and uploaded before the message, shown by it as an image block with the file's id.

The file is uploaded to no channel, so a picture uploaded twice because of a kill is seen by nobody. Its id is written
down before the message is posted; edits of the message with the same picture show the same file. What may pass (no
worker is free, one died, Slack does not answer) is tried again a few times; what will not, or does not, is logged with
its reason, and the words go alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.logs import get_logger
from bot.outbox_errors import CALL_ERRORS, Meaning, trouble
from bot.outbox_outcomes import FIRST_WAIT, LONGEST_WAIT, Outbox
from bot.outbox_pacing import UPLOAD
from handlers.message import Message
from handlers.picture import Picture, with_file, without_picture
from handlers.posting import is_about_a_file
from services.errors import Busy, TimedOut, Unavailable
from services.outbox import Action, StoredNotice

log = get_logger("bot.outbox")

PICTURE_TRIES = 4
"""How often a drawing or an upload that failed, or a file that Slack does not show yet, is tried in all."""

DRAW_SECONDS = 30.0
UPLOAD_SECONDS = 15.0

MAY_PASS = (Busy, TimedOut, Unavailable)
"""Why something is not drawn now and may be soon: no worker is free, one died, something does not answer."""

_FINAL = frozenset({Meaning.HOPELESS, Meaning.NOT_ALLOWED})
"""Where trying again does not help. Where the token is at fault, the message itself finds out and waits."""


class PictureWaitsError(Exception):
    """The picture is not there yet: the notice is to be tried again in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the picture of a notice is tried again in {seconds:g} s")
        self.seconds = seconds


class Pictures:
    """Uploads what messages show. take_turn: waits until the method may be called (a name of `outbox_pacing`)."""

    def __init__(
        self, outbox: Outbox, client: Callable[[], AsyncWebClient], take_turn: Callable[[str], Awaitable[None]]
    ) -> None:
        self._outbox = outbox
        self._client = client
        self._take_turn = take_turn
        self._tries: Counter[int] = Counter()

    async def placed(self, stored: StoredNotice, message: Message) -> Message:
        """The message with its picture's file in its place, or without a picture that cannot be had.

        Raises PictureWaitsError when it can be had later, and whatever the outbox raises.
        """
        picture = message.picture
        if picture is None:
            return message
        if self._tries[stored.id] >= PICTURE_TRIES:
            log.warning("a notice goes without its picture", kind=stored.notice.kind, tries=PICTURE_TRIES)
            return _alone(message)
        post = stored.notice.of if stored.notice.action is Action.UPDATE else stored.notice.key
        file_id = await self._outbox.picture(post, picture.key) or await self._uploaded(stored, picture)
        if not file_id:
            log.warning("a notice goes without its picture", kind=stored.notice.kind)
            return _alone(message)
        await self._outbox.remember_picture(post, picture.key, file_id)
        return replace(
            message, blocks=with_file(message.blocks, file_id), fallback=with_file(message.fallback, file_id)
        )

    def not_shown(self, stored: StoredNotice, error: Exception) -> float | None:
        """Seconds after which a message refused for its picture's file is to be tried again; None for other errors."""
        if not isinstance(error, SlackApiError) or not is_about_a_file(error):
            return None
        log.info("Slack does not show a picture's file yet", kind=stored.notice.kind)
        return self._again(stored)

    def forget(self, stored: StoredNotice) -> None:
        """The notice has come to its end."""
        self._tries.pop(stored.id, None)

    async def _uploaded(self, stored: StoredNotice, picture: Picture) -> str:
        """The file's id; "" when there is no picture to be had. Raises PictureWaitsError."""
        try:
            async with asyncio.timeout(DRAW_SECONDS):
                content = await picture.make()
        except (*MAY_PASS, TimeoutError) as error:
            log.warning("a picture cannot be drawn now", kind=stored.notice.kind, error=repr(error))
            raise PictureWaitsError(self._again(stored)) from error
        except Exception as error:  # whatever a drawing meets; the words are worth more than the picture
            log.error("a picture could not be drawn", kind=stored.notice.kind, exc_info=error)
            return ""
        try:
            return await self._upload(picture, content)
        except CALL_ERRORS as error:
            found = trouble(error)
            log.warning("a picture was not uploaded", meaning=found.meaning, error=found.code)
            if found.meaning in _FINAL:
                return ""
            raise PictureWaitsError(max(found.wait, self._again(stored))) from error

    async def _upload(self, picture: Picture, content: bytes) -> str:
        """Source: https://docs.slack.dev/messaging/working-with-files#upload"""
        client = self._client()
        await self._take_turn(UPLOAD)
        ticket = await client.files_getUploadURLExternal(
            filename=picture.name, length=len(content), alt_txt=picture.alt[:1000]
        )
        await _send_bytes(client, str(ticket["upload_url"]), content)
        await client.files_completeUploadExternal(files=[{"id": str(ticket["file_id"]), "title": picture.name}])
        return str(ticket["file_id"])

    def _again(self, stored: StoredNotice) -> float:
        self._tries[stored.id] += 1
        return min(FIRST_WAIT * 2.0 ** (self._tries[stored.id] - 1), LONGEST_WAIT)


def _alone(message: Message) -> Message:
    return replace(
        message, blocks=without_picture(message.blocks), fallback=without_picture(message.fallback), picture=None
    )


async def _send_bytes(client: AsyncWebClient, url: str, content: bytes) -> None:
    """Raises aiohttp's errors, ClientResponseError for an answer that is not 200."""
    assert client.session is not None, "the bot's client has the one session of the process"
    async with client.session.post(
        url,
        data=content,
        headers={"Content-Type": "application/octet-stream"},
        timeout=aiohttp.ClientTimeout(total=UPLOAD_SECONDS),
    ) as answer:
        answer.raise_for_status()
