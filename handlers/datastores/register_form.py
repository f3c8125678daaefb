"""The datastore form: what it shows for the workspace's kinds, how it is read, and the request that it means."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from handlers.blockkit import (
    checkboxes,
    context,
    input_block,
    modal,
    option,
    radio,
    section,
    select,
    text_input,
)
from handlers.message import Json
from handlers.packed import pack, unpack
from handlers.text import md
from handlers.view_state import ViewState
from services.datasets.model import Problem
from services.datastores.model import (
    ACCESS_OF,
    AzureDetails,
    AzurePlace,
    DatastoreAccess,
    DatastoreKind,
    DatastoreRequest,
    SecretName,
)
from services.datastores.request_check import read_vault, with_typed_account

CALLBACK = "datastore_register"
TITLE = "Register a datastore"
KIND, ACCESS = "kind", "access"
REDRAWS = ("datastore_register:kind", "datastore_register:access")
"""Choices that change which fields there are."""

KINDS = {
    DatastoreKind.FOLDER: "folder",
    DatastoreKind.BLOB: "Azure Blob container",
    DatastoreKind.ADLS_GEN2: "Azure Data Lake Storage Gen2",
    DatastoreKind.FILE_SHARE: "Azure Files share",
    DatastoreKind.OTHER: "another kind",
}
_CONTAINERS = {
    DatastoreKind.BLOB: "Container",
    DatastoreKind.ADLS_GEN2: "Filesystem",
    DatastoreKind.FILE_SHARE: "File share",
}
_ACCESS = {
    DatastoreAccess.IDENTITY: ("With each reader’s own identity", "Preferred: access can be given per path, no secret"),
    DatastoreAccess.ACCOUNT_KEY: ("With an account key", "Opens the whole storage account"),
    DatastoreAccess.SAS: ("With a shared access signature", "Opens what the signature covers, until it ends"),
    DatastoreAccess.SERVICE_PRINCIPAL: ("With a service principal", "Opens what its roles cover"),
}
_SECRETS = {
    DatastoreAccess.ACCOUNT_KEY: "account key",
    DatastoreAccess.SAS: "SAS token",
    DatastoreAccess.SERVICE_PRINCIPAL: "client secret",
}
NOT_READ = (
    "I cannot list files of a share for datasets yet: studio, SDK and jobs can use this datastore, "
    "but datasets on it cannot be registered or looked into from Slack."
)
_FIELDS_OF_PROBLEMS = frozenset(
    {"name", KIND, ACCESS, "folder", "account", "container", "vault", "secret", "client", "tenant"}
)


@dataclass(frozen=True, slots=True)
class DatastoreForm:
    """Everything typed, as typed; names of fields are their block ids, but for `access`, whose choices differ by kind.

    vault, secret: names in Key Vault. client, tenant: ids of a service principal.
    """

    kind: DatastoreKind = DatastoreKind.FOLDER
    access: DatastoreAccess = DatastoreAccess.IDENTITY
    name: str = ""
    folder: str = ""
    account: str = ""
    container: str = ""
    vault: str = ""
    secret: str = ""
    client: str = ""
    tenant: str = ""
    description: str = ""
    make_default: bool = False
    overwrite: bool = False

    @classmethod
    def empty(cls, kinds: tuple[DatastoreKind, ...]) -> DatastoreForm:
        """The form as it opens: the first kind, opened in the preferred way."""
        return cls(kind=kinds[0]).fitting()

    @classmethod
    def parse(cls, view: Json) -> DatastoreForm:
        """What was typed, with what the form hides just now from its metadata."""
        state, hidden = ViewState.of(view), unpack(str(view.get("private_metadata") or ""))
        values: dict[str, Any] = {}
        for field in fields(cls):
            kept = hidden.get(field.name)
            if field.name in {"make_default", "overwrite"}:
                values[field.name] = state.ticked(field.name) if state.has(field.name) else kept is True
            elif field.name not in {KIND, ACCESS}:
                values[field.name] = state.text(field.name).strip() if state.has(field.name) else str(kept or "")
        kind = _member(DatastoreKind, state.choice(KIND) or hidden.get(KIND), DatastoreKind.FOLDER)
        access = state.choice(access_block(kind)) or hidden.get(ACCESS)
        chosen = _member(DatastoreAccess, access, DatastoreAccess.IDENTITY)
        return cls(kind=kind, access=chosen, **values).fitting()

    def fitting(self) -> DatastoreForm:
        """The same form with an access that its kind has."""
        ways = ACCESS_OF.get(self.kind, ())
        return self if not ways or self.access in ways else replace(self, access=ways[0])

    def request(self, requested_by: str) -> DatastoreRequest:
        """What the form means."""
        azure = None
        if self.kind is not DatastoreKind.FOLDER:
            keeps = self.access is not DatastoreAccess.IDENTITY
            principal = self.access is DatastoreAccess.SERVICE_PRINCIPAL
            azure = AzureDetails(
                AzurePlace("", self.container, self.access),
                SecretName(read_vault(self.vault), self.secret) if keeps else None,
                self.client if principal else "",
                self.tenant if principal else "",
            )
            azure = with_typed_account(azure, self.account)
        return DatastoreRequest(
            name=self.name,
            kind=self.kind,
            folder=self.folder if azure is None else "",
            requested_by=requested_by,
            description=self.description,
            overwrite=self.overwrite,
            make_default=self.make_default,
            azure=azure,
        )

    def errors(self, problems: tuple[Problem, ...]) -> dict[str, str]:
        """Problems by the block they are shown at, the first of each."""
        found: dict[str, str] = {}
        for problem in problems:
            field = problem.field if problem.field in _FIELDS_OF_PROBLEMS else "name"
            found.setdefault(access_block(self.kind) if field == ACCESS else field, problem.sentence)
        return found


def access_block(kind: DatastoreKind) -> str:
    """The block that asks for the access. Slack keeps a kept block's choice, so each kind has its own."""
    return f"{ACCESS}:{kind.value}"


def _member(kind: Any, value: object, default: Any) -> Any:
    """The enum's member of this value. Any: one function for two enums that share nothing but being enums."""
    return kind(value) if value in set(kind) else default


def register_view(form: DatastoreForm, kinds: tuple[DatastoreKind, ...]) -> Json:
    """The form. kinds: what the workspace takes; one that is a folder asks for nothing of Azure."""
    name = text_input("name_text", initial=form.name, placeholder="sales_exports", max_length=255, focus=not form.name)
    blocks = [input_block("name", "Name", name)]
    if form.kind is DatastoreKind.FOLDER:
        blocks += _folder(form)
    else:
        blocks += _azure(form, kinds)
    blocks += _boxes(form)
    shown = {block["block_id"].partition(":")[0] for block in blocks if "block_id" in block}
    hidden = {field: value for field, value in asdict(form).items() if field not in shown and value}
    return modal(CALLBACK, TITLE, blocks, submit="Test and register", private_metadata=pack(hidden))


def _folder(form: DatastoreForm) -> list[Json]:
    return [
        input_block(
            "folder",
            "Folder",
            text_input("folder_text", initial=form.folder, placeholder="exports/sales", max_length=1024),
            hint="Below the workspace’s folder, or a full path below a root that the settings allow.",
        ),
        input_block(
            "description",
            "Description",
            text_input("description_text", initial=form.description, multiline=True, max_length=2000),
            optional=True,
        ),
    ]


def _azure(form: DatastoreForm, kinds: tuple[DatastoreKind, ...]) -> list[Json]:
    choices = [option(KINDS[kind], kind.value) for kind in kinds]
    chosen = next(each for each in choices if each["value"] == form.kind)
    ways = [option(_ACCESS[way][0], way.value, _ACCESS[way][1]) for way in ACCESS_OF[form.kind]]
    way = next(each for each in ways if each["value"] == form.access)
    account = text_input("account_text", initial=form.account, placeholder="salesdata", max_length=1024)
    container = text_input("container_text", initial=form.container, placeholder="exports", max_length=63)
    return [
        input_block(KIND, "Kind", select(REDRAWS[0], choices, initial=chosen), dispatch=True),
        input_block("account", "Storage account", account, hint="Its name, an address of it, or its resource ID."),
        input_block("container", _CONTAINERS[form.kind], container, optional=True, hint="If the address has none."),
        input_block(access_block(form.kind), "How data are read", radio(REDRAWS[1], ways, initial=way), dispatch=True),
        *_credential(form),
        *([context(NOT_READ)] if form.kind is DatastoreKind.FILE_SHARE else []),
    ]


def _credential(form: DatastoreForm) -> list[Json]:
    if form.access is DatastoreAccess.IDENTITY:
        said = (
            "The datastore keeps no secret. Whoever reads data needs the role *Storage Blob Data Reader* themselves, "
            "on the container or on a path in it; the bot’s own identity needs it too and is tested now."
        )
        return [section(md(said))]
    word = _SECRETS[form.access]
    said = (
        "The datastore will keep the {}: everybody with the role *AzureML Data Scientist* in the workspace reads "
        "all that it opens, so access to single datasets cannot be given. Store it in Azure Key Vault; "
        "the bot reads it there with its own identity. *Never type a secret here.*"
    )
    blocks = [
        section(md(said, word)),
        input_block(
            "vault", "Key vault", text_input("vault_text", initial=form.vault, placeholder="team-vault", max_length=100)
        ),
        input_block(
            "secret",
            f"Name of the secret that holds the {word}",
            text_input("secret_text", initial=form.secret, placeholder="salesdata-key", max_length=127),
        ),
    ]
    if form.access is DatastoreAccess.SERVICE_PRINCIPAL:
        for field, label, typed in (
            ("client", "Application (client) ID", form.client),
            ("tenant", "Directory (tenant) ID", form.tenant),
        ):
            blocks.append(input_block(field, label, text_input(f"{field}_text", initial=typed, max_length=36)))
    return blocks


def _boxes(form: DatastoreForm) -> list[Json]:
    default = option("Make it the default datastore", "yes")
    blocks = [
        input_block(
            "make_default",
            "Default",
            checkboxes("default_box", [default], initial=[default] if form.make_default else []),
            optional=True,
        )
    ]
    if form.kind is not DatastoreKind.FOLDER:
        again = option("If the name exists already, overwrite it", "yes", "Datasets on it then read the new place")
        box = checkboxes("overwrite_box", [again], initial=[again] if form.overwrite else [])
        blocks.append(input_block("overwrite", "Existing datastore", box, optional=True))
        blocks.append(context("The connection is tested before anything is registered."))
    return blocks
