"""What owners and watchers are told: a new version, files that changed under a version, the end of a dataset.

Plain values and a client in; the caller runs them in the background. A person who cannot be told is logged, and the
others are told all the same.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.datasets.notices_view import changed_notice, deprecated_notice, registered_notice
from handlers.message import Message
from services.datasets.model import Dataset, DatasetVersion, FingerprintCheck, Registered

log = structlog.get_logger(__name__)


async def version_registered(client: AsyncWebClient, registered: Registered, *, by: str) -> None:
    """Tell owner and watchers of a new version. The first version has nobody to tell: only its owner, if another."""
    await tell(client, people(registered.dataset.owner, registered.dataset.watchers, by), registered_notice(registered))


async def version_changed(
    client: AsyncWebClient, version: DatasetVersion, check: FingerprintCheck, *, owner: str, watchers: tuple[str, ...]
) -> None:
    """Tell owner and watchers what became of a version's files (also that they are back as they were)."""
    await tell(client, people(owner, watchers, ""), changed_notice(version, check))


async def deprecated(client: AsyncWebClient, dataset: Dataset, *, by: str) -> None:
    """Tell owner and watchers that a dataset should not be used any more. Nothing if it is not deprecated."""
    if dataset.deprecation is not None:
        notice = deprecated_notice(dataset, dataset.deprecation)
        await tell(client, people(dataset.owner, dataset.watchers, by), notice)


def people(owner: str, watchers: Iterable[str], by: str) -> tuple[str, ...]:
    """Owner first, then watchers, each once, without the person who did it."""
    return tuple(person for person in dict.fromkeys((owner, *watchers)) if person and person != by)


async def tell(client: AsyncWebClient, to: Iterable[str], message: Message) -> None:
    """A direct message to each."""
    for person in to:
        try:
            await client.chat_postMessage(
                channel=person,
                text=message.notification,
                blocks=list(message.blocks),
                unfurl_links=False,
                unfurl_media=False,
            )
        except SlackApiError as error:
            # Left the workspace, or was never a person: nobody else should go without the news for that.
            log.warning("notice_not_delivered", user=person, error=error.response["error"])
        except (ClientError, TimeoutError, OSError) as error:
            log.warning("notice_not_delivered", user=person, error=repr(error))
