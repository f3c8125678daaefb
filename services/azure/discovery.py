"""Where the services of a workspace are: an address that the workspace names tells it.

Not by the SDK, which waits for that answer without a time limit, and would send the bot's token wherever it points.
"""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

from services.azure.errors import THING, explained, read_refusal, workspace_gone
from services.azure.storage import connection
from services.errors import NotFound, Unavailable

SECONDS, TRIES = 10.0, 2

_AML_HOST = re.compile(r"[a-z0-9.-]+\.(azureml\.ms|azureml\.net|ml\.azure\.cn|ml\.azure\.us)")


def service_address(discovery: object) -> str:
    """The root of the workspace's services. discovery: what Resource Manager gives as `discoveryUrl`.

    Raises Unavailable and other UserErrors, but not NotFound.
    """
    where = _trusted(discovery)
    with connection.waiting(SECONDS, TRIES):
        answer = connection.get(where, {}, thing=THING)
    if answer.status != 200:
        problem = explained(read_refusal(answer.status, answer.body, answer.headers))
        raise workspace_gone() if isinstance(problem, NotFound) else problem
    try:
        services = json.loads(answer.body)
    except ValueError:
        services = None
    if not isinstance(services, dict):
        raise _unknown()
    return _trusted(services.get("history") or services.get("api")).rstrip("/")


def _trusted(url: object) -> str:
    """The bot's token goes to Azure Machine Learning's own hosts alone. Raises Unavailable."""
    parts = urlsplit(url if isinstance(url, str) else "")
    if parts.scheme != "https" or _AML_HOST.fullmatch((parts.hostname or "").lower()) is None:
        raise _unknown()
    return parts.geturl()


def _unknown() -> Unavailable:
    return Unavailable(
        f"{THING} does not say where the workspace's services are. Try again in a minute.", code="azure_discovery"
    )
