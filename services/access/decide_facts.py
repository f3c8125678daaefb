"""What a decision is made from: the request, the dataset and the people, as they are at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from services.access.model import Initiative, Level, PersonFacts, Subject, SubjectKind, Vote


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """A dataset as rules see it. owner: Slack user id, "" for nobody. datastores: those of its latest version.

    exists: False for a name that is registered nowhere.
    """

    name: str
    owner: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    datastores: frozenset[str] = frozenset()
    exists: bool = True


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What is asked for. emergency: break-glass. extends: it prolongs a grant."""

    level: Level
    subject: Subject
    requester: str
    duration: timedelta
    reason: str = ""
    ticket: str = ""
    initiative: Initiative = Initiative.ASK
    emergency: bool = False
    extends: bool = False

    @property
    def for_self(self) -> bool:
        """Does the requester ask for themselves?"""
        return self.is_subject(self.requester)

    def is_subject(self, user: str) -> bool:
        """Is this Slack user the one who would get access?"""
        return self.subject.kind is SubjectKind.USER and self.subject.id == user


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything else a decision depends on. Whatever is missing here is decided as if it were a no.

    people: accounts by Slack user id; one that is missing is not a member. groups: members of Slack user groups; one
    that is missing is empty. owner_can_give: the owner's own access to the data is proven, since nobody can give what
    they do not have. escalated: the request waited so long that the escalation group may decide too.
    """

    dataset: DatasetFacts
    people: Mapping[str, PersonFacts]
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    admins: frozenset[str] = frozenset()
    owner_can_give: bool = True
    escalated: bool = False
    votes: tuple[Vote, ...] = ()

    def is_member(self, user: str) -> bool:
        """A full member whose account is active, as far as is known."""
        person = self.people.get(user)
        return person is not None and person.is_member

    def members(self, users: frozenset[str] | set[str]) -> frozenset[str]:
        """Those of them who are members."""
        people = self.people  # not through is_member: a user group may have thousands
        return frozenset([user for user in users if (person := people.get(user)) is not None and person.is_member])
