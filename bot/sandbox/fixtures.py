"""The people and places of the local workspace: team `T0LOCAL`, Northwind Data."""

from bot.sandbox.state import Channel, User, UserGroup, World

TEAM_ID = "T0LOCAL"
OTHER_TEAM_ID = "T0OTHER"
BOT_USER_ID = "U0BOT"


def _people() -> list[User]:
    def mail(name: str) -> str:
        return f"{name}@northwind.example"

    return [
        User(
            "U0ADA", "ada", "Ada Okafor", TEAM_ID, "Data owner", "Europe/Stockholm", 3600, "2f6f6b", mail("ada"),
            is_admin=True,
        ),
        User(
            "U0BEN", "ben", "Ben Lindqvist", TEAM_ID, "Data scientist", "America/New_York", -18000, "7a4b9d",
            mail("ben"),
        ),
        User(
            "U0CHIARA", "chiara", "Chiara Rossi", TEAM_ID, "Data scientist", "Asia/Tokyo", 32400, "b5532a",
            mail("chiara"),
        ),
        User(
            "U0GUS", "gus", "Gus Hale", TEAM_ID, "Single-channel guest", color="8a6d1f",
            email="gus@contractor.example", is_restricted=True, is_ultra_restricted=True,
        ),
        User(
            "U0MIA", "mia", "Mia Duarte", TEAM_ID, "Multi-channel guest", color="3d6ea5",
            email="mia@contractor.example", is_restricted=True,
        ),
        User(
            "U0SAM", "sam", "Sam Stranger", OTHER_TEAM_ID, "Partner analyst", color="6b7280",
            email="sam@partner.example", is_stranger=True,
        ),
        User("U0DEE", "dee", "Dee Former", TEAM_ID, "Left the company", email=mail("dee"), deleted=True),
        User(BOT_USER_ID, "dataset_bot", "Dataset Bot", TEAM_ID, color="1f7a5c", is_bot=True),
        User("U0OTHERBOT", "build_bot", "Build Bot", TEAM_ID, color="52525b", is_bot=True),
    ]  # fmt: skip


def _places() -> list[Channel]:
    everyone = ["U0ADA", "U0BEN", "U0CHIARA", "U0MIA"]
    bot = BOT_USER_ID
    return [
        Channel("C0DATA", "data", "channel", [*everyone, "U0GUS", bot], "Datasets, versions, questions"),
        Channel("C0DRIFT", "data-drift", "channel", [*everyone, bot], "Where drift is reported"),
        Channel("C0GENERAL", "general", "channel", [*everyone, "U0OTHERBOT", bot], "Company-wide"),
        Channel(
            "C0SHARED", "partner-exchange", "channel", ["U0ADA", "U0BEN", "U0SAM", bot],
            "Shared with a partner", is_ext_shared=True,
        ),
        Channel("G0OWNERS", "data-owners", "private", ["U0ADA", bot], "Owners only"),
        Channel("C0OLD", "old-archive", "channel", [*everyone, bot], "Read only", is_archived=True),
        Channel("C0RANDOM", "random", "channel", everyone, "Anything else"),
    ]  # fmt: skip


def new_world() -> World:
    """A fresh workspace with its people, channels, a DM with the app for each person, and no messages."""
    world = World(
        team_id=TEAM_ID,
        team_name="Northwind Data",
        team_domain="northwind",
        app_id="A0LOCAL",
        app_name="Dataset Bot",
        bot_user_id=BOT_USER_ID,
        bot_id="B0BOT",
        users={user.id: user for user in _people()},
        channels={channel.id: channel for channel in _places()},
        usergroups={"S0OWNERS": UserGroup("S0OWNERS", "data-owners", "Data owners", ["U0ADA", "U0CHIARA"])},
    )
    for user in list(world.users.values()):
        if not user.is_bot:
            world.dm(user.id)
    return world
