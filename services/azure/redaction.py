"""Secrets taken out of text: what the SDK prints, logs and puts into its errors."""

from __future__ import annotations

import re

HIDDEN = "[redacted]"

_NAMES = (
    "credential|accountkey|account_key|sastoken|sas_token|clientsecret|client_secret|client_assertion|password|"
    "servicePrincipalPassword|access_token|refresh_token|id_token|secret|api_key|sharedaccesskey"
)
_RULES = (
    # "credential": "…", also with the quotes escaped as in JSON inside JSON; name=value of forms and connection strings
    re.compile(rf"""(?P<keep>(?:{_NAMES})\\*["']?\s*[:=]\s*\\*["'])[^"'\\]+""", re.IGNORECASE),
    re.compile(rf"""(?P<keep>\b(?:{_NAMES})=)[^&;\s"'\\]+""", re.IGNORECASE),
    re.compile(r"(?P<keep>\bsig=)[^&\s\"'\\]+", re.IGNORECASE),
    re.compile(r"(?P<keep>\b(?:Bearer|SharedKey [\w-]+:|SharedKey)\s*)[^\s\"'\\,]+", re.IGNORECASE),
    re.compile(r"(?P<keep>://[^/\s:@]+:)[^@/\s]+(?=@)"),  # user:password@host
    re.compile(r"(?P<keep>\b)eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"),  # a JSON web token
    re.compile(r"(?P<keep>(?<![\w+/]))[A-Za-z0-9+/]{86}=="),  # a storage account's key
)


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """The text without keys, signatures, tokens and passwords; secrets: values that must not appear as they are."""
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, HIDDEN)
    for rule in _RULES:
        text = rule.sub(lambda found: found["keep"] + HIDDEN, text)
    return text
