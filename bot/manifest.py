"""The app manifest for one transport, made from manifest.yml, the source of truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bot.http_paths import EVENTS_PATH

Manifest = dict[str, Any]  # JSON of a shape that Slack's schema gives

_PLACES = (Path(__file__).with_name("manifest.yml"), Path(__file__).resolve().parents[1] / "manifest.yml")


def read_manifest() -> Manifest:
    """manifest.yml as shipped: beside the code when installed, at the top of a checkout."""
    for place in _PLACES:
        if place.is_file():
            content: Manifest = yaml.safe_load(place.read_text(encoding="utf-8")) or {}
            return content
    raise FileNotFoundError("manifest.yml is neither beside the code nor at the top of the checkout.")


def for_socket_mode(manifest: Manifest) -> Manifest:
    """Socket Mode on, no request URLs."""
    return _with_transport(manifest, None)


def for_http(manifest: Manifest, url: str) -> Manifest:
    """Socket Mode off, every request URL on `url` (https://host, without a path)."""
    return _with_transport(manifest, url.rstrip("/") + EVENTS_PATH)


def bot_scopes(manifest: Manifest) -> tuple[str, ...]:
    """The scopes of the bot token."""
    return tuple(manifest.get("oauth_config", {}).get("scopes", {}).get("bot", ()))


def as_yaml(manifest: Manifest) -> str:
    """The manifest as text for Slack's "From a manifest" page."""
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=100)


def _with_transport(manifest: Manifest, request_url: str | None) -> Manifest:
    settings = dict(manifest.get("settings", {}))
    settings["socket_mode_enabled"] = request_url is None
    features = dict(manifest.get("features", {}))
    features["slash_commands"] = [
        _placed(command, {"url": request_url}) for command in features.get("slash_commands", [])
    ]
    if "interactivity" in settings:
        urls = {"request_url": request_url, "message_menu_options_url": request_url}
        settings["interactivity"] = _placed(settings["interactivity"], urls)
    if "event_subscriptions" in settings:
        settings["event_subscriptions"] = _placed(settings["event_subscriptions"], {"request_url": request_url})
    return {**manifest, "features": features, "settings": settings}


def _placed(part: Manifest, urls: dict[str, str | None]) -> Manifest:
    kept = {key: value for key, value in part.items() if key not in urls}
    return {**{key: url for key, url in urls.items() if url is not None}, **kept}
