"""Every setting of the process: read from the environment and `.env`, checked once, told in sentences when wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.azure.identity import CredentialKind
from services.azure.resource import SCHEME, AzureWorkspaceId

SLACK_API_URL = "https://slack.com/api/"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
SLACK_USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}")


class SettingsError(Exception):
    """One or more settings cannot be used. sentences: one for each, naming the variable; values are never in them."""

    def __init__(self, sentences: tuple[str, ...]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


def _setting(default: Any, description: str, expected: str, *, ge: float | None = None, le: float | None = None) -> Any:
    """A field with what it is for and, for the message when it is wrong, what is expected.

    Returned as Any, as pydantic's own Field is, since it stands where a value of the field's type is declared.
    """
    return Field(default=default, description=description, json_schema_extra={"expected": expected}, ge=ge, le=le)


class Settings(BaseSettings):
    """What the process is told from outside. Field names in upper case are the variables' names."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    slack_bot_token: SecretStr | None = _setting(
        None, "Bot token of the installed app.", "a bot token, which begins with xoxb-"
    )
    slack_app_token: SecretStr | None = _setting(
        None,
        "App-level token with connections:write. When set, the bot connects by Socket Mode.",
        "an app-level token, which begins with xapp-",
    )
    slack_signing_secret: SecretStr | None = _setting(
        None,
        "Signing secret of the app. When set, the bot takes requests at /slack/events.",
        "the signing secret from the app's Basic Information page, at least 8 characters without spaces",
    )
    slack_api_url: str = _setting(
        SLACK_API_URL,
        "Base address of the Web API. Changed only for a local Slack.",
        "an https address, or an http address of this machine, such as http://127.0.0.1:3000/api/",
    )
    host: str = _setting("127.0.0.1", "Address that the web server listens on.", "an address of this machine")
    port: int = _setting(3000, "Port that the web server listens on.", "a port number from 1 to 65535", ge=1, le=65535)
    database_url: str = _setting(
        "sqlite:///var/dataset-bot.sqlite",
        "Database of the bot: an SQLite file or PostgreSQL.",
        "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE",
    )
    workspace: str = _setting(
        "local:./var/workspace",
        "Workspace that the bot serves.",
        "local:DIRECTORY, or azureml://subscriptions/SUBSCRIPTION/resourceGroups/GROUP/workspaces/WORKSPACE",
    )
    azure_credential: CredentialKind = _setting(
        CredentialKind.DEFAULT,
        "Identity of the bot at Azure; default tries the others, in this order, as far as they are configured.",
        "default, service_principal, workload_identity, managed_identity or developer_cli",
    )
    azure_workers: int = _setting(
        3, "Processes that call the Azure SDK, of 150 MiB or more each.", "a number from 1 to 16", ge=1, le=16
    )
    azure_sync_seconds: float = _setting(
        60.0,
        "How often the datasets of an Azure workspace are listed anew, at the most.",
        "seconds from 5 to 86400",
        ge=5,
        le=86_400,
    )
    azure_workspace_role: Literal["reader", "data_scientist", "none"] = _setting(
        "reader",
        "Role on an Azure workspace that goes with access to data for those who cannot use the workspace yet.",
        "reader, data_scientist or none",
    )
    azure_pim: Literal["auto", "off"] = _setting(
        "auto",
        "Whether Entra PIM ends access by itself, where the tenant is licensed for it.",
        "auto or off",
    )
    datastore_roots: Annotated[tuple[Path, ...], NoDecode] = _setting(
        (),
        "Further directories under which folder datastores may lie, separated by commas.",
        "absolute paths of existing directories, separated by commas",
    )
    admins: Annotated[tuple[str, ...], NoDecode] = _setting(
        (),
        "Slack user ids, separated by commas, of those who may register datastores, and who decide on access where a "
        "dataset's owner cannot.",
        "Slack user ids such as U012AB3CD, separated by commas",
    )
    allow_private_urls: bool = _setting(
        False, "Whether web sources may lie on private or loopback addresses.", "true or false"
    )
    slack_file_mb: int = _setting(
        100,
        "Largest file that is copied from Slack into the default datastore to be registered; 0 copies none.",
        "megabytes from 0 to 1000",
        ge=0,
        le=1000,
    )
    policy_file: Path | None = _setting(
        None,
        "Access policy: who may ask for access and who decides. Without it the owner of a dataset decides.",
        "the path of an existing file",
    )
    access_sweep_minutes: float = _setting(
        15.0,
        "How often what is recorded of access is compared with what is there.",
        "minutes from 1 to 1440",
        ge=1,
        le=1440,
    )
    index_file: Path | None = _setting(
        None,
        "File of the search index. By default it is kept beside the database's file or under var.",
        "a path in a directory where the bot may write",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting(
        "INFO", "Least severe log line that is written.", "DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Literal["auto", "json", "console"] = _setting(
        "auto",
        "Form of the log lines; auto means console on a terminal and json elsewhere.",
        "auto, json or console",
    )
    timezone: str = _setting("UTC", "Time zone of schedules.", "an IANA time zone name such as Europe/Stockholm")
    jobs_slack: int = _setting(
        32, "How many answers to Slack are prepared at once.", "a number from 1 to 256", ge=1, le=256
    )
    jobs_catalog: int = _setting(
        8, "How many calls to the workspace's registry run at once.", "a number from 1 to 256", ge=1, le=256
    )
    jobs_data: int = _setting(
        4, "How many pieces of work that read data run at once.", "a number from 1 to 256", ge=1, le=256
    )
    jobs_waiting: int = _setting(
        100,
        "How many pieces of work of one kind may wait before the bot says that it is busy.",
        "a number from 0 to 10000",
        ge=0,
        le=10_000,
    )
    drain_seconds: float = _setting(
        25.0,
        "How long running work may take to finish after SIGTERM.",
        "seconds from 0 to 600",
        ge=0,
        le=600,
    )
    delivery_ttl_seconds: float = _setting(
        3600.0,
        "How long the key of a delivery is kept, so that a repeated delivery does nothing.",
        "seconds from 600 to 86400",
        ge=600,
        le=86_400,
    )
    socket_connections: int = _setting(
        2, "How many Socket Mode connections are kept.", "a number from 1 to 10", ge=1, le=10
    )
    socket_stale_seconds: float = _setting(
        30.0,
        "After how long without a frame a Socket Mode connection is replaced.",
        "seconds from 1 to 600",
        ge=1,
        le=600,
    )
    fingerprint_check_minutes: float = _setting(
        60.0,
        "How long after its last check a version's files are compared with its fingerprint again.",
        "minutes from 1 to 10080",
        ge=1,
        le=10_080,
    )
    form_look_seconds: float = _setting(
        0.7,
        "How long a submitted form looks at the files before it is acknowledged; Slack waits three seconds.",
        "seconds from 0 to 1.5",
        ge=0,
        le=1.5,
    )
    index_refresh_seconds: float = _setting(
        30.0,
        "How often the search index is brought up to date with the workspace.",
        "seconds from 1 to 3600",
        ge=1,
        le=3600,
    )

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret")
    @classmethod
    def _well_formed_secret(cls, value: SecretStr | None, info: object) -> SecretStr | None:
        if value is None:
            return None
        name = getattr(info, "field_name", "")
        prefix = {"slack_bot_token": "xoxb-", "slack_app_token": "xapp-"}.get(name, "")
        text = value.get_secret_value().strip()
        if not text.startswith(prefix) or len(text) < 8 or any(char.isspace() for char in text):
            raise ValueError("malformed")
        return SecretStr(text)

    @field_validator("slack_api_url")
    @classmethod
    def _safe_api_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("not an address")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
            raise ValueError("a token would travel unencrypted")
        return value if value.endswith("/") else f"{value}/"

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("unknown database")
        return value

    @field_validator("workspace")
    @classmethod
    def _served_workspace(cls, value: str) -> str:
        if value.lower().startswith(SCHEME):
            AzureWorkspaceId.parse(value)  # its error is a ValueError with a sentence
        elif not value.startswith("local:") or not value.removeprefix("local:").strip():
            raise ValueError("unknown workspace")
        return value

    @field_validator("datastore_roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part.strip()).expanduser() for part in value.split(",") if part.strip())
        return value

    @field_validator("datastore_roots")
    @classmethod
    def _existing_roots(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        if not all(root.is_absolute() and root.is_dir() for root in value):
            raise ValueError("not a directory")
        return value

    @field_validator("admins", mode="before")
    @classmethod
    def _split_admins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("admins")
    @classmethod
    def _user_ids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(SLACK_USER_ID.fullmatch(user) for user in value):
            raise ValueError("not a user id")
        return value

    @field_validator("policy_file")
    @classmethod
    def _existing_policy(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("no such file")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper_level(cls, value: object) -> object:
        return value.strip().upper() if isinstance(value, str) else value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("unknown time zone") from error
        return value

    @property
    def azure_workspace(self) -> AzureWorkspaceId | None:
        """The Azure workspace to serve, None for a local one."""
        if not self.workspace.lower().startswith(SCHEME):
            return None
        return AzureWorkspaceId.parse(self.workspace)

    @property
    def workspace_directory(self) -> Path:
        """DIRECTORY of `local:DIRECTORY`, absolute."""
        return Path(self.workspace.removeprefix("local:").strip()).expanduser().resolve()

    @property
    def index_path(self) -> Path:
        """Where the search index lies: INDEX_FILE, or beside an SQLite database, or under `./var`."""
        if self.index_file is not None:
            return self.index_file
        if self.database_url.startswith("sqlite:///"):
            database = Path(self.database_url.removeprefix("sqlite:///"))
            return database.with_name(f"{database.stem}-index.sqlite")
        return Path("var/index.sqlite")


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """The settings of the environment and env_file. Raises SettingsError with one sentence for each wrong one."""
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        raise SettingsError(_sentences(error)) from None


def checked_settings(**values: object) -> Settings:
    """Settings with some values given in code, which win over the environment. Raises SettingsError."""
    try:
        return Settings(_env_file=None, **values)  # type: ignore[arg-type]  # checked by the model itself
    except ValidationError as error:
        raise SettingsError(_sentences(error)) from None


def require_transport(settings: Settings) -> None:
    """Raises SettingsError unless there is a bot token and at least one way for Slack to reach the bot."""
    sentences = []
    if settings.slack_bot_token is None:
        sentences.append(f"SLACK_BOT_TOKEN is not set; expected {expectation('slack_bot_token')}.")
    if settings.slack_app_token is None and settings.slack_signing_secret is None:
        sentences.append(
            "Neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP) is set; set at least one."
        )
    if sentences:
        raise SettingsError(tuple(sentences))


def expectation(field: str) -> str:
    """What is expected of a setting, to follow "expected "."""
    extra = Settings.model_fields[field].json_schema_extra
    return str(extra["expected"]) if isinstance(extra, dict) else ""


def _sentences(error: ValidationError) -> tuple[str, ...]:
    """One sentence for each wrong setting, in the order of the model; never with the value."""
    wrong = {str(problem["loc"][0]): str(problem["msg"]) for problem in reversed(error.errors()) if problem["loc"]}
    return tuple(
        _azure_sentence(wrong[name]) if name == "workspace" and SCHEME in wrong[name] else _sentence(name)
        for name in Settings.model_fields
        if name in wrong
    )


def _sentence(name: str) -> str:
    return f"{name.upper()} cannot be used; expected {expectation(name)}."


def _azure_sentence(problem: str) -> str:
    """problem: pydantic's words around those of the address's own check, which repeat no value."""
    return f"WORKSPACE cannot be used: {problem.removeprefix('Value error, ')}."


def shown_value(settings: Settings, field: str) -> str:
    """A setting's value as it may be printed: secrets masked, passwords in addresses hidden, "not set" if absent."""
    value = getattr(settings, field)
    if value is None or value == ():
        return "not set"
    if isinstance(value, SecretStr):
        return masked(value)
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    if field == "database_url":
        return re.sub(r"://([^:/@]*):[^@]*@", r"://\1:…@", str(value))
    return str(value)


def masked(secret: SecretStr) -> str:
    """`set (xoxb-…, 57 characters)`: only the kind of a token is shown, nothing at all of other secrets."""
    text = secret.get_secret_value()
    kind = text[:5] if text.startswith(("xoxb-", "xapp-")) else ""
    return f"set ({kind}…, {len(text)} characters)"


def environment_names() -> tuple[str, ...]:
    """All variables the process reads, in the order they are documented."""
    return tuple(name.upper() for name in Settings.model_fields)
