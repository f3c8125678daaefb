"""What an existing dataset puts into the register form: a new version's description, tags and owner start with its own.

In Azure ML a new version's description and tags replace the dataset's, so an empty field would take them away. What
the person typed is never overwritten: a field counts as theirs unless it is empty or still holds what was filled in.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace

from handlers.blockkit import OPTION_VALUE
from handlers.datasets.curate_view import editable_tags
from handlers.datasets.register_form import FIELD_LIMIT, ROOM_IN_FORM, RegisterForm, tags_text
from handlers.packed import pack
from handlers.text import lines, md
from services.datasets.model import Dataset, DatasetCard, DatasetSummary, NameCheck, RegisterRequest
from services.datasets.service import DatasetService
from services.datastores.service import SOON_SECONDS
from services.errors import NotFound, UserError


async def existing(datasets: DatasetService, name: str) -> DatasetCard | None:
    """The dataset of this name with its latest version, None if there is none."""
    if not name.strip():
        return None
    try:
        return await datasets.show(name.strip())
    except NotFound:
        return None


async def existing_soon(datasets: DatasetService, name: str) -> DatasetCard | None:
    """`existing` for a form that a person waits for; None also when the workspace does not tell at once.

    Nothing is lost then: `completed` looks again when the form is submitted.
    """
    try:
        async with asyncio.timeout(SOON_SECONDS):
            return await existing(datasets, name)
    except (TimeoutError, UserError):
        return None


def next_version_of(card: DatasetCard, form: RegisterForm) -> RegisterForm:
    """A form for the next version: all of it as the latest version was registered.

    form: a new one, whose owner and channel are kept. What the form cannot hold is left out, and said.
    """
    version = card.version
    request = RegisterRequest(version.name, version.definition, form.owner, create_new_version=True)
    made = RegisterForm.from_request(request, channel=form.channel, thread_ts=form.thread_ts)
    made = replace(made, owner=form.owner, filled=form.filled)
    missing = []
    if len(made.paths) > FIELD_LIMIT or len(made.urls) > FIELD_LIMIT:
        made = replace(made, paths="", urls="")
        missing.append("paths or addresses")
    if len(made.datastore) > OPTION_VALUE:
        made = replace(made, datastore="")
        missing.append("datastore")
    if len(pack([[name, kind.value] for name, kind in made.column_types])) > ROOM_IN_FORM:
        made = replace(made, column_types=())
        missing.append("column types")
    if missing:
        note = md(":warning: Too long for this form, so choose them again: {}.", ", ".join(missing))
        made = replace(made, checked=lines([note]))
    # The blocks are new to Slack, so their ids need no change.
    return replace(filled(made, card.dataset, longest=FIELD_LIMIT), fills=0)


async def settled(datasets: DatasetService, form: RegisterForm) -> tuple[RegisterForm, NameCheck | None]:
    """The form with what its name brings along, and what would happen to the name; quick when the name is as before."""
    check = await datasets.check_name(form.name) if form.name.strip() else None
    exists = check is not None and check.problem is None and check.exists
    if _mark(form.name.strip() if exists else "") == form.filled_from:
        return form, check
    card = await existing_soon(datasets, form.name) if exists else None
    return filled(form, card.dataset if card else None, longest=FIELD_LIMIT), check


async def completed(datasets: DatasetService, form: RegisterForm) -> RegisterForm:
    """A submitted form whose name may never have been looked up: what is empty keeps what the dataset has.

    A person waits for the acknowledgement: where the workspace does not tell soon, the local index does.
    """
    if not (await datasets.check_name(form.name)).exists:
        return form
    name = form.name.strip()
    try:
        async with asyncio.timeout(SOON_SECONDS):
            return filled(form, await datasets.dataset(name))
    except (TimeoutError, UserError):
        listed = await datasets.suggest(name)
        return filled(form, next((each for each in listed if each.name == name), None))


def filled(form: RegisterForm, dataset: Dataset | DatasetSummary | None, *, longest: int | None = None) -> RegisterForm:
    """The form with the dataset's description, tags and owner where the person typed nothing of their own.

    dataset: None takes back what another one brought. longest: characters that a field of the form holds; a longer
    text is left out here, and comes in by `completed`.
    """
    before, source = dict(form.filled), _mark(dataset.name if dataset else "")
    values: dict[str, str] = {}
    marks: dict[str, str] = {}
    for field, value in _current(dataset).items():
        present = str(getattr(form, field))
        if field in before and source == form.filled_from:
            marks[field] = before[field]  # seen by the person, and left so or changed
            continue
        if present and before.get(field) != _mark(present):
            continue  # typed by the person
        fits = longest is None or len(value) <= longest
        values[field] = value if fits else ""
        if fits:
            marks[field] = _mark(value)
    changed = any(value != getattr(form, field) for field, value in values.items())
    return replace(
        form,
        description=values.get("description", form.description),
        tags=values.get("tags", form.tags),
        owner=values.get("owner", form.owner),
        filled=tuple(marks.items()),
        filled_from=source,
        fills=form.fills + changed,
    )


def own_default(owner: str) -> tuple[tuple[str, str], ...]:
    """`RegisterForm.filled` of a new form, whose owner nobody chose yet."""
    return (("owner", _mark(owner)),)


def _current(dataset: Dataset | DatasetSummary | None) -> Mapping[str, str]:
    if dataset is None:
        return {"description": "", "tags": "", "owner": ""}
    return {"description": dataset.description, "tags": tags_text(editable_tags(dataset)), "owner": dataset.owner}


def _mark(text: str) -> str:
    """Short, to tell whether a text is the one that was filled in; "" for the empty text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8] if text else ""
