"""Which Azure Machine Learning workspace the bot serves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

SCHEME = "azureml://"
SHAPE = "azureml://subscriptions/SUBSCRIPTION/resourceGroups/GROUP/workspaces/WORKSPACE"

STUDIO = "ml.azure.com"
"""Azure Machine Learning studio; the manifest names it for links to be unfurled."""

_SUBSCRIPTION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_GROUP = re.compile(r"[\w.()-]{0,89}[\w()-]")  # Azure's rule: letters, digits and _ . ( ) -, no dot at the end
_WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,31}")  # as `azureml.core.Workspace` demands
_KEYS = ("subscriptions", "resourcegroups", "workspaces")


class WrongWorkspaceError(ValueError):
    """An address that names no workspace; the sentence says what is wrong and never repeats the value."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"{sentence}; expected {SHAPE}")
        self.sentence = str(self)


@dataclass(frozen=True, slots=True)
class AzureWorkspaceId:
    """A workspace by its place in Azure Resource Manager."""

    subscription_id: str
    resource_group: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `azureml://subscriptions/…/resourceGroups/…/workspaces/…`, keys in any case.

        Raises WrongWorkspaceError.
        """
        if not text.lower().startswith(SCHEME):
            raise WrongWorkspaceError(f"it must begin with {SCHEME}")
        parts = text[len(SCHEME) :].strip("/").split("/")
        keys, values = [part.lower() for part in parts[::2]], parts[1::2]
        if keys[:2] == ["subscriptions", "resourcegroups"] and "providers" in keys:
            raise WrongWorkspaceError("leave out /providers/Microsoft.MachineLearningServices")
        missing = next((key for key in _KEYS if key not in keys), None)
        if missing is not None:
            raise WrongWorkspaceError(f"“{missing}” is missing")
        if tuple(keys) != _KEYS or len(values) != len(_KEYS):
            raise WrongWorkspaceError("its parts are in another order")
        subscription, group, workspace = values
        if _SUBSCRIPTION.fullmatch(subscription) is None:
            raise WrongWorkspaceError(
                "the subscription must be its id, such as 12345678-1234-1234-1234-123456789abc, not its name"
            )
        if _GROUP.fullmatch(group) is None:
            raise WrongWorkspaceError("the resource group has characters that no resource group can have")
        if _WORKSPACE.fullmatch(workspace) is None:
            raise WrongWorkspaceError(
                "a workspace has 2 to 33 letters, digits, “-” and “_”, and begins with a letter or digit"
            )
        return cls(subscription.lower(), group, workspace)

    @property
    def scope(self) -> str:
        """Its id in Azure Resource Manager."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )

    @property
    def key(self) -> str:
        """What tells it apart in the bot's database: Azure compares these names without case."""
        return f"{SCHEME}{self.scope.lower().removeprefix('/')}"

    def studio_url(self, dataset: str, version: int, tenant_id: str = "") -> str:
        """The page of a dataset's version in the studio."""
        wsid = quote(
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}/workspaces/{self.name}",
            safe="/",
        )
        tenant = f"&tid={quote(tenant_id, safe='')}" if tenant_id else ""
        return f"https://{STUDIO}/data/{quote(dataset, safe='')}/{version}/details?wsid={wsid}{tenant}"

    def linked(self, url: str) -> tuple[str, int | None] | None:
        """What `studio_url` was given, None for the latest version; None for other pages and other workspaces.

        The studio has called the page both `data` and `dataset`, and its version a number or `latest`.
        """
        try:
            parts = urlsplit(url)
            wsid = parse_qs(parts.query).get("wsid", [""])[0]
        except ValueError:
            return None
        kind, name, version, *_ = [*(unquote(each) for each in parts.path.split("/")[1:]), "", "", ""]
        if parts.scheme != "https" or parts.hostname != STUDIO or kind not in {"data", "dataset"} or not name:
            return None
        short = self.key.removeprefix(SCHEME).replace("/providers/microsoft.machinelearningservices", "")
        asked = wsid.lower().strip("/").replace("/providers/microsoft.machinelearningservices", "")
        if asked != short:
            return None
        if not (version.isascii() and version.isdecimal()):
            return (name, None) if version in {"", "latest", "details"} else None
        return name, int(version)
