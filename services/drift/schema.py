"""What became of the columns between two profiles: added, removed, retyped, widened."""

from __future__ import annotations

import re

from services.drift.comparison import ChangeKind, SchemaChange
from services.drift.model import Profile

_SIGNED = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
_UNSIGNED = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64}
_FLOATS = {"halffloat": 11, "float": 24, "double": 53}  # bits of whole numbers that each holds exactly
_UNITS = ("s", "ms", "us", "ns")


def schema_changes(baseline: Profile, target: Profile) -> tuple[SchemaChange, ...]:
    """In the baseline's order, then what was added."""
    before, after = types_of(baseline), types_of(target)
    found = []
    for name, mine in before.items():
        if name not in after:
            found.append(SchemaChange(ChangeKind.REMOVED, name, mine, ""))
        elif after[name] != mine:
            kind = ChangeKind.WIDENED if widens(mine, after[name]) else ChangeKind.RETYPED
            found.append(SchemaChange(kind, name, mine, after[name]))
    found += [SchemaChange(ChangeKind.ADDED, name, "", kind) for name, kind in after.items() if name not in before]
    return tuple(found)


def types_of(profile: Profile) -> dict[str, str]:
    """Type of each column that the data have."""
    missing = set(profile.missing)
    found = {column.name: column.arrow_type for column in profile.columns if column.name not in missing}
    return found | dict(profile.others)


def widens(before: str, after: str) -> bool:
    """Is every value of the one type a value of the other?"""
    if before == "null" or {before, after} <= {"string", "large_string"}:
        return True
    if after in _FLOATS:
        whole = _SIGNED.get(before, 1000) - 1 if before in _SIGNED else _UNSIGNED.get(before, _FLOATS.get(before, 1000))
        return whole <= _FLOATS[after]
    if after in _SIGNED:
        return _SIGNED.get(before, 1000) <= _SIGNED[after] or _UNSIGNED.get(before, 1000) < _SIGNED[after]
    if after in _UNSIGNED:
        return _UNSIGNED.get(before, 1000) <= _UNSIGNED[after]
    return _wider_decimal(before, after) or _finer_time(before, after)


def _wider_decimal(before: str, after: str) -> bool:
    sizes = [re.fullmatch(r"decimal\d*\((\d+), (-?\d+)\)", each) for each in (before, after)]
    if sizes[0] is None or sizes[1] is None:
        return False
    (digits, scale), (more_digits, finer_scale) = (tuple(map(int, each.groups())) for each in sizes if each is not None)
    return finer_scale >= scale and more_digits - finer_scale >= digits - scale


def _finer_time(before: str, after: str) -> bool:
    if before.startswith("date32") and (after.startswith("date64") or after.startswith("timestamp")):
        return True
    parts = [re.fullmatch(r"(timestamp|duration|time)(?:32|64)?\[(\w+)(.*)\]", each) for each in (before, after)]
    if parts[0] is None or parts[1] is None:
        return False
    (kind, unit, zone), (other_kind, other_unit, other_zone) = parts[0].groups(), parts[1].groups()
    return kind == other_kind and zone == other_zone and _UNITS.index(unit) <= _UNITS.index(other_unit)
