"""Settings: read from the environment, wrong ones named in one sentence each, secrets never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import (
    Settings,
    SettingsError,
    environment_names,
    expectation,
    load_settings,
    require_transport,
    shown_value,
)

TOKEN = "xoxb-1234567890-secret"


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in environment_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def load(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, text in values.items():
        monkeypatch.setenv(name, text)
    return load_settings()


def test_defaults_are_usable_and_listen_on_this_machine_only() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 3000)
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.slack_bot_token is None


def test_a_dotenv_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"SLACK_BOT_TOKEN={TOKEN}\nPORT=4000\n")
    settings = load(monkeypatch, PORT="5000")
    assert settings.slack_bot_token is not None
    assert settings.slack_bot_token.get_secret_value() == TOKEN
    assert settings.port == 5000


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SLACK_BOT_TOKEN", "xapp-1-in-the-wrong-place"),
        ("SLACK_APP_TOKEN", "xoxb-in-the-wrong-place"),
        ("SLACK_SIGNING_SECRET", "short"),
        ("SLACK_API_URL", "http://slack.example/api/"),
        ("SLACK_API_URL", "slack.com"),
        ("PORT", "70000"),
        ("PORT", "three"),
        ("DATABASE_URL", "mysql://host/name"),
        ("WORKSPACE", "/just/a/directory"),
        ("WORKSPACE", "local: "),
        ("DATASTORE_ROOTS", "/does/not/exist"),
        ("ADMINS", "ada@northwind.example"),
        ("POLICY_FILE", "missing.yml"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("TIMEZONE", "Mars/Olympus"),
        ("ALLOW_PRIVATE_URLS", "perhaps"),
        ("SOCKET_CONNECTIONS", "11"),
        ("DELIVERY_TTL_SECONDS", "5"),
    ],
)
def test_a_wrong_value_is_one_sentence_with_name_and_expectation(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, **{name: text})
    assert caught.value.sentences == (f"{name} cannot be used; expected {expectation(name.lower())}.",)
    assert text not in str(caught.value)


def test_every_wrong_setting_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, PORT="x", ADMINS="ada", SLACK_BOT_TOKEN=f"no-{TOKEN}")
    assert [sentence.split()[0] for sentence in caught.value.sentences] == ["SLACK_BOT_TOKEN", "PORT", "ADMINS"]
    assert TOKEN not in str(caught.value)


PLACE = "azureml://subscriptions/12345678-1234-1234-1234-123456789abc/resourceGroups/g/workspaces/ws"


def test_an_azure_workspace_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, WORKSPACE=PLACE, AZURE_CREDENTIAL="managed_identity")
    assert settings.azure_workspace is not None
    assert settings.azure_workspace.name == "ws"
    assert settings.azure_credential == "managed_identity"
    assert load(monkeypatch, WORKSPACE="local:/tmp/x").azure_workspace is None


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (PLACE.replace("12345678-1234-1234-1234-123456789abc", "production"), "must be its id"),
        (PLACE.replace("/workspaces/ws", ""), "“workspaces” is missing"),
        (PLACE.replace("/workspaces", "/providers/Microsoft.MachineLearningServices/workspaces"), "leave out"),
    ],
)
def test_a_wrong_azure_workspace_is_told_without_its_value(
    monkeypatch: pytest.MonkeyPatch, address: str, told: str
) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        load(monkeypatch, WORKSPACE=address)
    (sentence,) = caught.value.sentences
    assert sentence.startswith("WORKSPACE cannot be used: ")
    assert sentence.endswith("expected azureml://subscriptions/SUBSCRIPTION/resourceGroups/GROUP/workspaces/WORKSPACE.")
    assert "production" not in sentence


def test_lists_are_split_at_commas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = load(monkeypatch, ADMINS="U012AB, W345CD,", DATASTORE_ROOTS=f"{tmp_path}, /tmp")
    assert settings.admins == ("U012AB", "W345CD")
    assert settings.datastore_roots == (tmp_path, Path("/tmp"))


def test_a_transport_is_required_to_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as caught:
        require_transport(load_settings())
    assert "SLACK_BOT_TOKEN is not set" in str(caught.value)
    assert "SLACK_APP_TOKEN" in str(caught.value)
    require_transport(load(monkeypatch, SLACK_BOT_TOKEN=TOKEN, SLACK_APP_TOKEN="xapp-1-abcdef"))


def test_secrets_are_shown_by_kind_and_length_only(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        SLACK_BOT_TOKEN=TOKEN,
        SLACK_SIGNING_SECRET="0123456789abcdef",
        DATABASE_URL="postgresql://bot:hunter2@db/bot",
    )
    shown = {name: shown_value(settings, name) for name in Settings.model_fields}
    assert shown["slack_bot_token"] == f"set (xoxb-…, {len(TOKEN)} characters)"
    assert shown["slack_signing_secret"] == "set (…, 16 characters)"
    assert shown["database_url"] == "postgresql://bot:…@db/bot"
    assert shown["slack_app_token"] == "not set"
    everything = " ".join(shown.values()) + repr(settings)
    assert not any(secret in everything for secret in (TOKEN, "0123456789abcdef")), everything


def test_every_setting_says_what_it_is_for_and_what_is_expected() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert expectation(name), name
