"""Guessing the format, encoding, delimiter and header of a file."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.datasets.model import FileFormat, Format, HeaderMode
from services.errors import InvalidInput, SourceProblem
from services.reading.formats import (
    codec,
    guess_delimiter,
    guess_encoding,
    guess_format,
    guess_header,
    sample_records,
)
from services.reading.listing import find
from services.reading.places import LocalFile
from tests.reading.places import delimited, place, write


def file(root: Path, name: str, content: str | bytes) -> LocalFile:
    write(root, name, content)
    (found,) = find(place(root, name), 1).files
    return found


def parquet_bytes() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2]}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "name,age\nann,3\nbob,4\n", delimited()),
        ("a.csv", "name;age\nann;3,5\nbob;4,5\n", delimited(";")),
        ("a.tsv", "name\tage\nann\t3\n", delimited("\t")),
        ("a.txt", "name|age|city\nann|3|x, y\n", delimited("|")),
        ("a.csv", "1,2\n3,4\n", delimited(header=HeaderMode.NONE)),
        ("a.csv", "ann,2013-01-02\nbob,2013-01-03\n", delimited(header=HeaderMode.NONE)),
        ("a.csv", 'name,note\nann,"a;b;c;d"\nbob,"x;y;z;w"\n', delimited()),
        ("a.csv", "one\nx\ny\n", delimited()),
        ("a.csv", "\ufeffname,age\nann,3\n", delimited(encoding="utf-8-sig")),
        ("a.csv", "näme,äge\nann,3\n".encode("cp1252"), delimited(encoding="cp1252")),
        ("a.csv", "name,price\nann,3 €\n".encode("cp1252"), delimited(encoding="cp1252")),
        ("a.csv", "name,x\nann,\x81\x8d\n".encode("latin-1"), delimited(encoding="latin-1")),
        ("a.csv", "name,age\nann,3\n".encode("utf-16"), delimited(encoding="utf-16")),
        ("a.csv", "name,age\nann,3\n".encode("utf-16-le"), delimited(encoding="utf-16-le")),
        ("a.csv", "name,age\nann,3\n".encode("utf-32"), delimited(encoding="utf-32")),
        ("a.csv.gz", gzip.compress(b"name;age\nann;3\n", mtime=0), delimited(";")),
        ("noext", parquet_bytes(), Format(FileFormat.PARQUET)),
        ("wrong.csv", parquet_bytes(), Format(FileFormat.PARQUET)),
        ("a.jsonl", '{"a": 1}\n', Format(FileFormat.JSON_LINES)),
        ("noext", '{"a": 1}\n{"a": 2}\n', Format(FileFormat.JSON_LINES)),
        ("a.json", '{"a": 1}\n', Format(FileFormat.JSON_LINES)),
    ],
)
def test_guess(tmp_path: Path, name: str, content: str | bytes, expected: Format) -> None:
    assert guess_format(file(tmp_path, name, content)) == expected


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"PK\x03\x04rest", "ZIP archive"),
        ("a.csv", b"\x89PNG\r\n", "File dataset"),
        ("a.csv", b"\x28\xb5\x2f\xfd0000", "Zstandard"),
        ("a.csv", b"<!DOCTYPE html><html></html>", "web page"),
        ("a.csv", b"\n <HTML lang=en>", "web page"),
        ("a.csv", bytes(range(256)) * 20, "not text"),
        ("a.csv.gz", gzip.compress(b"a,b\n" * 1000, mtime=0)[:-20], "damaged gzip"),
        ("a.csv.gz", gzip.compress(b"a,b\n" * 10, mtime=0)[:14] + b"\xff" * 30, "damaged gzip"),
    ],
)
def test_what_is_not_tabular_is_told(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    with pytest.raises(SourceProblem, match=told):
        guess_format(file(tmp_path, name, content))


@pytest.mark.parametrize(
    ("records", "header"),
    [
        ([["name", "age"], ["ann", "3"]], True),
        ([["a", "b"], ["c", "d"], ["e", "f"]], True),
        ([["a", "b"], ["a", "d"], ["e", "b"]], False),
        ([["1", "2"]], False),
        ([["name", "2013"], ["ann", "3"]], False),
        ([["name", "age"]], True),
        ([["", ""], ["a", "b"]], False),
        ([["x", "x"], ["1", "2"]], True),
        ([["x", "x"], ["a", "b"]], False),
        ([["true", "b"], ["false", "c"]], False),
        ([], False),
    ],
)
def test_guess_header(records: list[list[str]], header: bool) -> None:
    assert guess_header(records) is header


def test_a_cut_off_last_record_does_not_count() -> None:
    assert sample_records("a,b\n1,2\n3", ",", complete=False) == [["a", "b"], ["1", "2"]]
    assert sample_records("a,b\n1,2\n3", ",", complete=True)[-1] == ["3"]


cells = st.text(alphabet="abcdefghij ,;|\t0123456789", min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([",", ";", "\t", "|"]), st.integers(2, 6), st.integers(3, 12), st.data())
def test_the_delimiter_of_plain_tables_is_found(delimiter: str, width: int, height: int, data: st.DataObject) -> None:
    word = st.text(alphabet="abcdefghij", min_size=1, max_size=6)
    rows = data.draw(st.lists(st.lists(word, min_size=width, max_size=width), min_size=height, max_size=height))
    text = "".join(delimiter.join(row) + "\n" for row in rows)
    assert guess_delimiter(text, complete=True) == delimiter


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_text_survives_its_guessed_encoding(text: str, encoding: str) -> None:
    if encoding == "utf-8" and ("\x00" in text or text.startswith("\ufeff")):
        return  # zeros and a mark at the beginning mean other encodings
    if text.startswith("\x00") and encoding == "utf-16":
        return  # its mark followed by zeros is that of UTF-32
    raw = text.encode(encoding)
    if not raw:
        return
    assert raw.decode(codec(guess_encoding(raw, complete=True))).removeprefix("\ufeff") == text.removeprefix("\ufeff")


def test_a_character_cut_at_the_end_of_the_head_is_still_utf_8() -> None:
    raw = "ä".encode() * 10
    assert guess_encoding(raw[:-1], complete=False) == "utf-8"
    assert guess_encoding(raw[:-1], complete=True) != "utf-8"


@pytest.mark.parametrize("name", ["utf8", "UTF-8", "utf8bom", "iso88591", "Latin1", "windows1252", "utf16", "utf_16"])
def test_azure_names_of_encodings(name: str) -> None:
    assert "a".encode(codec(name))


def test_unknown_encoding() -> None:
    with pytest.raises(InvalidInput) as problem:
        codec("utf-7")
    assert problem.value.field == "encoding"
