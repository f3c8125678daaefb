"""The bot's identity as an authentication object of the SDK."""

from __future__ import annotations

from collections.abc import Callable

from azureml.core.authentication import TokenAuthentication

Token = Callable[[str], tuple[str, int]]


class BotAuthentication(TokenAuthentication):  # type: ignore[misc]  # azureml is untyped
    """Hands out tokens of the bot's one credential.

    The SDK lists all subscriptions before it opens a workspace, to check that ours is among them; this answers without
    asking, so that the identity needs no right beyond the workspace.
    """

    def __init__(self, token: Token, subscription_id: str) -> None:
        super().__init__(lambda resource: token(scope_of(resource))[0])
        self._subscription_id = subscription_id

    def _get_all_subscription_ids(self) -> tuple[list[object], str]:
        from azureml.core.authentication import _SubscriptionInfo  # noqa: PLC0415 - private, see the test of its name

        return [_SubscriptionInfo(self._subscription_id, self._subscription_id)], ""


def scope_of(resource: str) -> str:
    """The scope for a resource as the SDK names it; its old name of Resource Manager gets the present one."""
    base = resource.rstrip("/")
    if base in {"https://management.core.windows.net", "https://management.azure.com"}:
        base = "https://management.azure.com"
    return f"{base}/.default"
