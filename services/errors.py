"""The family of errors a person may see: each has a sentence for the reader and a code for the log."""

from typing import Literal


class UserError(Exception):
    """A known problem, told in the person's words with the next step.

    sentence: plain text (never markup), one or two sentences, safe to show after escaping.
    code: stable snake_case name for logs and metrics.
    field: name of the form field the problem belongs to, if any (see `Problem.field`).
    """

    code = "user_error"

    def __init__(self, sentence: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        if code is not None:
            self.code = code


class NotFound(UserError):
    """A dataset, version or datastore that does not exist.

    kind: "dataset" or "datastore". suggestions: existing names, or name:version, that may have been meant.
    """

    code = "not_found"

    def __init__(
        self,
        sentence: str,
        *,
        suggestions: tuple[str, ...] = (),
        field: str | None = None,
        kind: Literal["dataset", "datastore"] = "dataset",
    ) -> None:
        super().__init__(sentence, field=field)
        self.suggestions = suggestions
        self.kind = kind


class NotAllowed(UserError):
    """The caller may not do this; the sentence says who may."""

    code = "not_allowed"


class InvalidInput(UserError):
    """Something typed cannot be used; the sentence says what can."""

    code = "invalid_input"


class NameTaken(UserError):
    """A dataset of this name exists and no new version was asked for (Azure ML: 409)."""

    code = "name_taken"


class IdenticalData(UserError):
    """The same definition and data are registered already (Azure ML: 400 "has been registered as name:version")."""

    code = "identical_data"

    def __init__(self, sentence: str, *, name: str, version: int) -> None:
        super().__init__(sentence)
        self.name = name
        self.version = version


class SourceProblem(UserError):
    """The source cannot be used as it is: nothing matches, unreadable, mixed schemas, empty, unreachable."""

    code = "source_problem"


class Conflict(UserError):
    """Somebody else changed the same thing in between; the sentence says what to do."""

    code = "conflict"


class Busy(UserError):
    """The bot has as much work of this kind as it can take now."""

    code = "busy"


class TimedOut(UserError):
    """Work was cut at its time limit."""

    code = "timed_out"


class Unavailable(UserError):
    """A thing the bot depends on does not answer."""

    code = "unavailable"
