"""The limits table against an independent package, and the tables of methods against each other."""

import pytest
from slackblocks import _limits as theirs

from bot.sandbox.limits import KNOWN_CONFLICTS, LIMITS
from bot.sandbox.rates import TIER_BY_METHOD
from bot.sandbox.scopes import ALL_SCOPES, APP_LEVEL_METHODS, PUBLIC_METHODS, SCOPES_BY_METHOD
from bot.sandbox.web_api import METHODS

THEIRS = {name: value for name, value in vars(theirs).items() if name.isupper()}


def as_constant(name: str) -> str:
    return name.upper().replace(".", "_")


def test_every_limit_of_the_package_is_in_the_table() -> None:
    assert set(THEIRS) <= {as_constant(name) for name in LIMITS}


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_limit_equals_the_package_or_is_a_known_lower_one(name: str) -> None:
    limit = LIMITS[name]
    assert limit.source.startswith("https://")
    other = THEIRS.get(as_constant(name))
    if other is None:
        return
    if name in KNOWN_CONFLICTS:
        assert limit.value < other, "a conflict is settled by the lower number"
    else:
        assert limit.value == other


def test_known_conflicts_exist() -> None:
    assert set(KNOWN_CONFLICTS) <= set(LIMITS)


def test_every_method_has_its_scopes_stated() -> None:
    assert set(METHODS) == set(SCOPES_BY_METHOD) | PUBLIC_METHODS | set(APP_LEVEL_METHODS)


def test_tiers_name_methods_that_exist() -> None:
    assert set(TIER_BY_METHOD) <= set(METHODS)


def test_without_a_manifest_no_scope_is_missing_but_posting_uninvited() -> None:
    assert all(not scopes or scopes <= ALL_SCOPES for scopes in SCOPES_BY_METHOD.values())
    assert "chat:write.public" not in ALL_SCOPES
