"""Opens the desk's page in the user's browser; never waits for it and never ends the desk over it."""

from __future__ import annotations

import os
import threading

import click


def open_page(url: str) -> None:
    """Have the page opened beside us; what fails is said on stderr."""
    threading.Thread(target=_open, args=(url,), name="open-page", daemon=True).start()


def _open(url: str) -> None:
    import webbrowser

    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        _say("no browser was found")
        return
    waits = isinstance(browser, webbrowser.GenericBrowser) and not isinstance(
        browser, webbrowser.BackgroundBrowser
    )
    if waits and not os.environ.get("BROWSER"):
        _say("only browsers that take over the terminal were found")
        return
    try:
        opened = browser.open(url)
    except (webbrowser.Error, OSError) as error:
        _say(str(error))
        return
    if not opened:
        _say("the browser did not take it")


def _say(why: str) -> None:
    click.echo(f"The page was not opened: {why}. Open the address above by hand.", err=True)
