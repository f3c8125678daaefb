"""The App Home: what waits for me, my access, what is mine or watched, what changed under its versions, what is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from handlers.access.buttons import ask_button
from handlers.access.home_part import access_blocks
from handlers.blockkit import (
    VIEW_BLOCKS,
    actions,
    button,
    context,
    divider,
    header,
    home,
    input_block,
    section,
    text_input,
)
from handlers.datasets.naming import command_button, dataset_command
from handlers.datasets.outcome_view import version_blocks
from handlers.datasets.phrases import BADGES, badge_sentence, owner_phrase
from handlers.message import Json
from handlers.monitors.home_part import incident_blocks
from handlers.text import Mrkdwn, bold, code, count_text, lines, md, truncate, when
from handlers.working import done_view
from services.access.offer import MyAccess
from services.datasets.model import DatasetCard, DatasetPage, DatasetSummary, FingerprintState
from services.monitors.incidents import Incident

FIND, FIND_ACTION, REFRESH_ACTION, SHOW_ACTION = "home_find", "home:find", "home:refresh", "home:show"
MINE, WATCHED, CHANGED, RECENT = 12, 12, 8, 12
TITLE = "Dataset"

NO_ACCESS = MyAccess((), (), (), ())

_CALM = frozenset({FingerprintState.UNCHECKED, FingerprintState.UNCHANGED})


@dataclass(frozen=True, slots=True)
class HomeContent:
    """What the index says. found: answers to `words`, or what is newest without words. at: when it was asked.

    access: what the person holds, asked for and has to decide. incidents: open ones that concern the person.
    """

    mine: DatasetPage
    watched: DatasetPage
    changed: DatasetPage
    found: DatasetPage
    at: datetime
    words: str = ""
    access: MyAccess = NO_ACCESS
    incidents: tuple[Incident, ...] = ()


def home_view(content: HomeContent) -> Json:
    """The tab."""
    row = [
        command_button("Register a dataset", "run:register", "/dataset register", style="primary"),
        command_button("Request access", "run:access", "/dataset access"),
        button("Refresh", REFRESH_ACTION),
        command_button("What I can do", "run:help", "/dataset help"),
    ]
    search = text_input(
        FIND_ACTION,
        initial=content.words,
        placeholder="Words of a name, description, tag … and Enter",
        max_length=200,
        dispatch_on=("on_enter_pressed",),
    )
    blocks = [header("Datasets"), actions(row, block_id="home_actions")]
    blocks.append(input_block(FIND, "Find a dataset", search, optional=True, dispatch=True))
    if content.words:
        title = f"Found: {count_text(content.found.total, 'dataset')}"
        blocks += _part("found", title, content.found, f"Nothing matches “{truncate(content.words, 100)}”.")
    blocks += access_blocks(content.access)
    blocks += incident_blocks(content.incidents)
    if content.changed.items:
        blocks += _part("changed", "Changed since they were registered: mine and what I watch", content.changed, "")
    empty = "You own no dataset yet. Register one, and it is listed here."
    blocks += _part("mine", "Mine", content.mine, empty)
    empty = "You watch no dataset yet. Watch one, and you hear of its new versions and when its files change."
    blocks += _part("watched", "Datasets I watch", content.watched, empty)
    if not content.words:
        blocks += _part("recent", "Recent", content.found, "There is no dataset yet.")
    blocks = blocks[: VIEW_BLOCKS - 1]
    blocks.append(context(md("As of {}", when(content.at))))
    return home(blocks)


def _part(key: str, title: str, page: DatasetPage, empty: str) -> list[Json]:
    blocks = [divider(), section(md("*{}*", title))]
    if not page.items:
        return [*blocks, context(empty)]
    blocks += [_row(key, number, item) for number, item in enumerate(page.items)]
    if page.total > len(page.items):
        blocks.append(context(f"and {page.total - len(page.items):,} more"))
    return blocks


def _row(key: str, number: int, item: DatasetSummary) -> Json:
    facts = [item.type.value, *([BADGES[item.state]] if item.state not in _CALM else [])]
    if item.deprecated:
        facts.append("deprecated")
    about = md("{} · {} · {}", " · ".join(facts), owner_phrase(item.owner), when(item.modified_at))
    said = [md("{}", bold(truncate(f"{item.name}:{item.latest_version}", 200))), about]
    if item.description.strip():
        said.append(md("{}", truncate(item.description, 150)))
    show = button("Show", f"{SHOW_ACTION}:{key}:{number}", item.name, label=f"Show {item.name}")
    return section(lines(said), accessory=show, block_id=f"home:{key}:{number}")


def show_view(card: DatasetCard) -> Json:
    """A dataset in a modal, opened from the App Home."""
    version = card.version
    name = version.name
    blocks: list[Json] = [section(md("{}, the latest version", bold(version.label)))]
    gone = card.dataset.deprecation
    if gone is not None:
        instead = md(" Use {} instead.", code(gone.replaced_by)) if gone.replaced_by else Mrkdwn("")
        blocks.append(section(md(":no_entry: *Deprecated.*{}", instead)))
    blocks += version_blocks(version, card.dataset.owner)
    blocks.append(section(badge_sentence(version.check)))
    row = [
        command_button("Use", "run:use", dataset_command("use", name)),
        command_button("Versions", "run:versions", dataset_command("versions", name)),
        command_button("Preview", "run:preview", dataset_command("preview", name)),
        command_button("Watch", "run:watch", dataset_command("watch", name)),
        ask_button(name),
    ]
    blocks += [actions(row), context("The answers come to your Messages tab, as direct messages.")]
    return done_view(TITLE, blocks)
