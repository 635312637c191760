"""docs/reference/settings.md is complete and true: its table is what the program knows."""

from pathlib import Path

from bethna.config import Setting, Settings, catalogue
from bethna.logic.session_types import ConnectionSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "settings.md"


def row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else "empty"
    allowed = setting.allowed.replace("|", "\\|")
    return f"| `{setting.name}` | `{setting.variable}` | {default} | {allowed} | {setting.meaning} |"


def test_the_page_lists_every_setting_as_it_is_and_no_other() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if "` | `BETHNA_" in line]
    assert rows == [row(setting) for setting in catalogue()]


def test_a_setting_that_connections_have_too_has_the_same_default() -> None:
    settings, connection = Settings(), ConnectionSettings()
    shared = set(Settings.__struct_fields__) & set(ConnectionSettings.__struct_fields__)
    differing = {"proxy", "streams_per_socket"}  # a secret and 0 here, a text and None there
    assert len(shared) > 10
    for name in shared - differing:
        assert getattr(settings, name) == getattr(connection, name), name
