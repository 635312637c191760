"""docs/reference/cli.md names every verb, every option and every exit code, and none that is not there."""

import re
from pathlib import Path

import click
import pytest

from bethna.cli import boundary
from bethna.cli.group import VERBS, bethna

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md").read_text()
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def every_option(command: click.Command) -> list[click.Option]:
    """Its options; those of all its commands where it is a group below the first."""
    parts = list(command.commands.values()) if isinstance(command, click.Group) else []
    found = [parameter for each in [command, *parts] for parameter in each.params]
    return [parameter for parameter in found if isinstance(parameter, click.Option)]


def options_of(command: click.Command) -> set[str]:
    return {
        name for parameter in every_option(command) for name in (*parameter.opts, *parameter.secondary_opts)
    }


def sections() -> dict[str, str]:
    """The text below the heading of each verb; one heading may name several."""
    found = {}
    for heading, text in re.findall(
        r"^## bethna ([\w, ]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL
    ):
        found.update(dict.fromkeys(heading.split(", "), text))
    return found


def rows_for(verb: str) -> str:
    """The option rows of a verb's section; one whose meaning begins with other verbs is theirs alone."""
    rows = []
    for line in sections()[verb].splitlines():
        if not line.startswith("| `-"):
            continue
        names, _, meaning = line.partition(" | ")
        only = re.match(r"((?:`\w+`(?:, | and )?)+):", meaning)
        if only is None or f"`{verb}`" in only[1]:
            rows.append(names)
    return "\n".join(rows)


def test_every_verb_has_its_section_and_row() -> None:
    assert sorted(sections()) == sorted(VERBS)
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGE.partition("## bethna")[0], re.MULTILINE)
    assert [name.strip("`") for row in rows for name in row.split(", ")] == list(VERBS)
    assert list(VERBS) == bethna.list_commands(click.Context(bethna))


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_verb_is_on_the_page_and_no_other(verb: str) -> None:
    command = bethna.get_command(click.Context(bethna), verb)
    assert command is not None
    assert set(OPTION.findall(rows_for(verb))) == options_of(command)
    for option in every_option(command):
        assert option.help, f"{verb} {option.name} has no help"


def test_every_command_of_alerts_is_on_the_page() -> None:
    command = bethna.get_command(click.Context(bethna), "alerts")
    assert isinstance(command, click.Group)
    rows = [
        line.partition(" | ")[0] for line in sections()["alerts"].splitlines() if line.startswith("| `bethna")
    ]
    named = [word for row in rows for word in re.findall(r"`(?:bethna alerts )?([a-z-]+)[ `]", row)]
    assert named == command.list_commands(click.Context(command))
    for each in command.commands.values():
        assert "--json" in options_of(each)


def test_the_groups_options_are_on_the_page() -> None:
    head = PAGE.partition("## bethna up")[0]
    assert options_of(bethna) | {"--help", "-h"} <= set(OPTION.findall(head))


def test_every_exit_code_is_on_the_page() -> None:
    codes = {
        boundary.DONE,
        boundary.CHECK_FAILED,
        boundary.USAGE,
        boundary.UNAVAILABLE,
        boundary.DAMAGED,
        boundary.INTERRUPTED,
    }
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == codes
