"""Small rules that compose into the shapes of Block Kit, and the report of what breaks them.

A rule looks at one value at one JSON pointer and reports errors in Slack's words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bot.sandbox.state import StoredFile
from bot.sandbox.wire import JsonObject


@dataclass(frozen=True)
class BlockError:
    """One thing that Slack refuses, in the shape of `blocks.validate`.

    Shape: docs.slack.dev/reference/methods/blocks.validate (pointer, code, message, constraint, field).
    """

    pointer: str
    message: str
    code: str = "failed_constraint"
    constraint: JsonObject | None = None
    field: str = ""

    def as_json(self) -> JsonObject:
        """As an entry of `errors` in the answer of blocks.validate."""
        shown: JsonObject = {"pointer": self.pointer, "code": self.code, "message": self.message}
        if self.constraint is not None:
            shown["constraint"] = self.constraint
        if self.field:
            shown["field"] = self.field
        return shown

    def as_text(self) -> str:
        """As a line of `errors` in the answers of chat.* and views.*."""
        return f"{self.message} [json-pointer:{self.pointer}]"


@dataclass
class Report:
    """Where rules write, and what they may ask: uploaded files, block types refused on purpose."""

    files: Mapping[str, StoredFile]
    refused_types: frozenset[str] = frozenset()
    surface: str = "message"
    errors: list[BlockError] = field(default_factory=list)

    def fail(self, pointer: str, message: str, **constraint: Any) -> None:
        """Note one error; the constraint's parts go into `constraint`."""
        self.errors.append(BlockError(pointer, message, constraint=constraint or None))

    def missing(self, pointer: str, name: str) -> None:
        """Note an absent required field."""
        self.errors.append(BlockError(pointer, f"missing required field: {name}", code="missing_field", field=name))


Rule: TypeAlias = Callable[[Any, str, Report], None]
Check: TypeAlias = Callable[[JsonObject, str, Report], None]


def string(most: int | None = None, least: int = 1) -> Rule:
    """A string of this many characters, both ends included."""

    def rule(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, str):
            report.fail(at, "must be a string", type="type", expected=["string"])
        elif len(value) < least:
            report.fail(at, f"must be more than {least - 1} characters", type="min_length", expected=least)
        elif most is not None and len(value) > most:
            report.fail(
                at, f"must be less than {most + 1} characters", type="max_length", expected=most, got=len(value)
            )

    return rule


def integer(least: int | None = None, most: int | None = None) -> Rule:
    """A whole number between two bounds, both included."""

    def rule(value: Any, at: str, report: Report) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            report.fail(at, "must be an integer", type="type", expected=["integer"])
        elif least is not None and value < least:
            report.fail(at, f"must be greater than or equal to {least}", type="min", expected=least, got=value)
        elif most is not None and value > most:
            report.fail(at, f"must be less than or equal to {most}", type="max", expected=most, got=value)

    return rule


def number(above: float | None = None) -> Rule:
    """A number, greater than `above` when that is given."""

    def rule(value: Any, at: str, report: Report) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            report.fail(at, "must be a number", type="type", expected=["number"])
        elif above is not None and value <= above:
            report.fail(at, f"must be greater than {above}", type="exclusive_min", expected=above, got=value)

    return rule


def boolean(value: Any, at: str, report: Report) -> None:
    """true or false."""
    if not isinstance(value, bool):
        report.fail(at, "must be a boolean", type="type", expected=["boolean"])


def anything(value: Any, at: str, report: Report) -> None:
    """No rule: the value is Slack's own or passed through."""


def one_of(*allowed: str) -> Rule:
    """One of these words."""

    def rule(value: Any, at: str, report: Report) -> None:
        if value not in allowed:
            words = ", ".join(allowed)
            report.fail(at, f"must be one of: {words}", type="enum", expected=list(allowed), got=value)

    return rule


def array(item: Rule, most: int | None = None, least: int = 1) -> Rule:
    """A list of this many values that each follow the rule."""

    def rule(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, list):
            report.fail(at, "must be an array", type="type", expected=["array"])
            return
        if len(value) < least:
            report.fail(at, f"no less than {least} items allowed", type="min_items", expected=least)
        if most is not None and len(value) > most:
            report.fail(at, f"no more than {most} items allowed", type="max_items", expected=most, got=len(value))
            return
        for index, entry in enumerate(value):
            item(entry, f"{at}/{index}", report)

    return rule


def nullable(rule: Rule) -> Rule:
    """null, or what the rule says."""

    def check(value: Any, at: str, report: Report) -> None:
        if value is not None:
            rule(value, at, report)

    return check


def shape(
    required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None, checks: tuple[Check, ...] = ()
) -> Rule:
    """An object with these fields and no others; null counts as absent. `checks` look at it as a whole."""
    fields = {**required, **(optional or {})}

    def rule(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.fail(at, "must be an object", type="type", expected=["object"])
            return
        before = len(report.errors)
        for name in required:
            if value.get(name) is None:
                report.missing(at, name)
        for name, entry in value.items():
            if entry is None:
                continue
            if name in fields:
                fields[name](entry, f"{at}/{name}", report)
            else:
                report.fail(at, f"invalid additional property: {name}", type="additional_properties", got=name)
        if len(report.errors) == before:
            for check in checks:
                check(value, at, report)

    return rule


def by_type(rules: Callable[[], Mapping[str, Rule]], allowed: frozenset[str] | None = None) -> Rule:
    """An object whose `type` chooses its rule; `rules` is called late so that shapes may nest."""

    def rule(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.fail(at, "must be an object", type="type", expected=["object"])
            return
        kind = value.get("type")
        if kind is None:
            report.missing(at, "type")
            return
        known = rules()
        expected = sorted(set(known) & allowed if allowed is not None else known)
        if kind not in expected or kind in report.refused_types:
            report.fail(f"{at}/type", f"unsupported type: {kind}", type="enum", expected=expected, got=kind)
            return
        known[kind](value, at, report)

    return rule


def exactly_one(*names: str) -> Check:
    """Exactly one of these fields."""

    def check(value: JsonObject, at: str, report: Report) -> None:
        if sum(value.get(name) is not None for name in names) != 1:
            report.fail(at, f"must have exactly one of: {', '.join(names)}", type="one_of", expected=list(names))

    return check


def at_least_one(*names: str) -> Check:
    """At least one of these fields."""

    def check(value: JsonObject, at: str, report: Report) -> None:
        if not any(value.get(name) for name in names):
            report.fail(at, f"must have at least one of: {', '.join(names)}", type="any_of", expected=list(names))

    return check
