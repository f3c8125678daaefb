"""`dataset-bot policy`, `dataset-bot audit` and the policy's part of `dataset-bot check`."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from bot import access_audit
from bot.access_check import PolicyFinding, check_file, file_findings, people_findings
from bot.access_policy import PolicyInForce
from bot.cli import main
from bot.metrics import Metrics
from bot.sandbox.server import LocalSlack
from bot.settings import Settings, SettingsError, checked_settings
from bot.slack_client import SlackClient, open_session
from handlers.caller import Installation
from services.access.audit import entry_hash
from services.access.model import AuditEntry, AuditEvent
from services.access.policy import BUILT_IN, Policy, json_schema
from services.errors import InvalidInput, NotFound
from services.store import migrate
from services.store.access import SqlAccessStore
from services.store.access_tables import access_audit as audit_table
from services.store.database import Database
from tests.databases import SetClock
from tests.scenario.bot_on_local_slack import MANIFEST


@pytest.fixture
async def audited(db: Database, database_url: str, clock: SetClock) -> Settings:
    """Settings of a database with five entries, a day apart."""
    store = SqlAccessStore(db, "local:w", clock=clock)
    for number in range(5):
        details = (("reason", '=HYPERLINK("http://x")\n"quoted"'), ("note", "ü"))
        await store.audit([AuditEvent(f"U{number}", "request.submitted", "=sales", "U1", f"r{number}", "", details)])
        clock.advance(days=1)
    return checked_settings(database_url=database_url)


async def verified(settings: Settings, anchor: str = "", workspace: str = "") -> tuple[int, list[str]]:
    said: list[str] = []
    return await access_audit.verify(settings, anchor, workspace, said.append), said


async def test_a_whole_chain_is_in_order_and_its_head_an_anchor(audited: Settings) -> None:
    code, said = await verified(audited)
    assert code == 0
    assert said[0].startswith("local:w: 5 entries, all in order. Head: 5:")
    head = said[0].rpartition("Head: ")[2]
    assert (await verified(audited, head))[0] == 0
    assert (await verified(audited, "3:" + "0" * 64))[0] == 1
    assert (await verified(audited, "9:" + "0" * 64))[0] == 1
    with pytest.raises(InvalidInput):
        await verified(audited, "nonsense")
    with pytest.raises(NotFound):
        await verified(audited, workspace="local:other")


@pytest.mark.parametrize(
    ("tamper", "where"),
    [
        (update(audit_table).where(audit_table.c.seq == 3).values(actor="U9"), "BROKEN at entry 3 (content)"),
        (delete(audit_table).where(audit_table.c.seq == 2), "BROKEN at entry 3 (gap)"),
        (delete(audit_table).where(audit_table.c.seq == 5), "BROKEN at entry 5 (head)"),
        (update(audit_table).where(audit_table.c.seq == 4).values(previous="0"), "BROKEN at entry 4 (order)"),
    ],
    ids=["changed", "removed", "cut", "relinked"],
)
async def test_the_first_broken_row_is_named(audited: Settings, db: Database, tamper: object, where: str) -> None:
    await db.write(lambda connection: connection.execute(tamper))  # type: ignore[call-overload]  # any statement
    code, said = await verified(audited)
    assert code == 1
    assert where in said[0]


async def test_lines_can_be_verified_without_the_bot(audited: Settings, tmp_path: Path) -> None:
    out = tmp_path / "audit.jsonl"
    await access_audit.export(audited, form="jsonl", output=out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5]
    for line in lines:
        at = datetime.fromisoformat(line.pop("at"))
        details = tuple((key, value) for key, value in line.pop("details"))
        entry = AuditEntry(at=at, details=details, **line)
        assert entry_hash(entry) == entry.hash
    assert lines[1]["previous"] == lines[0]["hash"]


async def test_a_range_of_days_for_a_spreadsheet(audited: Settings, tmp_path: Path) -> None:
    out = tmp_path / "audit.csv"
    since, until = access_audit.read_moment("2026-03-02"), access_audit.read_moment("2026-03-03", end=True)
    await access_audit.export(audited, form="csv", since=since, until=until, output=out)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["seq"] for row in rows] == ["2", "3"]
    assert rows[0]["at"] == "2026-03-02T12:00:00.123456Z"
    assert rows[0]["dataset"] == "'=sales", "no spreadsheet takes it for a formula"
    assert json.loads(rows[0]["details"])["note"] == "ü"


def test_moments_as_they_are_typed() -> None:
    assert access_audit.read_moment("") is None
    assert access_audit.read_moment("2026-03-01") == datetime(2026, 3, 1, tzinfo=UTC)
    assert access_audit.read_moment("2026-12-31", end=True) == datetime(2027, 1, 1, tzinfo=UTC)
    assert access_audit.read_moment("2026-03-01T12:00:00+02:00") == datetime(2026, 3, 1, 10, tzinfo=UTC)
    for wrong in ("yesterday", "2026-03-01T12:00", "2026-13-01"):
        with pytest.raises(InvalidInput):
            access_audit.read_moment(wrong)


async def test_a_database_of_several_workspaces_wants_a_choice(
    audited: Settings, db: Database, clock: SetClock, tmp_path: Path
) -> None:
    await SqlAccessStore(db, "local:other", clock=clock).audit([AuditEvent("U1", "request.submitted")])
    with pytest.raises(InvalidInput, match="--workspace"):
        await access_audit.export(audited, form="jsonl")
    out = tmp_path / "other.jsonl"
    await access_audit.export(audited, form="jsonl", workspace="local:other", output=out)
    assert len(out.read_text().splitlines()) == 1
    assert len((await verified(audited))[1]) == 3, "a line for each, and what to do with the heads"


async def test_a_database_of_another_version_is_left_alone(tmp_path: Path) -> None:
    settings = checked_settings(database_url=f"sqlite:///{tmp_path / 'new.sqlite'}")
    with pytest.raises(InvalidInput):
        await verified(settings)
    assert migrate.current(settings.database_url) is None


def test_a_policy_file_is_checked_alone(tmp_path: Path) -> None:
    said: list[str] = []
    file = tmp_path / "policy.yml"
    file.write_text("version: 1\nrules:\n- {id: a}\n- {id: b, when: {levels: read}}\n")
    assert check_file(file, said.append) == 1
    assert said[0].startswith("Rule “b”: it never matches, since rule “a”")
    file.write_text("version: 1\nrules:\n- {id: b, approve_in_browser: true}\n")
    assert check_file(file, said.append) == 0
    file.write_text("version: 2\n")
    said.clear()
    assert check_file(file, said.append) == 1
    assert said == ["Line 1, version: “2” is not known; write 1."]


async def test_everybody_a_policy_names_is_looked_up(tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text(
        """
version: 1
auditors: [U0NOBODY]
rules:
- id: gone
  approvers: [{from: [S0NOGROUP], needed: 1}]
- id: guests
  when: {datasets: x}
  approvers: [{from: [U0ADA, U0GUS], needed: 2}]
  channel: C0NOWHERE
"""
    )
    policy, said = file_findings(file)
    assert policy is not None
    assert [(each.name, each.ok) for each in said] == [("access policy", True), ("rule guests", False)]
    found = await looked_up(policy, ("U0ADA",))
    assert {each.name for each in found if each.ok is False} == {
        "user U0NOBODY",
        "user U0GUS",
        "user group S0NOGROUP",
        "channel C0NOWHERE",
        "rule gone",
        "rule guests",
    }
    assert all(each.fix for each in found if each.ok is False)


async def test_a_policy_of_people_who_are_there_is_in_order() -> None:
    policy = Policy.model_validate(
        {"version": 1, "rules": [{"id": "a", "approvers": [{"from": ["owner", "U0BEN"], "needed": 2}]}]}
    )
    assert [each.ok for each in await looked_up(policy, ("U0ADA",))] == [True]
    assert [each.name for each in await looked_up(BUILT_IN, ()) if each.ok is False] == ["admins"]


async def looked_up(policy: Policy, admins: tuple[str, ...]) -> list[PolicyFinding]:
    async with LocalSlack(manifest=MANIFEST) as slack, open_session() as session:
        client = SlackClient(session=session, base_url=f"{slack.url}/api/", metrics=Metrics())
        client.token = slack.bot_token
        ours = Installation(slack.world.team_id)
        return [each async for each in people_findings(policy, admins, client, ours)]


async def test_a_changed_policy_is_taken_over_and_a_broken_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text("version: 1\n")
    policy = PolicyInForce(file)
    await policy.open()
    assert policy() == BUILT_IN
    file.write_text("version: 1\nunmatched: refuse\n")
    await policy.refresh()
    changed = policy()
    assert (changed.unmatched.value, policy.problem) == ("refuse", "")
    file.write_text("version: 1\nunmatched: perhaps\n")
    await policy.refresh()
    await policy.refresh()
    assert policy() is changed
    assert "“perhaps” is not known" in policy.problem
    assert "the one before is in force" in (await policy.probe()).detail
    file.unlink()
    await policy.refresh()
    assert policy() is changed
    assert "cannot be read" in policy.problem
    file.write_text("version: 1\n")
    await policy.refresh()
    assert (policy().unmatched.value, policy.problem) == ("owner", "")
    assert (await policy.probe()).detail == ""


async def test_without_its_policy_the_bot_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text("version: 1\nrules: 3\n")
    with pytest.raises(SettingsError, match="POLICY_FILE: Line 2"):
        await PolicyInForce(file).open()
    await PolicyInForce(None).open()


def test_the_commands_at_the_terminal(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    (tmp_path / "policy.yml").write_text("version: 1\n")
    assert main(["policy", "check", "policy.yml"]) == 0
    assert main(["policy", "schema"]) == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2]) == json_schema()
    assert main(["audit", "verify"]) == 0
    assert (
        capsys.readouterr().out == "Note the heads where the bot cannot write, and give them to --anchor next time.\n"
    )
    assert main(["audit", "export", "--format", "csv"]) == 0
    assert capsys.readouterr().out == f"{','.join(access_audit.COLUMNS)}\r\n"
    assert main(["audit", "export", "--since", "tomorrow"]) == 1
    assert capsys.readouterr().err.startswith("dataset-bot: tomorrow is no time")
