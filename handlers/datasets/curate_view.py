"""The words and forms of curation: tags, description, deprecation, owner, watching."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from handlers.blockkit import actions, context, input_block, modal, option, section, text_input, type_ahead, user_select
from handlers.datasets.naming import command_button, dataset_command, dataset_key
from handlers.datasets.phrases import owner_phrase, tags_phrase
from handlers.datasets.refs import ACTION as DATASET_CHOICE
from handlers.datasets.register_form import FIELD_LIMIT, tags_text
from handlers.message import Json, Message
from handlers.packed import pack
from handlers.text import Mrkdwn, bold, code, count_text, join, lines, md, truncate
from services.datasets.curation import REASON_LIMIT
from services.datasets.model import Dataset, DatasetSummary
from services.datasets.names import parse_tags, reserved_tag_problem
from services.errors import InvalidInput

TAGS, DESCRIPTION, REPLACED_BY, REASON, OWNER = "tags", "description", "replaced_by", "reason", "owner"
TAGS_FORM, DESCRIBE_FORM, DEPRECATE_FORM, OWNER_FORM = (
    "curate_tags",
    "curate_describe",
    "curate_deprecate",
    "curate_owner",
)
TITLES = {
    TAGS_FORM: "Edit tags",
    DESCRIBE_FORM: "Describe",
    DEPRECATE_FORM: "Deprecate",
    OWNER_FORM: "Change the owner",
}
_SHOWN_TEXT = 1500


def outcome_message(said: Mrkdwn, dataset: Dataset) -> Message:
    """What changed, with the way to see it."""
    show = command_button("Show", "run:show", dataset_command("show", dataset.name))
    return Message(text=f"{dataset.name} was changed.", blocks=(section(said), actions([show])))


def tags_changed_text(dataset: Dataset, put: Sequence[tuple[str, str]], remove: Sequence[str]) -> Mrkdwn:
    """What was set and removed, and what the tags are now."""
    said = []
    if put:
        said.append(md("set {}", tags_phrase(put)))
    if remove:
        said.append(md("removed {}", join(", ", [code(key, 100) for key in remove])))
    head = md(":label: Tags of {}: {}.", bold(dataset.name), join("; ", said) if said else "nothing changed")
    return lines([head, md("They are now: {}", tags_phrase(dataset.tags))])


def described_text(dataset: Dataset) -> Mrkdwn:
    """The new description."""
    head = md(":pencil: {} is described as:", bold(dataset.name))
    if not dataset.description:
        return md(":pencil: {} has no description now.", bold(dataset.name))
    return lines([head, *(md(">{}", line) for line in truncate(dataset.description, _SHOWN_TEXT).splitlines())])


def deprecated_text(dataset: Dataset) -> Mrkdwn:
    """That it is deprecated, for what, and who is told."""
    gone = dataset.deprecation
    said = [md(":no_entry: {} is deprecated. Its owner and watchers are told.", bold(dataset.name))]
    if gone is not None and gone.replaced_by:
        said.append(md("It is replaced by {}.", code(gone.replaced_by)))
    if gone is not None and gone.reason:
        said.append(md("Reason: {}", truncate(gone.reason, _SHOWN_TEXT)))
    said.append(md("{} takes this back.", code(dataset_command("reinstate", dataset.name))))
    return lines(said)


def reinstated_text(dataset: Dataset) -> Mrkdwn:
    """That it may be used again."""
    return md(":white_check_mark: {} is no longer deprecated.", bold(dataset.name))


def owner_text(dataset: Dataset) -> Mrkdwn:
    """Who answers for it now."""
    if not dataset.owner:
        return md(":bust_in_silhouette: Nobody owns {} now. Anybody may take it.", bold(dataset.name))
    return md(":bust_in_silhouette: {} owns {} now.", owner_phrase(dataset.owner), bold(dataset.name))


def watching_text(dataset: Dataset, watching: bool) -> Mrkdwn:
    """What the person will hear."""
    if watching:
        return md(
            ":eyes: You watch {} now: I tell you of new versions, files that change, and when it is deprecated.",
            bold(dataset.name),
        )
    if dataset.owner:
        return md(":eyes: You do not watch {} any more. Its owner still hears of changes.", bold(dataset.name))
    return md(":eyes: You do not watch {} any more.", bold(dataset.name))


def digest(*parts: str) -> str:
    """What a form showed, to know later whether somebody else changed it in between."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def tags_digest(dataset: Dataset) -> str:
    """Of all its tags."""
    return digest(*(part for tag in sorted(dataset.tags) for part in tag))


def editable_tags(dataset: Dataset | DatasetSummary) -> tuple[tuple[str, str], ...]:
    """Tags that can be typed as text and read back the same; the others stay as they are."""
    return tuple(tag for tag in dataset.tags if _survives(tag) and not reserved_tag_problem([tag]))


def _survives(tag: tuple[str, str]) -> bool:
    try:
        return parse_tags(tags_text((tag,))) == (tag,)
    except InvalidInput:
        return False


def tags_form(dataset: Dataset) -> Json:
    """All tags as text. Raises InvalidInput when they are more than a field holds."""
    editable = editable_tags(dataset)
    text = tags_text(editable)
    if len(text) > FIELD_LIMIT:
        raise InvalidInput(
            f"The tags of “{dataset.name}” are more than a Slack field holds. Change single ones: "
            f"{dataset_command('tag', dataset.name)} key=value -key"
        )
    element = text_input("tags_text", initial=text, multiline=True, max_length=FIELD_LIMIT, focus=True)
    hint = "key=value, one a line. A line taken out removes the tag."
    blocks = [_about(dataset), input_block(TAGS, "Tags", element, hint=hint, optional=True)]
    kept = [tag for tag in dataset.tags if tag not in editable]
    if kept:
        blocks.append(context(md("Not changed here: {}", tags_phrase(kept))))
    return _form(TAGS_FORM, dataset, blocks, tags_digest(dataset))


def describe_form(dataset: Dataset) -> Json:
    """The description as text. Raises InvalidInput when it is longer than a field."""
    if len(dataset.description) > FIELD_LIMIT:
        raise InvalidInput(
            f"The description of “{dataset.name}” is longer than a Slack field holds. Replace it: "
            f"{dataset_command('describe', dataset.name)} new text"
        )
    element = text_input(
        "description_text", initial=dataset.description, multiline=True, max_length=FIELD_LIMIT, focus=True
    )
    hint = "What is in it, where it comes from, what to know before using it."
    blocks = [_about(dataset), input_block(DESCRIPTION, "Description", element, hint=hint, optional=True)]
    return _form(DESCRIBE_FORM, dataset, blocks, digest(dataset.description))


def deprecate_form(dataset: Dataset) -> Json:
    """What replaces it, and why."""
    gone = dataset.deprecation
    replacement = gone.replaced_by if gone else ""
    initial = option(replacement, dataset_key(replacement)) if replacement else None
    other = type_ahead(DATASET_CHOICE, initial=initial, placeholder="Type a part of its name")
    reason = text_input(
        "reason_text", initial=gone.reason if gone else None, multiline=True, max_length=min(REASON_LIMIT, FIELD_LIMIT)
    )
    told = "Everybody who lists or shows it sees that it should not be used any more. Its owner and watchers are told."
    blocks = [
        _about(dataset),
        context(told if gone is None else "It is deprecated already; this replaces what is said of it."),
        input_block(REPLACED_BY, "Replaced by", other, optional=True),
        input_block(REASON, "Reason", reason, optional=True),
    ]
    return _form(DEPRECATE_FORM, dataset, blocks, "", submit="Deprecate")


def owner_form(dataset: Dataset) -> Json:
    """Who answers for it."""
    person = user_select("owner_choice", initial=dataset.owner or None, placeholder="Choose a person")
    hint = "The owner curates the dataset and hears when its files change. Empty: nobody."
    blocks = [_about(dataset), input_block(OWNER, "Owner", person, hint=hint, optional=True)]
    return _form(OWNER_FORM, dataset, blocks, dataset.owner)


def loading_view(title: str) -> Json:
    """While a form's content is fetched."""
    return modal("loading", title, [section(md(":hourglass_flowing_sand: Loading …"))], close="Cancel")


def _about(dataset: Dataset) -> Json:
    return section(
        md("{}, {} dataset, {}", bold(dataset.name), dataset.type.value, count_text(dataset.latest_version, "version"))
    )


def _form(callback: str, dataset: Dataset, blocks: list[Json], seen: str, submit: str = "Save") -> Json:
    metadata = pack({"name": dataset.name, "seen": seen})
    return modal(callback, TITLES[callback], blocks, submit=submit, private_metadata=metadata)
