"""Who people, groups and service principals are in Microsoft Entra, asked of Microsoft Graph with the bot's identity.

A Slack account is tied to an Entra user by an entry of the override table or by its confirmed e-mail address, which
must be the address or user principal name of exactly one enabled member. Nothing is guessed: other addresses that Entra
knows of somebody (`otherMails`, `proxyAddresses`) are not looked at, since people can set some of them themselves.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from services.access.model import PersonFacts, Principal, SubjectKind
from services.access.ports import IdentityProblem, People
from services.azure.identity import GRAPH_SCOPE
from services.azure.transport import Tokens, error_codes, send_as
from services.errors import Unavailable
from services.recent import Recent

GRAPH = "https://graph.microsoft.com"
ENTRA: Final = "Microsoft Entra"
CACHE_SECONDS = 300.0
PAGES = 3
"""Pages of a search that are read; what is meant and not among them is found by more words."""
PAGE = 50

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PATHS: Mapping[SubjectKind, str] = {
    SubjectKind.USER: "users",
    SubjectKind.GROUP: "groups",
    SubjectKind.SERVICE_PRINCIPAL: "servicePrincipals",
}
_FIELDS: Mapping[SubjectKind, str] = {
    SubjectKind.USER: "id,displayName,mail,userPrincipalName,accountEnabled,userType",
    SubjectKind.GROUP: "id,displayName,securityEnabled",
    SubjectKind.SERVICE_PRINCIPAL: "id,displayName,appId,accountEnabled,servicePrincipalType",
}
PERMISSIONS: Mapping[SubjectKind, tuple[str, str]] = {
    SubjectKind.USER: (_PATHS[SubjectKind.USER], "User.Read.All"),
    SubjectKind.GROUP: (_PATHS[SubjectKind.GROUP], "GroupMember.Read.All"),
    SubjectKind.SERVICE_PRINCIPAL: (_PATHS[SubjectKind.SERVICE_PRINCIPAL], "Application.Read.All"),
}
"""What Microsoft Graph calls each, and the least application permission for reading it."""
_PRINCIPAL_TYPES = frozenset({"Application", "ManagedIdentity"})

Entry = Mapping[str, Any]
"""An object as Graph gives it."""


class GraphDirectory:
    """`Directory` over Microsoft Graph.

    identities: Slack user id → Entra object id or user principal name, set by the bot's operators. domains: those of
    e-mail addresses that may be looked up, in small letters; empty: any, which still must match exactly.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        tokens: Tokens,
        people: People,
        *,
        identities: Callable[[], Mapping[str, str]],
        domains: Callable[[], frozenset[str]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._tokens = tokens
        self._people = people
        self._identities = identities
        self._domains = domains
        self._now = monotonic
        self._not_before = 0.0
        self._users = Recent[str, tuple[Entry, ...]](CACHE_SECONDS, monotonic=monotonic)
        self._objects = Recent[tuple[SubjectKind, str], Principal](CACHE_SECONDS, monotonic=monotonic)
        self._searches = Recent[tuple[SubjectKind, str, int], tuple[Principal, ...]](
            CACHE_SECONDS, entries=1000, monotonic=monotonic
        )

    @property
    def kinds(self) -> tuple[SubjectKind, ...]:
        """People, groups, and service principals with managed identities."""
        return tuple(SubjectKind)

    async def of_person(self, user_id: str) -> Principal:
        """The one enabled Entra user behind a Slack account. Raises IdentityProblem, Unavailable."""
        person = await self._people.person(user_id)
        if not person.is_member:
            raise IdentityProblem(
                "This Slack account is no full, active member of the workspace, so it gets no access in Azure."
            )
        named = self._identities().get(user_id, "").strip()
        if named:
            return await self._overridden(person, named)
        email = person.email.strip()
        if not email or "@" not in email:
            raise IdentityProblem(
                f"Slack has no confirmed e-mail address of {_of(person)}, so I cannot tell who that is in {ENTRA}. "
                + _SET_IDENTITY,
                code="no_email",
            )
        domains, domain = self._domains(), email.rpartition("@")[2].lower()
        if domains and domain not in domains:
            raise IdentityProblem(
                f"The e-mail address of {_of(person)} is one of {domain}, which is none of the domains that "
                f"I may look up in {ENTRA}. {_SET_IDENTITY}",
                code="foreign_domain",
            )
        return _the_member(await self._users.get(email.lower(), lambda: self._by_address(email)), person, email)

    async def get(self, kind: SubjectKind, object_id: str) -> Principal:
        """An object by its object id. Raises IdentityProblem for one that is unknown or disabled, Unavailable."""
        if not _GUID.fullmatch(object_id):
            raise IdentityProblem(f"“{object_id[:60]}” is no object id of {ENTRA}.", code="unknown_object")

        async def look() -> Principal:
            found = await self._one(kind, object_id)
            if found is None:
                raise IdentityProblem(f"{ENTRA} has no {_word(kind)} with this object id any more.", code="gone")
            if reason := _unfit(kind, found):
                raise IdentityProblem(reason, code="unfit")
            return _principal(kind, found)

        return await self._objects.get((kind, object_id.lower()), look)

    async def search(self, kind: SubjectKind, words: str, limit: int = 20) -> tuple[Principal, ...]:
        """Groups or service principals by name, or by a whole object or application id; at most `limit`, by name.

        Only what can be given a role: security groups, enabled applications and managed identities. People are not
        searched: they are chosen in Slack. Raises Unavailable.
        """
        words = " ".join(words.split())
        if not words or kind is SubjectKind.USER or limit < 1:
            return ()
        key = (kind, words.casefold(), limit)
        return await self._searches.get(key, lambda: self._search(kind, words, limit))

    async def _search(self, kind: SubjectKind, words: str, limit: int) -> tuple[Principal, ...]:
        found: list[Entry]
        if _GUID.fullmatch(words):
            one = await self._one(kind, words)
            found = [one] if one is not None else []
            if not found and kind is SubjectKind.SERVICE_PRINCIPAL:
                found = await self._list(kind, {"$filter": f"appId eq '{words}'"}, limit)
        else:
            query = {"$search": f'"displayName:{_quoted(words)}"', "$count": "true"}
            if kind is SubjectKind.GROUP:
                query["$filter"] = "securityEnabled eq true"
            found = await self._list(kind, query, limit)
        fit = [_principal(kind, each) for each in found if not _unfit(kind, each)]
        return tuple(sorted(fit, key=lambda each: (each.name.casefold(), each.object_id))[:limit])

    async def _overridden(self, person: PersonFacts, named: str) -> Principal:
        """The user whom the operators named; a guest too, since they said so."""

        async def look() -> tuple[Entry, ...]:
            if not _GUID.fullmatch(named):
                return await self._by_address(named, names=("userPrincipalName",))
            found = await self._one(SubjectKind.USER, named)
            return () if found is None else (found,)

        found = await self._users.get(f"={named.lower()}", look)
        if len(found) != 1:
            raise IdentityProblem(
                f"The settings of this bot name an Entra user for {_of(person)} who does not exist. {_SET_IDENTITY}",
                code="override_unknown",
            )
        if found[0].get("accountEnabled") is not True:
            raise IdentityProblem(f"The Entra account of {_of(person)} is disabled.", code="disabled")
        return _principal(SubjectKind.USER, found[0])

    async def _by_address(
        self, address: str, names: tuple[str, ...] = ("mail", "userPrincipalName")
    ) -> tuple[Entry, ...]:
        """Users of exactly this address. One question for both names, so that two people with one address show."""
        escaped = address.replace("'", "''")
        clauses = " or ".join(f"{name} eq '{escaped}'" for name in names)
        found = await self._list(SubjectKind.USER, {"$filter": clauses}, PAGE)
        wanted = address.casefold()
        # Graph compares; what decides about access is compared again here.
        return tuple(each for each in found if any(str(each.get(name) or "").casefold() == wanted for name in names))

    async def _one(self, kind: SubjectKind, object_id: str) -> Entry | None:
        answer = await self._get(
            kind, f"{GRAPH}/v1.0/{_PATHS[kind]}/{object_id}?{urlencode({'$select': _FIELDS[kind]})}"
        )
        return _json(answer) if answer.status_code == httpx.codes.OK else None

    async def _list(self, kind: SubjectKind, query: Mapping[str, str], limit: int) -> list[Entry]:
        page = {"$select": _FIELDS[kind], "$top": str(min(PAGE, max(limit, 5)))}
        url = f"{GRAPH}/v1.0/{_PATHS[kind]}?{urlencode({**query, **page})}"
        found: list[Entry] = []
        for _ in range(PAGES):
            answer = await self._get(kind, url)
            body = _json(answer) if answer.status_code == httpx.codes.OK else {}
            found += [each for each in body.get("value") or [] if isinstance(each, dict)]
            url = str(body.get("@odata.nextLink") or "")
            if len(found) >= limit or not url.startswith(f"{GRAPH}/"):  # the token goes to Graph alone
                break
        return found

    async def _get(self, kind: SubjectKind, url: str) -> httpx.Response:
        """The answer, 200 or 404. Raises Unavailable for everything else."""
        self._refuse_too_early()
        # Graph wants it for a search; elsewhere answers should be of now.
        headers = {"ConsistencyLevel": "eventual"} if "%24search=" in url else {}
        answer = await send_as(self._http, self._tokens, GRAPH_SCOPE, url, "Microsoft Graph", headers=headers)
        if answer.status_code in {httpx.codes.OK, httpx.codes.NOT_FOUND}:
            return answer
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            self._not_before = self._now() + _retry_after(answer)
            self._refuse_too_early()
        raise _refusal(kind, answer)

    def _refuse_too_early(self) -> None:
        seconds = self._not_before - self._now()
        if seconds > 0:
            raise Unavailable(
                f"{ENTRA} is asked too much and wants to be left alone for {max(1, round(seconds))} seconds. "
                "Try again then.",
                code="throttled",
            )


_SET_IDENTITY = "An administrator of this bot can name the Entra user under “identities” in the access policy."


def _the_member(found: tuple[Entry, ...], person: PersonFacts, email: str) -> Principal:
    """The one enabled member among users of an address. Raises IdentityProblem."""
    enabled = [each for each in found if each.get("accountEnabled") is True]
    if not found:
        raise IdentityProblem(
            f"{ENTRA} has no user with the address {email}, which Slack has of {_of(person)}. {_SET_IDENTITY}",
            code="unknown_user",
        )
    if not enabled:
        known = any("accountEnabled" in each for each in found)
        raise IdentityProblem(
            f"The Entra account of {email} is disabled."
            if known
            else f"{ENTRA} does not tell the bot whether the account of {email} is enabled: "
            "give the bot's identity the application permission User.Read.All of Microsoft Graph.",
            code="disabled",
        )
    if len(enabled) > 1:
        raise IdentityProblem(
            f"{ENTRA} has {len(enabled)} users with the address {email}, so I cannot tell which is meant. "
            + _SET_IDENTITY,
            code="ambiguous",
        )
    if str(enabled[0].get("userType") or "").casefold() != "member":
        raise IdentityProblem(
            f"{email} is a guest in {ENTRA}, or of no known kind; only members are looked up by their address. "
            + _SET_IDENTITY,
            code="guest",
        )
    return _principal(SubjectKind.USER, enabled[0])


def _principal(kind: SubjectKind, entry: Entry) -> Principal:
    login = {SubjectKind.USER: "userPrincipalName", SubjectKind.SERVICE_PRINCIPAL: "appId"}.get(kind, "")
    name = str(entry.get("displayName") or entry.get(login) or entry["id"])
    return Principal(kind, str(entry["id"]), name, str(entry.get(login) or ""))


def _unfit(kind: SubjectKind, entry: Entry) -> str:
    """Why an object cannot be given access, "" when it can."""
    name = str(entry.get("displayName") or entry.get("id"))
    if kind is SubjectKind.GROUP:
        secure = entry.get("securityEnabled") is True
        return "" if secure else f"“{name}” is no security group, and Azure gives roles to security groups only."
    if entry.get("accountEnabled") is not True:
        return f"“{name}” is disabled in {ENTRA}."
    if kind is SubjectKind.SERVICE_PRINCIPAL and entry.get("servicePrincipalType") not in _PRINCIPAL_TYPES:
        return f"“{name}” is neither an application nor a managed identity."
    return ""


def _refusal(kind: SubjectKind, answer: httpx.Response) -> Unavailable:
    if answer.status_code == httpx.codes.FORBIDDEN:
        return Unavailable(
            f"The bot may not look up {_word(kind)}s in {ENTRA}: its identity lacks the application permission "
            f"{PERMISSIONS[kind][1]} of Microsoft Graph, with admin consent. Whoever runs the bot can give it.",
            code="permission_missing",
        )
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return Unavailable(
            "Microsoft Graph does not accept the bot's identity. Its administrator can run dataset-bot check.",
            code="azure_identity",
        )
    said = next(iter(error_codes(answer)), str(answer.status_code))
    return Unavailable(f"Microsoft Graph answered with an error ({said}). Try again later.", code="graph_error")


def _retry_after(answer: httpx.Response) -> float:
    """Seconds; ten where the header says nothing usable, and never more than ten minutes."""
    text = answer.headers.get("Retry-After", "")
    return min(600.0, float(text)) if text.isdecimal() else 10.0


def _json(answer: httpx.Response) -> Entry:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Unavailable("Microsoft Graph gave an answer that cannot be read. Try again later.", code="graph_error")
    return body


def _quoted(words: str) -> str:
    """Within the double quotes of $search, which stand for themselves after a backslash."""
    return words.replace("\\", "\\\\").replace('"', '\\"')


def _word(kind: SubjectKind) -> str:
    return {SubjectKind.USER: "user", SubjectKind.GROUP: "group"}.get(kind, "service principal")


def _of(person: PersonFacts) -> str:
    return person.name or person.user_id
