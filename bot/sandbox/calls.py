"""One Web API call from request to answer: arguments, token, faults, rate limit, scope, method, record."""

import asyncio
from typing import TypeAlias

from aiohttp import web

from bot.sandbox.scopes import APP_LEVEL_METHODS, PUBLIC_METHODS, SCOPES_BY_METHOD
from bot.sandbox.web_api import METHODS
from bot.sandbox.wire import Args, JsonObject, SlackError, decode_body
from bot.sandbox.workspace import Workspace

Headers: TypeAlias = dict[str, str]


async def handle_call(ws: Workspace, request: web.Request) -> web.Response:
    """Answer `/api/{method}` as Slack does: 200 with `ok`, except for rate limits and server faults."""
    method = request.match_info["method"]
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        args = await read_arguments(request)
    except SlackError as error:
        args = Args()
        status, body, headers = 200, error.body(), Headers()
    else:
        status, body, headers = await _answer(ws, method, args, _token(request, args))
    ws.traffic.add(
        "app→slack",
        "web_api",
        method,
        args.values,
        body,
        status=status,
        ms=(loop.time() - started) * 1000,
    )
    if delay := ws.faults.answer_latency(method):
        await asyncio.sleep(delay)
    if ws.faults.take_lost_answer(method) and request.transport is not None:
        request.transport.abort()
    return web.json_response(body, status=status, headers=headers)


async def read_arguments(request: web.Request) -> Args:
    """Query and body arguments together; multipart parts by name."""
    values: JsonObject = dict(request.query)
    if request.content_type == "multipart/form-data":
        form = await request.post()
        values |= {name: value for name, value in form.items() if isinstance(value, str)}
    else:
        values |= decode_body(await request.read(), request.content_type)
    return Args(values)


def _token(request: web.Request, args: Args) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else args.text("token")


async def _answer(ws: Workspace, method: str, args: Args, token: str) -> tuple[int, JsonObject, Headers]:
    headers: Headers = {}
    if delay := ws.faults.latency(method):
        await asyncio.sleep(delay)
    fault = ws.faults.take_server_error(method)
    if fault is not None and not fault.carried_out:
        return fault.status, {"ok": False, "error": "internal_error"}, headers
    if wait := ws.faults.take_rate_limit(method):
        return 429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(wait)}
    try:
        if method not in METHODS:
            raise SlackError("unknown_method", req_method=method)
        _authorize(ws, method, token)
        if wait := ws.rates.retry_after(method, args.text("channel")):
            return 429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(wait)}
        if method not in PUBLIC_METHODS | APP_LEVEL_METHODS.keys():
            headers["X-OAuth-Scopes"] = ",".join(sorted(ws.manifest.bot_scopes))
            headers["X-Accepted-OAuth-Scopes"] = ",".join(sorted(SCOPES_BY_METHOD[method]))
            _check_scope(ws, method)
        result = await METHODS[method](ws, args)
    except SlackError as error:
        return 200, error.body(), headers
    if fault is not None:
        return fault.status, {"ok": False, "error": "internal_error"}, headers
    return 200, {"ok": True, **result}, headers


def _authorize(ws: Workspace, method: str, token: str) -> None:
    if method in PUBLIC_METHODS:
        return
    if not token:
        raise SlackError("not_authed")
    known = {ws.settings.bot_token: "bot", ws.settings.app_token: "app"}.get(token)
    if known is None:
        raise SlackError("invalid_auth")
    if ws.faults.revoked:
        raise SlackError("token_revoked")
    if ws.world.users[ws.world.bot_user_id].deleted:
        raise SlackError("account_inactive")
    if (known == "app") != (method in APP_LEVEL_METHODS):
        raise SlackError("not_allowed_token_type")


def _check_scope(ws: Workspace, method: str) -> None:
    needed = SCOPES_BY_METHOD[method]
    granted = ws.manifest.bot_scopes
    if needed and not needed & granted:
        raise SlackError("missing_scope", needed=",".join(sorted(needed)), provided=",".join(sorted(granted)))
