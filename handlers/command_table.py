"""The bot's commands, one line each, and the subjects whose forms and buttons they use."""

from __future__ import annotations

from collections.abc import Callable

from slack_bolt.async_app import AsyncApp

from handlers import sharing
from handlers.commands import Command, CommandTable
from handlers.datasets import pick, refs
from handlers.datasets.list import bind_list
from handlers.datasets.show import bind_show
from handlers.datasets.versions import bind_versions

TABLE = CommandTable(
    (
        Command(
            "/dataset",
            "list",
            "[words] [tag:k=v] [type:file|tabular] [owner:@who] [mine] [drifting] [deprecated] [sort:…] [page:N]",
            "Search and browse datasets; typos are forgiven.",
            ("/dataset list sales", "/dataset list tag:team=growth type:tabular", "/dataset list mine sort:modified"),
            bind_list,
            aliases=("ls", "search", "find"),
        ),
        Command(
            "/dataset",
            "show",
            "[NAME[:VERSION]]",
            "All about one dataset, and buttons for what to do with it.",
            ("/dataset show sales", "/dataset show sales:3"),
            bind_show,
            aliases=("info",),
        ),
        Command(
            "/dataset",
            "versions",
            "[NAME] [page:N]",
            "Every version and what it changed; compare any two.",
            ("/dataset versions sales",),
            bind_versions,
            aliases=("history", "log"),
        ),
    )
)

SUBJECTS: tuple[Callable[[AsyncApp], None], ...] = (
    sharing.attach,
    pick.attach_to(TABLE),
    refs.attach_to(TABLE),
)
"""Each attaches the forms, type-aheads and buttons of one subject."""
