"""Which bot scopes a Web API method needs. Source: the "Scopes" row of docs.slack.dev/reference/methods/*."""

from typing import Final

# At least one of the scopes is needed; an empty set means that any bot token will do.
SCOPES_BY_METHOD: Final[dict[str, frozenset[str]]] = {
    "auth.test": frozenset(),
    "bots.info": frozenset({"users:read"}),
    "chat.delete": frozenset({"chat:write"}),
    "chat.getPermalink": frozenset(),
    "chat.postEphemeral": frozenset({"chat:write"}),
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.scheduleMessage": frozenset({"chat:write"}),
    "chat.unfurl": frozenset({"links:write"}),
    "chat.update": frozenset({"chat:write"}),
    "conversations.history": frozenset({"channels:history", "groups:history", "im:history", "mpim:history"}),
    "conversations.info": frozenset({"channels:read", "groups:read", "im:read", "mpim:read"}),
    "conversations.join": frozenset({"channels:join"}),
    "conversations.list": frozenset({"channels:read", "groups:read", "im:read", "mpim:read"}),
    "conversations.members": frozenset({"channels:read", "groups:read", "im:read", "mpim:read"}),
    "conversations.open": frozenset({"im:write", "mpim:write"}),
    "conversations.replies": frozenset({"channels:history", "groups:history", "im:history", "mpim:history"}),
    "entity.presentDetails": frozenset(),
    "files.completeUploadExternal": frozenset({"files:write"}),
    "files.delete": frozenset({"files:write"}),
    "files.getUploadURLExternal": frozenset({"files:write"}),
    "files.info": frozenset({"files:read"}),
    "functions.completeError": frozenset(),
    "functions.completeSuccess": frozenset(),
    "reactions.add": frozenset({"reactions:write"}),
    "team.info": frozenset({"team:read"}),
    "usergroups.list": frozenset({"usergroups:read"}),
    "usergroups.users.list": frozenset({"usergroups:read"}),
    "users.info": frozenset({"users:read"}),
    "users.list": frozenset({"users:read"}),
    "users.lookupByEmail": frozenset({"users:read.email"}),
    "views.open": frozenset(),
    "views.publish": frozenset(),
    "views.push": frozenset(),
    "views.update": frozenset(),
}

# The events that the local Slack can send; one of the scopes is needed. Source: docs.slack.dev/reference/events/*.
SCOPES_BY_EVENT: Final[dict[str, frozenset[str]]] = {
    "app_home_opened": frozenset(),
    "app_mention": frozenset({"app_mentions:read"}),
    "file_shared": frozenset({"files:read"}),
    "function_executed": frozenset(),
    "link_shared": frozenset({"links:read"}),
    "member_joined_channel": frozenset({"channels:read", "groups:read"}),
    "message.channels": frozenset({"channels:history"}),
    "message.groups": frozenset({"groups:history"}),
    "message.im": frozenset({"im:history"}),
}

# Methods that need no token at all.
PUBLIC_METHODS: Final = frozenset({"api.test", "blocks.validate", "oauth.v2.access"})

# Methods that need the app-level token with this scope instead of the bot token.
APP_LEVEL_METHODS: Final[dict[str, str]] = {"apps.connections.open": "connections:write"}

# The scope that a conversation's kind asks of the conversations.* family.
READ_SCOPE_BY_KIND: Final = {"channel": "channels:read", "private": "groups:read", "dm": "im:read"}
HISTORY_SCOPE_BY_KIND: Final = {
    "channel": "channels:history",
    "private": "groups:history",
    "dm": "im:history",
}

# What is granted when no manifest says otherwise. Not `chat:write.public`: it changes a refusal
# (`not_in_channel`) rather than opening a method, so a manifest has to ask for it.
ALL_SCOPES: Final = frozenset().union(*SCOPES_BY_METHOD.values()) | {
    "app_mentions:read",
    "commands",
    "links:read",
}
