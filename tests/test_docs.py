"""Documentation that fails when it no longer tells the truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings import environment_names
from handlers.command_table import TABLE

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
CONFIGURE = (ROOT / "docs" / "configure.md").read_text()
USE = (ROOT / "docs" / "use.md").read_text()


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", CONFIGURE, re.MULTILINE))
    assert documented == set(environment_names())


@pytest.mark.parametrize("page", ["README.md", "docs/use.md"])
def test_every_command_is_documented_and_every_documented_command_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    documented = set(re.findall(r"^\| `(/data\w+ \w+)", text, re.MULTILINE))
    assert documented == {f"{command.slash} {command.name}" for command in TABLE.commands}


def test_the_examples_of_the_user_guide_are_understood() -> None:
    examples = re.findall(r"^(/data\w+)(?: (.*))?$", USE, re.MULTILINE)
    assert len(examples) >= 15
    for slash, text in examples:
        bound = TABLE.read(slash, text)
        helps = not text or text.startswith("help")
        assert bound.run is not None or helps, f"{slash} {text} is answered with: {bound.message}"


def test_the_commands_the_readme_tells_to_type_exist_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"\bmake ([a-z]+)", README + CONFIGURE + (ROOT / "CONTRIBUTING.md").read_text()))
    assert {"demo", "test"} <= told <= targets


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]+)?\)", page.read_text()):
            there = page.parent / target if target else page
            assert there.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in _anchors(there.read_text()), f"{page.name} links to {target}{anchor}"


def _anchors(text: str) -> set[str]:
    """What headings are called in links, as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_names_of_references_in_documents_are_defined() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        text = page.read_text()
        used = set(re.findall(r"\]\[([^\]]+)\]", text))
        assert used == set(re.findall(r"^\[([^\]]+)\]: http", text, re.MULTILINE)), page.name
