"""The bot's commands, one line each, and the subjects whose forms and buttons they use."""

from __future__ import annotations

from collections.abc import Callable

from slack_bolt.async_app import AsyncApp

from handlers import home, sharing, shortcuts
from handlers.access import deciding, holding
from handlers.access.audit import bind_audit
from handlers.access.grants import bind_grants, bind_revoke
from handlers.access.request import RequestForms, bind_access, bind_grant
from handlers.commands import Command, CommandTable
from handlers.datasets import compare_form, curate_forms, pick, refs, register_file, register_step, unfurl
from handlers.datasets.curate import (
    bind_deprecate,
    bind_describe,
    bind_owner,
    bind_reinstate,
    bind_tag,
    bind_unwatch,
    bind_watch,
)
from handlers.datasets.diff import bind_diff
from handlers.datasets.labels import bind_labels
from handlers.datasets.lineage import bind_lineage
from handlers.datasets.list import bind_list
from handlers.datasets.preview import bind_preview
from handlers.datasets.register import RegisterForms, bind_register
from handlers.datasets.show import bind_show
from handlers.datasets.use import bind_use
from handlers.datasets.versions import bind_versions
from handlers.datastores import datastores
from handlers.datastores.datastores import bind_default as bind_default_datastore
from handlers.datastores.datastores import bind_list as bind_list_datastores
from handlers.datastores.datastores import bind_register as bind_register_datastore
from handlers.datastores.datastores import bind_show as bind_show_datastore
from handlers.direct_message import DirectMessages
from handlers.monitors import actions as monitor_actions
from handlers.monitors import forms as monitor_forms
from handlers.monitors import incident_actions
from handlers.monitors.drift import bind_digest, bind_drift
from services.jobs import Pool

TABLE = CommandTable(
    (
        Command(
            "/dataset",
            "register",
            "[NAME]",
            "Register files as a dataset, or a new version of one, in a form.",
            ("/dataset register", "/dataset register flights"),
            bind_register,
            pool=Pool.SLACK,
            aliases=("new", "add", "create"),
        ),
        Command(
            "/dataset",
            "list",
            "[words] [tag:k=v] [type:file|tabular] [owner:@who] [mine] [drifting] [deprecated] [sort:…] [page:N]",
            "Search and browse datasets; typos are forgiven. “drifting”: with an open drift incident or changed files.",
            ("/dataset list sales", "/dataset list tag:team=growth type:tabular", "/dataset list mine drifting"),
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
        Command(
            "/dataset",
            "diff",
            "[NAME:A NAME:B]",
            "What differs between two versions: schema, rows, size, files, tags and values.",
            ("/dataset diff sales:1 sales:2", "/dataset diff sales 1 2", "/dataset diff sales"),
            bind_diff,
            pool=Pool.DATA,
            seconds=300.0,
            aliases=("compare",),
        ),
        Command(
            "/dataset",
            "use",
            "[NAME[:VERSION]] [files|v1|v2|cli]",
            "Code that reads the dataset, ready to paste.",
            ("/dataset use sales", "/dataset use sales:3 v2"),
            bind_use,
            aliases=("snippet", "code"),
        ),
        Command(
            "/dataset",
            "preview",
            "[NAME[:VERSION]]",
            "First rows and a profile of every column, for your eyes only.",
            ("/dataset preview sales",),
            bind_preview,
            pool=Pool.DATA,
            seconds=120.0,
            aliases=("head",),
        ),
        Command(
            "/dataset",
            "labels",
            "[NAME]",
            "Label counts, and how far the labelling project is.",
            ("/dataset labels photos",),
            bind_labels,
            pool=Pool.DATA,
            seconds=120.0,
        ),
        Command(
            "/dataset",
            "lineage",
            "[NAME[:VERSION]]",
            "Where a version comes from, what came after, and who is known to use it.",
            ("/dataset lineage sales", "/dataset lineage sales:3"),
            bind_lineage,
            aliases=("origin",),
        ),
        Command(
            "/dataset",
            "tag",
            "[NAME] [k=v …] [-k …]",
            "Set and remove tags, typed or in a form.",
            (
                "/dataset tag sales team=growth -draft",
                "/dataset tag sales",
            ),
            bind_tag,
            aliases=("tags",),
        ),
        Command(
            "/dataset",
            "describe",
            "[NAME] [text]",
            "Say what a dataset is, typed or in a form.",
            (
                "/dataset describe sales Daily orders of all shops",
                "/dataset describe sales",
            ),
            bind_describe,
        ),
        Command(
            "/dataset",
            "deprecate",
            "[NAME] [replaced-by OTHER] [reason …]",
            "Say that a dataset should not be used any more, and what replaces it.",
            (
                "/dataset deprecate sales replaced-by orders reason wrong currency",
                "/dataset deprecate sales",
            ),
            bind_deprecate,
        ),
        Command(
            "/dataset",
            "reinstate",
            "[NAME]",
            "Take a deprecation back.",
            ("/dataset reinstate sales",),
            bind_reinstate,
        ),
        Command(
            "/dataset",
            "owner",
            "[NAME] [@who|me|nobody]",
            "Change who answers for a dataset.",
            (
                "/dataset owner sales @ada",
                "/dataset owner sales me",
            ),
            bind_owner,
        ),
        Command(
            "/dataset",
            "watch",
            "[NAME] [off]",
            "Hear of new versions, changed files, drift and deprecation.",
            (
                "/dataset watch sales",
                "/dataset watch sales off",
            ),
            bind_watch,
        ),
        Command(
            "/dataset",
            "unwatch",
            "[NAME]",
            "Stop hearing of a dataset.",
            ("/dataset unwatch sales",),
            bind_unwatch,
        ),
        Command(
            "/dataset",
            "access",
            "[NAME] [@who] [read|write] [7d]",
            "Ask for access; the form says who decides and what it opens.",
            ("/dataset access sales", "/dataset access sales write 7d", "/dataset access sales @ben read"),
            bind_access,
            pool=Pool.SLACK,
            aliases=("request",),
        ),
        Command(
            "/dataset",
            "grant",
            "[NAME] [@who] [read|write] [7d]",
            "Give somebody access, for those who decide on it.",
            ("/dataset grant sales @ben read 7d", "/dataset grant sales"),
            bind_grant,
            pool=Pool.SLACK,
            aliases=("give",),
        ),
        Command(
            "/dataset",
            "revoke",
            "[NAME] [@who]",
            "Take access away, with a reason, for owners and admins.",
            ("/dataset revoke sales @ben", "/dataset revoke sales"),
            bind_revoke,
        ),
        Command(
            "/dataset",
            "grants",
            "[NAME] [page:N]",
            "Who has access, until when and by whom; your own where the dataset is not yours.",
            ("/dataset grants sales",),
            bind_grants,
        ),
        Command(
            "/dataset",
            "audit",
            "[NAME] [@who] [since 2026-01-31] [until 2026-02-28]",
            "Who did what to whose access, for auditors and admins.",
            ("/dataset audit", "/dataset audit sales @ben since 2026-01-31"),
            bind_audit,
        ),
        Command(
            "/dataset",
            "drift",
            "[NAME]",
            "Monitors that compare versions and tell what moved; without a name what is open.",
            ("/dataset drift sales", "/dataset drift"),
            bind_drift,
            aliases=("monitor", "monitors"),
        ),
        Command(
            "/dataset",
            "digest",
            "[daily|weekly|off]",
            "A list of this channel's open incidents, daily or on Mondays.",
            ("/dataset digest daily", "/dataset digest off"),
            bind_digest,
        ),
        Command(
            "/datastore",
            "list",
            "[words]",
            "All datastores, the default one marked.",
            ("/datastore list",),
            bind_list_datastores,
            aliases=("ls",),
        ),
        Command(
            "/datastore",
            "show",
            "[NAME]",
            "Where a datastore is and who uses it.",
            ("/datastore show workspaceblobstore",),
            bind_show_datastore,
        ),
        Command(
            "/datastore",
            "register",
            "",
            "Register a place for data as a datastore, for admins.",
            ("/datastore register",),
            bind_register_datastore,
            pool=Pool.SLACK,
        ),
        Command(
            "/datastore",
            "default",
            "[NAME]",
            "Show or change the default datastore.",
            ("/datastore default workspaceblobstore",),
            bind_default_datastore,
        ),
    )
)

SUBJECTS: tuple[Callable[[AsyncApp], None], ...] = (
    sharing.attach,
    pick.attach_to(TABLE),
    refs.attach_to(TABLE),
    compare_form.attach_to(TABLE),
    RegisterForms().attach,
    register_file.attach,
    register_step.attach,
    unfurl.attach,
    curate_forms.attach,
    RequestForms().attach,
    deciding.attach,
    holding.attach,
    monitor_forms.attach,
    monitor_actions.attach,
    incident_actions.attach,
    datastores.attach,
    home.attach,
    shortcuts.attach,
    DirectMessages(TABLE).attach,
)
"""Each attaches the forms, type-aheads and buttons of one subject."""
