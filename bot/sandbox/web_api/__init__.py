"""The Web API: one function per method, by family, in `METHODS`."""

from bot.sandbox.web_api import apps, chat, conversations, files, users, views
from bot.sandbox.web_api.method import Method

METHODS: dict[str, Method] = {
    **apps.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **users.METHODS,
    **views.METHODS,
}
