"""Slack's limits, in one table, each with the page that states it.

Where sources disagree the lower number wins, because only that one is accepted everywhere;
`KNOWN_CONFLICTS` lists those numbers with the reason.
"""

from dataclasses import dataclass
from typing import Final

_DOCS = "https://docs.slack.dev/reference/"
_ELEMENTS = _DOCS + "block-kit/block-elements/"
_BLOCKS = _DOCS + "block-kit/blocks/"
_OBJECTS = _DOCS + "block-kit/composition-objects/"

_BY_SOURCE: Final[dict[str, dict[str, int]]] = {
    _OBJECTS + "text-object": {"text.min_length": 1, "text.max_length": 3000},
    _DOCS + "block-kit/blocks": {"block_id.max_length": 255, "action_id.max_length": 255},
    _ELEMENTS + "button-element": {
        "button.text.max_length": 75,
        "button.url.max_length": 3000,
        "button.value.max_length": 2000,
        "button.accessibility_label.max_length": 75,
        "button.agent_prompt.max_length": 4000,
    },
    _OBJECTS + "confirmation-dialog-object": {
        "confirmation.title.max_length": 100,
        "confirmation.text.max_length": 300,
        "confirmation.confirm.max_length": 30,
        "confirmation.deny.max_length": 30,
    },
    _OBJECTS + "option-object": {
        "option.text.max_length": 75,
        "option.value.max_length": 150,
        "option.description.max_length": 75,
        "option.url.max_length": 3000,
    },
    _OBJECTS + "option-group-object": {
        "option_group.label.max_length": 75,
        "option_group.options.min_items": 1,
        "option_group.options.max_items": 100,
    },
    _OBJECTS + "conversation-filter-object": {"conversation_filter.include.min_items": 1},
    _OBJECTS + "dispatch-action-configuration-object": {
        "dispatch_action_configuration.trigger_actions_on.min_items": 1,
        "dispatch_action_configuration.trigger_actions_on.max_items": 2,
    },
    _ELEMENTS + "select-menu-element": {
        "select.placeholder.max_length": 150,
        "select.options.min_items": 1,
        "select.options.max_items": 100,
        "select.option_groups.min_items": 1,
        "select.option_groups.max_items": 100,
        "select.min_query_length.min": 0,
    },
    _ELEMENTS + "multi-select-menu-element": {"multi_select.max_selected_items.min": 1},
    _ELEMENTS + "overflow-menu-element": {"overflow.options.min_items": 1, "overflow.options.max_items": 5},
    _ELEMENTS + "checkboxes-element": {"checkboxes.options.min_items": 1, "checkboxes.options.max_items": 10},
    _ELEMENTS + "radio-button-group-element": {
        "radio_buttons.options.min_items": 1,
        "radio_buttons.options.max_items": 10,
    },
    _ELEMENTS + "file-input-element": {"file_input.max_files.min": 1, "file_input.max_files.max": 10},
    _ELEMENTS + "plain-text-input-element": {
        "plain_text_input.min_length.min": 0,
        "plain_text_input.min_length.max": 3000,
        "plain_text_input.max_length.min": 1,
        "plain_text_input.max_length.max": 3000,
        "plain_text_input.placeholder.max_length": 150,
    },
    _ELEMENTS + "email-input-element": {"email_input.placeholder.max_length": 150},
    _ELEMENTS + "url-input-element": {"url_input.placeholder.max_length": 150},
    _ELEMENTS + "number-input-element": {"number_input.placeholder.max_length": 150},
    _ELEMENTS + "date-picker-element": {"date_picker.placeholder.max_length": 150},
    _ELEMENTS + "time-picker-element": {"time_picker.placeholder.max_length": 150},
    _ELEMENTS + "rich-text-input-element": {
        "rich_text_input.placeholder.max_length": 150,
        "rich_text_input.min_lines.min": 1,
        "rich_text_input.min_lines.max": 100,
        "rich_text_input.max_lines.min": 1,
        "rich_text_input.max_lines.max": 100,
    },
    _ELEMENTS + "feedback-buttons-element": {
        "feedback_button.text.max_length": 75,
        "feedback_button.value.max_length": 2000,
        "feedback_button.accessibility_label.max_length": 75,
    },
    _ELEMENTS + "icon-button-element": {
        "icon_button.value.max_length": 2000,
        "icon_button.accessibility_label.max_length": 75,
        "icon_button.visible_to_user_ids.max_items": 10,
    },
    _ELEMENTS + "workflow-button-element": {
        "workflow_button.text.max_length": 75,
        "workflow_button.accessibility_label.max_length": 75,
    },
    _ELEMENTS + "image-element": {
        "image_element.image_url.max_length": 3000,
        "image_element.alt_text.max_length": 2000,
    },
    _BLOCKS + "actions-block": {"actions.elements.max_items": 25},
    _BLOCKS + "alert-block": {"alert.text.max_length": 200},
    _BLOCKS + "card-block": {
        "card.title.max_length": 150,
        "card.subtitle.max_length": 150,
        "card.body.max_length": 200,
        "card.actions.max_items": 3,
        "card.subtext.max_length": 200,
    },
    _BLOCKS + "carousel-block": {"carousel.elements.min_items": 1, "carousel.elements.max_items": 10},
    _BLOCKS + "container-block": {
        "container.title.max_length": 150,
        "container.subtitle.max_length": 150,
        "container.child_blocks.min_items": 1,
        "container.child_blocks.max_items": 10,
    },
    _BLOCKS + "context-block": {"context.elements.max_items": 10},
    _BLOCKS + "context-actions-block": {"context_actions.elements.max_items": 5},
    _BLOCKS + "data-table-block": {
        "data_table.rows.min_items": 2,
        "data_table.rows.max_items": 101,
        "data_table.columns.min_items": 1,
        "data_table.columns.max_items": 20,
        "data_table.page_size.min": 1,
        "data_table.page_size.max": 100,
        "data_table.cell_text.min_length": 1,
        "data_table.content.max_length": 20_000,
        "data_table.total_content.max_length": 20_000,
        "data_table.row_header_column_index.min": 0,
    },
    _BLOCKS + "data-visualization-block": {
        "data_visualization.title.max_length": 50,
        "data_visualization.segments.min_items": 1,
        "data_visualization.segments.max_items": 6,
        "data_visualization.segment.label.max_length": 20,
        "data_visualization.segment.value.exclusive_min": 0,
        "data_visualization.series.min_items": 1,
        "data_visualization.series.max_items": 6,
        "data_visualization.series_name.max_length": 20,
        "data_visualization.data.min_items": 1,
        "data_visualization.data.max_items": 20,
        "data_visualization.point_label.max_length": 20,
        "data_visualization.categories.min_items": 1,
        "data_visualization.categories.max_items": 20,
        "data_visualization.category_label.max_length": 20,
        "data_visualization.axis_label.max_length": 50,
    },
    _BLOCKS + "header-block": {"header.text.max_length": 150},
    _BLOCKS + "image-block": {
        "image.image_url.max_length": 3000,
        "image.alt_text.max_length": 2000,
        "image.title.max_length": 2000,
    },
    _BLOCKS + "input-block": {"input.label.max_length": 2000, "input.hint.max_length": 2000},
    _BLOCKS + "markdown-block": {"markdown.text.max_length": 12_000, "markdown.total_text.max_length": 12_000},
    _BLOCKS + "plan-block": {"plan.tasks.max_items": 50},
    _BLOCKS + "rich-text-block": {
        "rich_text_list.indent.min": 0,
        "rich_text_list.indent.max": 8,
        "rich_text_list.offset.min": 0,
        "rich_text_list.border.min": 0,
        "rich_text_list.border.max": 1,
        "rich_text_quote.border.min": 0,
        "rich_text_quote.border.max": 1,
        "rich_text_preformatted.border.min": 0,
        "rich_text_preformatted.border.max": 1,
    },
    _BLOCKS + "section-block": {
        "section.text.max_length": 3000,
        "section.fields.max_items": 10,
        "section.fields.item_max_length": 2000,
    },
    _BLOCKS + "table-block": {
        "table.rows.max_items": 100,
        "table.columns.max_items": 20,
        "table.column_settings.max_items": 20,
        "message.tables.max_items": 1,
    },
    _BLOCKS + "video-block": {
        "video.alt_text.max_length": 2000,
        "video.title.max_length": 199,
        "video.author_name.max_length": 49,
        "video.description.max_length": 200,
        "video.provider_name.max_length": 50,
        "video.thumbnail_url.max_length": 3000,
        "video.video_url.max_length": 3000,
        "video.title_url.max_length": 2000,
        "video.provider_icon_url.max_length": 2000,
    },
    # Not in the documentation; Slack's answer to a third chart, reported in vercel/chat issue 696.
    "https://github.com/vercel/chat/issues/696": {"message.data_visualizations.max_items": 2},
    _DOCS + "methods/chat.postMessage": {
        "message.channel.min_length": 1,
        "message.blocks.max_items": 50,
        "message.attachments.max_items": 100,
        "message.text.max_length": 40_000,
    },
    _DOCS + "methods/chat.update": {"message.update_text.max_length": 4000},
    _DOCS + "methods/chat.scheduleMessage": {"schedule.days_ahead.max": 120, "schedule.per_5_minutes.max": 30},
    _DOCS + "views/modal-views": {
        "view.blocks.max_items": 100,
        "view.private_metadata.max_length": 3000,
        "view.callback_id.max_length": 255,
        "view.external_id.max_length": 255,
        "view.title.max_length": 24,
        "view.close.max_length": 24,
        "view.submit.max_length": 24,
        "view.stack.max_items": 3,
    },
    # `view_too_large`: "the provided view is greater than 250kb".
    _DOCS + "methods/views.open": {"view.json.max_bytes": 250_000},
    "https://docs.slack.dev/interactivity/handling-user-interaction": {
        "response_url.uses.max": 5,
        "response_url.seconds.max": 1800,
        "trigger.seconds.max": 3,
        "ack.seconds.max": 3,
    },
    "https://docs.slack.dev/apis/events-api/using-socket-mode": {"socket.connections.max": 10},
    "https://docs.slack.dev/apis/events-api": {"event.retries.max": 3},
}  # fmt: skip


@dataclass(frozen=True)
class Limit:
    """One number and where it comes from."""

    value: int
    source: str


LIMITS: Final[dict[str, Limit]] = {
    name: Limit(value, source) for source, group in _BY_SOURCE.items() for name, value in group.items()
}

# Limits on which the slackblocks package says more than we allow, with the reason for ours.
KNOWN_CONFLICTS: Final[dict[str, str]] = {
    "data_table.rows.max_items": "Slack's page says 100 rows and a header; other sources 201",
    "data_visualization.segments.max_items": "Slack's page says 6; client libraries allow 12",
    "data_visualization.series.max_items": "Slack's page says 6; client libraries allow 12",
    "video.title.max_length": "Slack's page says fewer than 200 characters",
    "video.author_name.max_length": "Slack's page says fewer than 50 characters",
}


def limit(name: str) -> int:
    """The number of a limit; a misspelt name is a KeyError."""
    return LIMITS[name].value


TRIGGER_SECONDS: Final = limit("trigger.seconds.max")
RESPONSE_URL_SECONDS: Final = limit("response_url.seconds.max")
RESPONSE_URL_USES: Final = limit("response_url.uses.max")
ACK_SECONDS: Final = limit("ack.seconds.max")
STACK_VIEWS: Final = limit("view.stack.max_items")
MAX_CONNECTIONS: Final = limit("socket.connections.max")
VIEW_BYTES: Final = limit("view.json.max_bytes")
