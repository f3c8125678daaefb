"""Many grants, written straight into the bot's tables, and what a cloud would have of each."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from sqlalchemy import create_engine, insert

from services.access.model import (
    Assignment,
    AssignmentKind,
    DataPlace,
    DescribedGrant,
    FoundAssignment,
    Grant,
    GrantStatus,
    Level,
    Principal,
    Subject,
    SubjectKind,
)
from services.store import migrate, tables
from services.store.access_rows import grant_values
from services.store.access_tables import access_grant

WORKSPACE = "azureml://bench"
GRANTS = 100_000
DUE = 100
"""How many of them have come to their end."""
ASSIGNMENTS = 8_000
"""Azure allows 4,000 role assignments in a subscription; each opens the data of several grants of one person."""
SAID = 6
"""So many grants have room in an assignment's description."""
_CHUNK = 2000
_NAMESPACE = uuid.UUID("0e8d3a0e-6ad2-4c53-8a0b-8f1c4f3f7c11")
_SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
_CONTAINER = (
    f"{_SUBSCRIPTION}/resourceGroups/data-platform/providers/Microsoft.Storage/storageAccounts/northwinddata"
    "/blobServices/default/containers/"
)
_READER = f"{_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
_NOW = datetime.now(UTC).replace(microsecond=0)


def grant_id(number: int) -> str:
    """As the bot makes them: 32 hex digits."""
    return uuid.uuid5(_NAMESPACE, f"grant:{number}").hex


def ends_at(number: int) -> datetime:
    """The first ones are over, the others end in ten days or later."""
    return _NOW - timedelta(hours=1) if number < DUE else _NOW + timedelta(days=10, seconds=number)


def assignment_of(number: int) -> Assignment:
    """The one behind a grant, of the length that Azure's are, with a condition for its folders."""
    number %= ASSIGNMENTS
    scope = f"{_CONTAINER}container-{number % 50}"
    folders = " OR ".join(
        "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringLike "
        f"'folder-{number}-{each}/*'"
        for each in range(GRANTS // ASSIGNMENTS)
    )
    action = "((!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'}))"
    return Assignment(
        AssignmentKind.PLAIN,
        f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid5(_NAMESPACE, f'assignment:{number}')}",
        scope,
        _READER,
        "Storage Blob Data Reader",
        str(uuid.uuid5(_NAMESPACE, f"person:{number}")),
        f"{action} OR ({folders}))",
    )


def found(number: int) -> FoundAssignment:
    """An assignment as a cloud has it, with as many of its grants as its description has room for."""
    behind = range(number, GRANTS, ASSIGNMENTS)
    latest = [each for each in behind if each >= DUE][-SAID:]
    return FoundAssignment(assignment_of(number), tuple(described(each) for each in latest))


def described(number: int) -> DescribedGrant:
    """What stands in the assignment's description."""
    return DescribedGrant(
        grant_id(number),
        uuid.uuid5(_NAMESPACE, f"request:{number}").hex,
        f"dataset-{number % 5000}",
        Level.READ,
        ends_at(number),
        f"U0{number % ASSIGNMENTS:08}",
    )


def _grant(number: int) -> Grant:
    made, said = assignment_of(number), described(number)
    return Grant(
        id=said.grant_id,
        request_id=said.request_id,
        dataset=said.dataset,
        level=said.level,
        subject=Subject(SubjectKind.USER, said.slack_id),
        principal=Principal(SubjectKind.USER, made.principal_id, f"Person {number}", f"person{number}@contoso.com"),
        requested_by=said.slack_id,
        approved_by=("U0OWNER",),
        duration=timedelta(days=30),
        created_at=_NOW - timedelta(days=20),
        places=(DataPlace("lake", (f"folder-{number}/",)),),
        opens=(f"Reading blobs under folder-{number}/ of the container container-{number % 50}.",),
        status=GrantStatus.ACTIVE,
        granted_at=_NOW - timedelta(days=20),
        ends_at=said.ends_at,
        assignments=(made,),
        verified_at=_NOW - timedelta(hours=1),
    )


def fill(url: str) -> None:
    """All of them, in a migrated database."""
    migrate.upgrade(url)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.begin() as connection:
        connection.execute(
            insert(tables.workspace).values(id=1, key=WORKSPACE, change_seq=0, record_seq=0, default_datastore="")
        )
        for first in range(0, GRANTS, _CHUNK):
            rows = [{"workspace_id": 1, **grant_values(_grant(number))} for number in range(first, first + _CHUNK)]
            connection.execute(insert(access_grant), rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()
