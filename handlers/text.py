"""Text as Slack takes it: the one place that escapes and truncates.

Untrusted text (names, tags, paths, file contents, people's words) is a plain `str`. Text with markup is `Mrkdwn`
and comes only from `md`, `code`, `bold`, `mention` and their like, which escape whatever they are given. Block
builders show a `str` as plain text, so nothing that was not built here can mention, link or format.

Source of the three escapes: https://docs.slack.dev/messaging/formatting-message-text#escaping
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

ELLIPSIS = "…"
_LINE_BREAKS = re.compile(r"[\r\n\u2028\u2029\x0b\x0c\x85]+")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_EDGE_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_MARKS = str.maketrans({"*": "∗", "~": "∼", "`": "ʼ"})
_ID = r"(?=[A-Z0-9]*[0-9]|[A-Z]{8})[A-Z0-9]{2,}\b"  # so that "user UPN" is none
_QUOTED = re.compile(rf"(“[^“”]*”|\buser group S{_ID}|\buser [UW]{_ID})")
_PLACE = re.compile(r"\{\}")


class Mrkdwn(str):
    """Text in Slack's markup whose untrusted parts are escaped already."""

    __slots__ = ()


def escape(text: str) -> str:
    """Replace the three characters that start Slack's own syntax, so that `<!channel>` stays text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """The reverse of `escape`, for text that Slack delivers escaped."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def quiet(text: str) -> str:
    """Untrusted text within markup: on one line, escaped, its formatting marks replaced by look-alikes.

    Slack has no escape for `*`, `_`, `~` and the backtick. Underscores inside words do nothing and stay.
    """
    marked = escape(one_line(text)).translate(_MARKS)
    return _EDGE_UNDERSCORE.sub("ˍ", marked) if "_" in marked else marked


def truncate(text: str, limit: int) -> str:
    """At most limit characters, the cut shown by an ellipsis."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + ELLIPSIS


def one_line(text: str) -> str:
    """Line breaks and control characters replaced, so that a value cannot change the shape of a message."""
    if text.isprintable():  # as nearly all is: no break, control character or mark of direction counts as printable
        return text
    return _CONTROL.sub("�", _LINE_BREAKS.sub(" ", unturned(text)))


def unturned(text: str) -> str:
    """The marks that turn the direction of all that follows replaced, so that `\u202etxt.exe` does not read "exe.txt".

    Text in scripts from right to left needs none of them: its letters have their direction.
    """
    return _TURNING.sub("�", text)


def md(template: str, *parts: str) -> Mrkdwn:
    """Markup with each `{}` replaced: `Mrkdwn` parts as they are, other text made `quiet`."""
    values = iter(parts)

    def fill(_: re.Match[str]) -> str:
        part = next(values)
        return part if isinstance(part, Mrkdwn) else quiet(part)

    return Mrkdwn(_PLACE.sub(fill, template))


def join(separator: str, parts: Iterable[str]) -> Mrkdwn:
    """Parts joined, each made `quiet` unless it is markup."""
    return Mrkdwn(separator.join(p if isinstance(p, Mrkdwn) else quiet(p) for p in parts))


def lines(parts: Iterable[str]) -> Mrkdwn:
    """One part a line."""
    return join("\n", parts)


def code(text: str, limit: int = 300) -> Mrkdwn:
    """Text in a code span, where no formatting mark counts; backticks, which cannot be escaped, become quotes."""
    clean = truncate(one_line(text).replace("`", "ʼ").strip() or " ", limit)
    return Mrkdwn(f"`{escape(clean)}`")


def told(sentence: str) -> Mrkdwn:
    """A service's sentence as markup: what it quotes (names, paths, values) stands in code spans, and who it names by
    a Slack id ("user group S0OWNERS", "user U0ADA") is mentioned.
    """
    return Mrkdwn("".join(map(_told_part, _QUOTED.split(sentence))))


def _told_part(part: str) -> str:
    if part[:1] == "“" and len(part) > 1:
        return code(part[1:-1])
    if part.startswith("user ") and _QUOTED.fullmatch(part):
        slack_id = part.rpartition(" ")[2]
        return group_mention(slack_id) if part.startswith("user group ") else mention(slack_id)
    return quiet(part)


def code_block(text: str, limit: int = 2900) -> Mrkdwn:
    """Several lines of preformatted text."""
    return Mrkdwn(f"```\n{truncate_escaped(text.replace('```', 'ʼʼʼ'), limit)}\n```")


def truncate_escaped(text: str, limit: int) -> str:
    """Escaped text of at most limit characters, never cut inside an escape."""
    escaped = escape(text)
    if len(escaped) <= limit:
        return escaped
    cut = escaped[: limit - 1]
    ampersand = cut.rfind("&")
    if ampersand > cut.rfind(";"):
        cut = cut[:ampersand]
    return cut.rstrip() + ELLIPSIS


def bold(text: str) -> Mrkdwn:
    """Bold."""
    return text if isinstance(text, Mrkdwn) else Mrkdwn(f"*{quiet(text)}*")


def italic(text: str) -> Mrkdwn:
    """Italic."""
    return Mrkdwn(f"_{text if isinstance(text, Mrkdwn) else quiet(text)}_")


def mention(user_id: str) -> Mrkdwn:
    """A person, or "nobody" for an empty id. Anything that is not a Slack id stays text."""
    if not user_id:
        return Mrkdwn("nobody")
    return Mrkdwn(f"<@{user_id}>") if re.fullmatch(r"[UW][A-Z0-9]+", user_id) else Mrkdwn(escape(one_line(user_id)))


def group_mention(group_id: str) -> Mrkdwn:
    """A user group of Slack."""
    return Mrkdwn(f"<!subteam^{group_id}>") if re.fullmatch(r"S[A-Z0-9]+", group_id) else code(group_id)


def channel_mention(channel_id: str) -> Mrkdwn:
    """A channel."""
    return Mrkdwn(f"<#{channel_id}>") if re.fullmatch(r"[CGD][A-Z0-9]+", channel_id) else code(channel_id)


def link(url: str, label: str) -> Mrkdwn:
    """A link; a URL that is not http(s) is shown as text."""
    if not re.match(r"https?://", url):
        return code(url)
    target = escape(url).replace("|", "%7C")
    return Mrkdwn(f"<{target}|{escape(one_line(label)).replace('|', '¦')}>")


def when(moment: datetime | None, style: str = "{date_short_pretty} at {time}") -> Mrkdwn:
    """A moment that every reader sees in their own zone.

    Source: https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    if moment is None:
        return Mrkdwn("never")
    fallback = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Mrkdwn(f"<!date^{int(moment.timestamp())}^{style}|{fallback}>")


def bytes_text(count: int | None) -> str:
    """A size for people: "1.4 MB" (powers of 1000, as storage is sold)."""
    if count is None:
        return "unknown size"
    size = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            return f"{int(size)} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


def count_text(count: int, singular: str, plural: str | None = None) -> str:
    """ "1 file", "2,041 files"."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
