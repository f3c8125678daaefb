"""The policy file: the example, its schema, what is wrong in a file, and what it means otherwise than it seems."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from services.access.decide import DatasetFacts
from services.access.model import Level, SubjectKind
from services.access.policy import BUILT_IN, Policy, PolicyError, json_schema, load_policy
from services.access.policy_file import read_policy_text
from services.access.policy_review import covers, named, needed_of, review
from tests.scenario.bot_on_local_slack import ROOT

EXAMPLE = ROOT / "docs" / "policy.example.yml"
SCHEMA = ROOT / "docs" / "policy.schema.json"


def read(text: str) -> Policy:
    return read_policy_text(f"version: 1\n{text}", Policy)


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        read(text)
    return caught.value.sentences


def test_the_example_is_a_policy_that_says_what_it_seems_to() -> None:
    policy = load_policy(EXAMPLE)
    assert review(policy) == ()
    assert [rule.id for rule in policy.rules][:2] == ["legal-hold", "personal-data-write"]
    assert set(named(policy).groups) >= {"S0OWNERS", "S0PRIVACY", "S0AUDITORS"}


def test_the_published_schema_is_the_models_and_holds_for_the_example() -> None:
    published = json.loads(SCHEMA.read_text())
    assert published == json_schema()
    Draft202012Validator.check_schema(published)
    validator = Draft202012Validator(published)
    assert list(validator.iter_errors(yaml.safe_load(EXAMPLE.read_text()))) == []
    assert list(validator.iter_errors({"version": 1, "rules": [{"id": "a", "approvers": []}]}))
    assert list(validator.iter_errors({"version": 1, "surprise": True}))


def test_a_file_that_says_nothing_is_the_built_in_policy() -> None:
    assert read("").digest == BUILT_IN.digest
    assert read("rules: []\n# a comment").digest == BUILT_IN.digest
    assert read("unmatched: refuse").digest != BUILT_IN.digest


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rules:\n- id: a\n  aprovers: [owner]", "Line 4, rule “a”, aprovers: there is no such key; write approvers."),
        ("rules:\n- id: a\n- id: a", "Line 4, rule “a”, id: line 3 has a rule of this id already; write another."),
        ("rules:\n- id: a\n  deny: Legal hold.\n  automatic: true", "a rule with deny refuses and says nothing else"),
        ("defaults: {longest: forever}", "“forever” is no duration"),
        ("defaults: {longest: 3d, presets: [7d]}", "presets has a duration longer than longest"),
        ("defaults: {approvers: []}", "the list is empty; name at least one who decides"),
        ("defaults: {approvers: [{from: [U012AB], needed: 2}]}", "2 must approve, but 1 are named"),
        ("defaults: {approvers: ['#channel']}", "“#channel” is nobody a rule can name"),
        ("defaults: {ticket: {pattern: '(a+)+'}}", "may take too long to match"),
        ("defaults: {expires: 1d, escalate: {after: 2d, to: [admins]}}", "a request lapses before it is escalated"),
        ("auditors: &a [U012AB]\nidentities: *a", "& and * (anchors and aliases) are not read"),
        ("rules: [", "this is not YAML"),
        ("unmatched: nobody", "“nobody” is not known; write owner or refuse"),
        ("defaults:", "nothing is written there"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_what_to_write(text: str, sentence: str) -> None:
    assert any(sentence in each for each in problems(text)), problems(text)


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    found = problems("unmatched: x\nrules:\n- id: A\n- id: b\n  longest: 0d")
    assert [each.split(",")[0].split(":")[0] for each in found] == ["Line 2", "Line 4", "Line 6"]
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "missing.yml")
    (tmp_path / "big.yml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(PolicyError, match="larger"):
        load_policy(tmp_path / "big.yml")
    (tmp_path / "latin.yml").write_bytes("version: 1\n# \xe9".encode("latin-1"))
    with pytest.raises(PolicyError, match=r"Line 2 is not UTF-8"):
        load_policy(tmp_path / "latin.yml")


def rules(*whens: dict[str, object], deny: int | None = None) -> Policy:
    made: list[dict[str, object]] = [{"id": f"r{number}", "when": when} for number, when in enumerate(whens)]
    if deny is not None:
        made[deny]["deny"] = "No."
    return Policy.model_validate({"version": 1, "rules": made})


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ({}, {"datasets": "sales"}, True),
        ({"datasets": "sales"}, {}, False),
        ({"datasets": "sales*"}, {"datasets": ["sales-eu*", "Sales"]}, True),
        ({"datasets": "sales*"}, {"datasets": ["sales-eu*", "payroll"]}, False),
        ({"datasets": "a?"}, {"datasets": "a*"}, False),
        ({"datasets": "*"}, {"datasets": "*eu*"}, True),
        ({"datasets": ["a*", "b*"]}, {"datasets": ["ab*", "ba"]}, True),
        ({"levels": "read"}, {}, False),
        ({"levels": ["read", "write"]}, {"levels": "write"}, True),
        ({"subjects": "user"}, {"subjects": ["user", "group"]}, False),
        ({"tags": {"Team": "red"}}, {"tags": {"team": "RED", "cost": "1"}}, True),
        ({"tags": {"team": "red"}}, {"datasets": "sales"}, False),
        ({"sensitivity": "personal"}, {"tags": {"sensitivity": "personal"}}, True),
        ({"datastores": "lake"}, {"datastores": ["lake", "vault"]}, False),
        ({"datastores": "l*"}, {"datastores": ["lake"]}, True),
    ],
)
def test_which_rule_leaves_nothing_to_another(
    wide: dict[str, object], narrow: dict[str, object], expected: bool
) -> None:
    first, second = rules(wide, narrow).rules
    assert covers(first, second) is expected


def test_rules_that_never_match_are_named() -> None:
    narrower: dict[str, object] = {"datasets": "sales-eu", "levels": "read"}
    (remark,) = review(rules({"datasets": "sales*"}, {"datasets": "payroll"}, narrower))
    assert remark.rule == "r2"
    assert "rule “r0” before it" in remark.sentence
    (remark,) = review(rules({"datasets": "sales"}, {}, deny=1))
    assert remark.rule == "r0"
    assert "“r1” refuses everything" in remark.sentence
    assert review(rules({"datasets": "sales*"}, {}, deny=0)) == ()
    assert review(rules({}, {"datasets": "sales"}, deny=1)) == (), "a deny holds wherever it stands"


def test_a_rule_that_takes_people_out_covers_only_where_every_datastore_matches() -> None:
    policy = Policy.model_validate(
        {
            "version": 1,
            "rules": [
                {"id": "auto", "when": {"datastores": "lake"}, "automatic": True},
                {"id": "ask", "when": {"datastores": "lake"}},
            ],
        }
    )
    assert review(policy) == ()


def test_everybody_that_a_policy_names() -> None:
    policy = load_policy(EXAMPLE)
    found = named(policy)
    assert found.users == {"U0ADA": ("identities",)}
    assert found.groups["S0PRIVACY"] == ("personal-data-write", "personal-data")
    assert set(found.channels) == {"C0SECURITY", "C0PRIVACY"}
    assert needed_of(policy)["S0PRIVACY",] == (2, "personal-data-write")


def test_the_index_matches_whatever_the_case_of_letters() -> None:
    policy = rules({"datasets": "SALES-*", "tags": {"TEAM": "Red"}})
    dataset = DatasetFacts("Sales-EU", tags=(("team", "RED"),))
    found = policy.index.find(dataset, Level.READ, SubjectKind.USER)
    assert found.rule is policy.rules[0]


def test_alerts_go_to_the_first_route_that_names_the_dataset() -> None:
    policy = read(
        """
alerts:
  - when: {datasets: "fin-*", tags: {tier: gold}}
    to: [C0FINANCE, U0ADA]
  - when: {sensitivity: personal}
    to: C0SECURITY
"""
    )
    gold, personal = (("tier", "Gold"),), (("sensitivity", "personal"),)
    assert policy.alerts_to(DatasetFacts("fin-sales", tags=(*gold, *personal))) == ("C0FINANCE", "U0ADA")
    assert policy.alerts_to(DatasetFacts("fin-sales", tags=personal)) == ("C0SECURITY",)
    assert policy.alerts_to(DatasetFacts("fin-sales")) == ()
    assert BUILT_IN.alerts_to(DatasetFacts("fin-sales", tags=gold)) == ()
    assert "U…" in problems("alerts: [{to: [S0GROUP]}]")[0]
    assert problems("alerts: [{to: []}]")
    assert problems("alerts: [{when: {levels: read}, to: C0DATA}]")
