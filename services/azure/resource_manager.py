"""Questions to Azure Resource Manager with the bot's identity, and its refusals in a person's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from services.azure.errors import explained, read_refusal, wrong_shape
from services.azure.identity import ARM_SCOPE
from services.azure.transport import Tokens, json_object, send_as

ARM = "https://management.azure.com"
THING = "Azure Resource Manager"


@dataclass(frozen=True, slots=True)
class ResourceManager:
    """Asks. The token goes to Resource Manager alone, whatever an answer names as the next page."""

    http: httpx.AsyncClient
    tokens: Tokens

    async def get(self, path: str, name: str = "") -> dict[str, Any]:
        """The object at a path, which begins with a slash. name: what it is about. Raises UserErrors."""
        answer = await send_as(self.http, self.tokens, ARM_SCOPE, f"{ARM}{path}", THING)
        if answer.status_code != httpx.codes.OK:
            raise explained(read_refusal(answer.status_code, answer.content, answer.headers), name)
        return json_object(answer, THING)

    async def list(self, path: str, name: str = "", *, limit: int = 1000) -> list[dict[str, Any]]:
        """Some `limit` objects of all pages, or all there are. Raises UserErrors."""
        found: list[dict[str, Any]] = []
        while path and len(found) < limit:
            page = await self.get(path, name)
            found += _objects(page.get("value"))
            following = str(page.get("nextLink") or "")
            path = following.removeprefix(ARM) if following.startswith(f"{ARM}/") else ""
        return found


def _objects(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise wrong_shape(THING)
    return value
