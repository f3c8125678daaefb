"""What the local Slack remembers: people, channels, messages, files. Everything is in memory."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

from bot.sandbox.wire import JsonObject, SlackError

ChannelKind = Literal["channel", "private", "dm"]


@dataclass
class User:
    """One person or bot; `team_id` differs from the workspace's for a stranger of Slack Connect."""

    id: str
    name: str
    real_name: str
    team_id: str
    title: str = ""
    tz: str = "Europe/Stockholm"
    tz_offset: int = 3600
    color: str = "4a5568"
    email: str = ""
    is_bot: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False

    @property
    def is_outsider(self) -> bool:
        """Guests and strangers see only the channels that they are in."""
        return self.is_restricted or self.is_stranger


@dataclass
class Channel:
    """A public or private channel, or a DM (`user` is its person; the other side is the app or `other`)."""

    id: str
    name: str
    kind: ChannelKind
    members: list[str]
    topic: str = ""
    is_ext_shared: bool = False
    is_archived: bool = False
    user: str = ""
    other: str = ""
    created: int = 1_750_000_000

    @property
    def payload_name(self) -> str:
        """The name Slack puts into interaction payloads: DMs and private channels hide theirs."""
        return {"channel": self.name, "private": "privategroup", "dm": "directmessage"}[self.kind]


@dataclass
class StoredFile:
    """An uploaded file; `complete` once completeUploadExternal (or a person's upload) finished it."""

    id: str
    name: str
    user: str
    created: int
    mimetype: str
    expected_size: int
    title: str = ""
    content: bytes = b""
    received: bool = False
    complete: bool = False
    channels: list[str] = field(default_factory=list)


@dataclass
class Message:
    """One message; ephemeral when `ephemeral_for` names the only person who sees it."""

    ts: str
    channel: str
    text: str
    user: str
    bot_id: str = ""
    username: str = ""
    blocks: list[JsonObject] = field(default_factory=list)
    attachments: list[JsonObject] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    thread_ts: str = ""
    broadcast: bool = False
    edited_ts: str = ""
    ephemeral_for: str = ""
    metadata: JsonObject | None = None
    subtype: str = ""
    client_msg_id: str = ""
    reactions: list[JsonObject] = field(default_factory=list)
    raw: JsonObject = field(default_factory=dict)


@dataclass
class UserGroup:
    """A user group (`@owners`) with its members' ids."""

    id: str
    handle: str
    name: str
    users: list[str]


@dataclass
class World:
    """All that exists in the workspace at this moment."""

    team_id: str
    team_name: str
    team_domain: str
    app_id: str
    app_name: str
    bot_user_id: str
    bot_id: str
    users: dict[str, User]
    channels: dict[str, Channel]
    usergroups: dict[str, UserGroup]
    messages: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    ephemerals: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, StoredFile] = field(default_factory=dict)
    unread: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    # Function executions (custom workflow steps) by id: what the app completed them with.
    executions: dict[str, JsonObject] = field(default_factory=dict)
    unfurls: dict[str, tuple[str, str]] = field(default_factory=dict)
    # Times of scheduled messages by channel, in seconds since the epoch.
    scheduled: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def user(self, user_id: str, error: str = "user_not_found") -> User:
        """The user with this id, else SlackError."""
        if user_id not in self.users:
            raise SlackError(error)
        return self.users[user_id]

    def channel(self, name: str, error: str = "channel_not_found") -> Channel:
        """A channel by id, or by name with or without `#`; else SlackError."""
        if name in self.channels:
            return self.channels[name]
        bare = name.removeprefix("#")
        for channel in self.channels.values():
            if channel.kind != "dm" and bare and channel.name == bare:
                return channel
        raise SlackError(error)

    def visible_channel(self, name: str) -> Channel:
        """A channel that the app may know of: private ones and DMs only when it is a member."""
        channel = self.channel(name)
        if channel.kind != "channel" and self.bot_user_id not in channel.members:
            raise SlackError("channel_not_found")
        return channel

    def dm(self, user_id: str, other: str | None = None) -> Channel:
        """The DM between a person and the app (or another person), created when it is first needed."""
        other = other or self.bot_user_id
        pair = {user_id, other}
        for channel in self.channels.values():
            if channel.kind == "dm" and set(channel.members) == pair:
                return channel
        suffix = user_id[2:] if other == self.bot_user_id else user_id[2:] + other[2:]
        channel = Channel("D0" + suffix, "", "dm", [user_id, other], user=user_id, other=other)
        self.channels[channel.id] = channel
        return channel

    def message(self, channel: str, ts: str) -> Message | None:
        """The message of this channel and time stamp."""
        return next((m for m in self.messages[channel] if m.ts == ts), None)

    def ephemeral(self, user: str, channel: str, ts: str) -> Message | None:
        """This person's ephemeral message of this channel and time stamp."""
        return next((m for m in self.ephemerals[user] if m.channel == channel and m.ts == ts), None)

    def replies(self, channel: str, thread_ts: str) -> list[Message]:
        """Replies in a thread, oldest first, without the root."""
        return [m for m in self.messages[channel] if m.thread_ts == thread_ts and m.ts != thread_ts]

    def dm_partner(self, channel: Channel, user: str) -> str:
        """The other side of a DM for this person."""
        return next((member for member in channel.members if member != user), user)
