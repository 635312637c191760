"""docs/reference/cli.md names every verb, every option and every exit code, and none that is not there."""

import re
from pathlib import Path

import click
import pytest

from bethna.cli import boundary
from bethna.cli.group import VERBS, bethna

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md").read_text()
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def options_of(command: click.Command) -> set[str]:
    return {
        name
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def test_every_verb_has_its_section_and_row() -> None:
    assert re.findall(r"^## bethna (\w+)$", PAGE, re.MULTILINE) == list(VERBS)
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(VERBS)
    assert list(VERBS) == bethna.list_commands(click.Context(bethna))


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_verb_is_on_the_page_and_no_other(verb: str) -> None:
    section = PAGE.partition(f"## bethna {verb}\n")[2].partition("\n## ")[0]
    rows = "\n".join(line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `-"))
    command = bethna.get_command(click.Context(bethna), verb)
    assert command is not None
    assert set(OPTION.findall(rows)) == options_of(command)
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{verb} {option.name} has no help"


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
