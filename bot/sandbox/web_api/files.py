"""files.*: upload in Slack's present way, information, deletion."""

import mimetypes
import secrets

from bot.sandbox import events, messages
from bot.sandbox.state import Channel, StoredFile
from bot.sandbox.web_api.method import Method, invalid_arguments, writable
from bot.sandbox.wire import Args, JsonObject, SlackError
from bot.sandbox.workspace import Workspace


def new_file(ws: Workspace, name: str, user: str, size: int) -> StoredFile:
    """Reserve a file; its bytes come later."""
    file = StoredFile(
        id="F" + secrets.token_hex(5).upper(),
        name=name,
        user=user,
        created=int(ws.settings.clock()),
        mimetype=mimetypes.guess_type(name)[0] or "application/octet-stream",
        expected_size=size,
    )
    ws.world.files[file.id] = file
    return file


async def get_upload_url(ws: Workspace, args: Args) -> JsonObject:
    """files.getUploadURLExternal"""
    name = args.text("filename")
    length = args.integer("length", 0)
    if not name or length <= 0:
        raise invalid_arguments("missing required field: " + ("length" if name else "filename"))
    file = new_file(ws, name, ws.world.bot_user_id, length)
    return {"upload_url": f"{ws.base_url}/upload/{file.id}", "file_id": file.id}


def _destinations(ws: Workspace, args: Args) -> list[Channel]:
    names = args.names("channels") or args.names("channel_id")
    found = [writable(ws.world.visible_channel(name)) for name in names]
    if any(ws.world.bot_user_id not in channel.members for channel in found):
        raise SlackError("not_in_channel")
    return found


async def complete_upload(ws: Workspace, args: Args) -> JsonObject:
    """files.completeUploadExternal; shares into channels when they are named."""
    listed = args.structure("files")
    if not isinstance(listed, list) or not listed:
        raise invalid_arguments("missing required field: files")
    channels = _destinations(ws, args)
    files: list[StoredFile] = []
    for item in listed:
        file = ws.world.files.get(str(item.get("id"))) if isinstance(item, dict) else None
        if file is None or not file.received:
            raise SlackError("file_not_found")
        file.title = str(item.get("title") or file.name)
        files.append(file)
    for channel in channels:
        message = messages.from_app(
            ws,
            channel,
            {"text": args.text("initial_comment"), "blocks": args.structure("blocks")},
            files=[file.id for file in files],
            thread_ts=args.text("thread_ts"),
            subtype="file_share",
        )
        for file in files:
            file.channels.append(channel.id)
        messages.post(ws, channel, message)
        events.message_events(ws, channel, message)
        for file in files:
            events.file_shared(ws, channel, file)
    for file in files:
        file.complete = True
    return {"files": [messages.file_object(ws, file) for file in files]}


def _file(ws: Workspace, args: Args) -> StoredFile:
    file = ws.world.files.get(args.required("file", "file_not_found"))
    if file is None or not file.complete:
        raise SlackError("file_not_found")
    seen_in = [c for c in file.channels if ws.world.bot_user_id in ws.world.channels[c].members]
    if file.user != ws.world.bot_user_id and not seen_in:
        raise SlackError("file_not_found")
    return file


async def info(ws: Workspace, args: Args) -> JsonObject:
    """files.info: own files and those shared where the app is."""
    return {
        "file": messages.file_object(ws, _file(ws, args)),
        "comments": [],
        "response_metadata": {"next_cursor": ""},
    }


async def delete(ws: Workspace, args: Args) -> JsonObject:
    """files.delete: own files only."""
    file = _file(ws, args)
    if file.user != ws.world.bot_user_id:
        raise SlackError("cant_delete_file")
    for channel_messages in ws.world.messages.values():
        for message in channel_messages:
            if file.id in message.files:
                message.files.remove(file.id)
                messages.tell_changed(ws, message)
    del ws.world.files[file.id]
    return {}


METHODS: dict[str, Method] = {
    "files.completeUploadExternal": complete_upload,
    "files.delete": delete,
    "files.getUploadURLExternal": get_upload_url,
    "files.info": info,
}
