"""What a person says, as the part of an element's state that carries it."""

from typing import Any

from bot.sandbox.inputs import VALUE_KEY
from bot.sandbox.wire import JsonObject


def choose(element: JsonObject, value: object, offered: list[JsonObject]) -> JsonObject:
    """The element specific part of state and action for a value given in plain words.

    offered: options of an external select, as the app answered them. Raises ValueError for a value
    that the element does not offer.
    """
    kind = element["type"]
    key = VALUE_KEY.get(kind)
    if key is None:
        return {"value": value}
    return {key: _chosen(element, value, key, offered or _options(element))}


def _chosen(element: JsonObject, value: object, key: str, options: list[JsonObject]) -> object:
    if key == "selected_options":
        return [_option(options, item) for item in _items(value)]
    if element["type"] == "file_input":
        return [item if isinstance(item, dict) else {"id": item} for item in _items(value)]
    if element["type"].startswith("multi_"):
        return [str(item) for item in _items(value)]
    return None if value is None or value == "" else _single(element, value, key, options)


def _single(element: JsonObject, value: object, key: str, options: list[JsonObject]) -> object:
    if key == "selected_option":
        return _option(options, value)
    if element["type"] == "rich_text_input" and isinstance(value, str):
        return _rich_text(value)
    return str(value) if key == "value" else value


def _items(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _options(element: JsonObject) -> list[JsonObject]:
    options: list[JsonObject] = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group["options"]
    return options


def _option(options: list[JsonObject], wanted: object) -> JsonObject:
    if isinstance(wanted, dict):
        return wanted
    for option in options:
        if option.get("value") == wanted:
            return option
    for option in options:
        if option["text"]["text"] == wanted:
            return option
    raise ValueError(f"{wanted!r} is not offered; there are {[o.get('value') for o in options]}")


def _rich_text(text: str) -> JsonObject:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}
