"""Keeping a dataset in order: tags, description, deprecation, owner, watchers."""

from __future__ import annotations

from collections.abc import Sequence

from services.actor import Actor
from services.datasets import notices
from services.datasets.lookup import Lookup
from services.datasets.model import Dataset, Deprecation
from services.datasets.names import (
    DEPRECATED_TAG,
    DESCRIPTION_LIMIT,
    REPLACED_BY_TAG,
    TAG_LIMIT,
    reserved_tag_problem,
    tags_problem,
)
from services.datasets.rules import may_curate, may_take_ownership
from services.errors import InvalidInput
from services.ports import Catalog, Clock, Records

REASON_LIMIT = 1000


class Curation:
    """Every change is checked, made in the workspace, recorded, and shown in lists at once."""

    def __init__(self, *, catalog: Catalog, records: Records, lookup: Lookup, clock: Clock) -> None:
        self._catalog = catalog
        self._records = records
        self._lookup = lookup
        self._clock = clock

    async def change_tags(
        self, actor: Actor, name: str, put: Sequence[tuple[str, str]], remove: Sequence[str]
    ) -> Dataset:
        """Add or replace some tags and remove others. Raises NotFound, NotAllowed, InvalidInput."""
        dataset = await self._lookup.dataset(name)
        may_curate(actor, dataset).require()
        if problem := tags_problem(put) or reserved_tag_problem(put):
            raise InvalidInput(problem, field="tags")
        present = dict(dataset.tags)
        if unknown := next((key for key in remove if key not in present), None):
            has = f"Its tags are {', '.join(present)}." if present else "It has no tags."
            raise InvalidInput(f"“{name}” has no tag “{unknown}”. {has}", field="tags")
        removed = [(key, present[key]) for key in remove]
        if reserved_tag_problem(removed) or (
            present.get("status") == "deprecated" and any(key == "status" for key, _ in put)
        ):
            raise InvalidInput(
                f"That tag says that “{name}” is deprecated. Reinstate the dataset to take it off.", field="tags"
            )
        if both := next((key for key, _ in put if key in set(remove)), None):
            raise InvalidInput(f"The tag “{both}” cannot be set and removed at once.", field="tags")
        total = len({**present, **dict(put)}) - len(set(remove))
        if total > TAG_LIMIT:
            raise InvalidInput(f"“{name}” would have {total} tags; {TAG_LIMIT} is the most.", field="tags")
        await self._catalog.change_tags(name, put=put, remove=remove)
        return await self._shown(name)

    async def describe(self, actor: Actor, name: str, description: str) -> Dataset:
        """Replace the description. Raises NotFound, NotAllowed, InvalidInput."""
        dataset = await self._lookup.dataset(name)
        may_curate(actor, dataset).require()
        if len(description) > DESCRIPTION_LIMIT:
            raise InvalidInput(
                f"The description has {len(description):,} characters; {DESCRIPTION_LIMIT:,} is the most.",
                field="description",
            )
        await self._catalog.set_description(name, description)
        return await self._shown(name)

    async def deprecate(self, actor: Actor, name: str, replaced_by: str, reason: str) -> Dataset:
        """Say that a dataset should not be used any more, and what to use instead.

        replaced_by: name or name:version of a dataset that is not deprecated itself (so that replacements
        never run in a circle), "" for none. Raises NotFound, NotAllowed, InvalidInput.
        """
        dataset = await self._lookup.dataset(name)
        may_curate(actor, dataset).require()
        if len(reason) > REASON_LIMIT:
            raise InvalidInput(
                f"The reason has {len(reason):,} characters; {REASON_LIMIT:,} is the most.", field="reason"
            )
        replacement = replaced_by.strip()
        if replacement:
            await self._check_replacement(name, replacement)
        remove = [REPLACED_BY_TAG] if not replacement and REPLACED_BY_TAG in dict(dataset.tags) else []
        put = [DEPRECATED_TAG, *([(REPLACED_BY_TAG, replacement)] if replacement else [])]
        await self._catalog.change_tags(name, put=put, remove=remove)
        deprecation = Deprecation(replacement, reason.strip(), actor.user_id, self._clock.now())
        await self._records.set_deprecation(name, deprecation, notices.deprecated(dataset, deprecation))
        return await self._shown(name)

    async def _check_replacement(self, name: str, replacement: str) -> None:
        target, number = split_label(replacement)
        if target == name:
            raise InvalidInput(f"“{name}” cannot replace itself. Name another dataset.", field="replaced_by")
        other = await self._lookup.dataset(target)
        await self._lookup.version(other, number)
        if other.deprecation is not None:
            instead = other.deprecation.replaced_by
            hint = f"It is replaced by “{instead}”." if instead and instead != name else "Name another dataset."
            raise InvalidInput(f"“{target}” is deprecated itself. {hint}", field="replaced_by")

    async def reinstate(self, actor: Actor, name: str) -> Dataset:
        """Take a deprecation back. Raises NotFound, NotAllowed, InvalidInput when it is not deprecated."""
        dataset = await self._lookup.dataset(name)
        may_curate(actor, dataset).require()
        present = dict(dataset.tags)
        if dataset.deprecation is None:
            raise InvalidInput(f"“{name}” is not deprecated, so there is nothing to take back.")
        remove = [key for key in (DEPRECATED_TAG[0], REPLACED_BY_TAG) if key in present]
        if remove:
            await self._catalog.change_tags(name, put=(), remove=remove)
        await self._records.set_deprecation(name, None)
        return await self._shown(name)

    async def set_owner(self, actor: Actor, name: str, owner: str) -> Dataset:
        """Hand a dataset over; owner: Slack user id, "" for nobody. Raises NotFound, NotAllowed."""
        dataset = await self._lookup.dataset(name)
        may_take_ownership(actor, dataset, owner).require()
        await self._records.set_owner(name, owner)
        return await self._shown(name)

    async def watch(self, actor: Actor, name: str, watching: bool) -> Dataset:
        """Begin or end watching a dataset for oneself. Raises NotFound."""
        await self._lookup.dataset(name)
        await self._records.set_watching(name, actor.user_id, watching)
        return await self._lookup.dataset(name)

    async def _shown(self, name: str) -> Dataset:
        await self._lookup.refresh_index()
        return await self._lookup.dataset(name)


def split_label(label: str) -> tuple[str, int | None]:
    """("sales", 3) from "sales:3", ("sales", None) from "sales"."""
    name, colon, number = label.rpartition(":")
    if colon and number.isascii() and number.isdigit():
        return name, int(number)
    return label, None
