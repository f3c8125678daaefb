"""Definitions that the bot cannot read by itself: Azure's own engine reads some rows, and the answer says so."""

from __future__ import annotations

import pytest

from services.azure.definitions import read_definition
from services.datasets.model import ColumnType, Definition
from services.drift.settings import CompareSettings
from services.errors import SourceProblem
from tests.azure.storage.world import World, source, tabular

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.azure, pytest.mark.slow]
NOTE = "This definition has steps that only Azure Machine Learning's own engine knows, so that engine read "


def definition(world: World, path: str, *steps: str) -> Definition:
    """What the catalogue makes of an MLTable with these steps after reading a CSV."""
    text = "\n".join(
        [
            "type: mltable",
            "paths:",
            f'  - pattern: "{world.azure.workspace.datastore_uri("store", path)}"',
            "transformations:",
            '  - read_delimited: {delimiter: ",", encoding: utf8, header: all_files_same_headers}',
            *(f"  - {step}" for step in steps),
        ]
    )
    return read_definition("tabular", text, {}).definition


async def test_steps_that_only_the_engine_knows(world: World) -> None:
    world.with_files({"a/1.csv": "k,v,w\n1,x,0.5\n2,y,1.5\n", "a/2.csv": "k,v,w\n3,z,2.5\n"})
    kinds = "convert_column_types: [{columns: k, column_type: int}, {columns: w, column_type: float}]"
    wanted = definition(world, "a/*.csv", kinds, "drop_columns: v", "filter: 'col(\"k\") > 1'")
    assert wanted.mltable is not None
    seen = await world.reader.inspect(wanted)
    assert [(column.name, column.type) for column in seen.schema] == [
        ("k", ColumnType.INTEGER),
        ("w", ColumnType.DECIMAL),
    ]
    assert seen.rows == (("2", "1.5"), ("3", "2.5"))
    assert (seen.row_count, seen.listing.file_count) == (2, 2)
    assert seen.notes[0] == f"{NOTE}all rows."
    before = await world.reader.profile(wanted, name="sales:1")
    after = await world.reader.profile(tabular("a/2.csv"), plan=before)
    found = await world.reader.compare(before, after, CompareSettings())
    assert [column.name for column in found.columns] == ["k", "w"]
    assert found.notes[-1] == f"sales:1: {NOTE}all rows."
    fingerprint = await world.reader.fingerprint(wanted.source)
    assert fingerprint.file_count == 2
    assert not world.azure.log.sign_ins()


async def test_values_that_do_not_fit_the_type_of_their_column_are_told(world: World) -> None:
    """The engine makes them empty; the value itself is not told, since schemas are shown to everybody."""
    world.with_files({"a.csv": "k,v,w,x\n1,x,0.5,\nodd,y,strange,a\n3,z,queer,b\n"})
    kinds = "convert_column_types: [{columns: k, column_type: int}, {columns: w, column_type: float}]"
    wanted = definition(world, "a.csv", kinds, "drop_columns: v")
    seen = await world.reader.inspect(wanted)
    assert [column.type for column in seen.schema] == [ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.STRING]
    assert seen.rows == (("1", "0.5", None), (None, None, "a"), ("3", None, "b"))
    told = seen.notes[1]
    assert told.startswith("Of these 3 rows, values that do not fit the type of their column are shown as empty")
    assert told.endswith("1 in “k”, 2 in “w”.")
    assert not any(value in told for value in ("odd", "strange", "queer"))


async def test_what_is_empty_in_the_files_is_nothing_to_tell(world: World) -> None:
    world.with_files({"a.csv": "k,v,w\n7,x,\n8,y,2.5\n,z,1.5\n"})
    kinds = "convert_column_types: [{columns: k, column_type: int}, {columns: w, column_type: float}]"
    shown = await world.reader.preview(definition(world, "a.csv", kinds, "drop_columns: v"))
    assert shown.rows == (("7", None), ("8", "2.5"), (None, "1.5"))
    assert shown.notes == (f"{NOTE}all rows.",)


async def test_a_sample_from_where_the_datastore_is_now(world: World) -> None:
    """The engine keeps a datastore it has seen for the life of its process: here it points elsewhere, with a key."""
    world.with_files({"a.csv": "k,v\n" + "".join(f"{index},x\n" for index in range(30_000))}, "key")
    shown = await world.reader.preview(definition(world, "a.csv", "drop_columns: v"), rows=1)
    assert (shown.rows, shown.profiled_rows, shown.complete) == ((("0",),), 10_000, False)
    assert shown.notes == (f"{NOTE}the first 10,000 rows.",)


async def test_what_the_engine_cannot_read(world: World) -> None:
    world.with_files({"a.csv": "k,v\n1,x\n"})
    with pytest.raises(SourceProblem, match="the definition is damaged"):
        await world.reader.preview(definition(world, "a.csv", "frobnicate: v"))


async def test_plain_definitions_do_not_need_the_engine(world: World) -> None:
    world.with_files({"a.csv": "k,v\n1,x\n"})
    plain = definition(world, "a.csv")
    assert plain.mltable is None
    assert plain.source == source("a.csv")
    calls = world.sdk.spent.calls
    assert (await world.reader.inspect(plain)).rows == (("1", "x"),)
    assert world.sdk.spent.calls == calls
