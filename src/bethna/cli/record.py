"""`bethna record`: what the live wire says, into a tape, without a page; the tape's form is in `store.tapeline`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bethna.cli.boundary import DONE
from bethna.cli.group import json_option
from bethna.cli.options import Duration, symbol_option
from bethna.cli.surroundings import log_to_stderr, read_settings

if TYPE_CHECKING:
    from bethna.store.recorder import Recorded


@click.command(short_help="Record the live wire into a tape.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@symbol_option
@click.option(
    "--for", "duration_s", type=Duration(), help="Stop after this time, such as 60s or 8h (default: Ctrl-C)."
)
@click.option("--single", is_flag=True, help="One file, however large, instead of numbered segments.")
@json_option
def record(
    file: Path | None, symbols: tuple[str, ...] | None, duration_s: float | None, single: bool, as_json: bool
) -> int:
    """Record what the live wire says into FILE (NAME.jsonl.zst) until Ctrl-C.

    Both directions of every socket and every REST answer, exactly as they were, with their times; secrets are
    blacked out. Written as segments NAME.0001.jsonl.zst, NAME.0002.jsonl.zst, ... (settings tape_rotate_mb,
    tape_rotate_s), whole up to the last second even after a crash. Without FILE it goes into the folder
    `recordings` of the data folder.

    \b
    bethna record --symbol BTC-USDT --for 10m btc.jsonl.zst
    bethna up --source tape:btc                               plays it
    """
    settings = read_settings(source="live", symbols=symbols)

    from bethna.app import Desk
    from bethna.cli.recording import Ended, carry
    from bethna.cli.running import run
    from bethna.store.recorder import TapeWriter

    log_to_stderr(settings)
    path = file or _usual_file(settings.data_dir)
    ended = Ended()
    writer = TapeWriter(
        path,
        rotate_bytes=None if single else settings.tape_rotate_mb * 1_000_000,
        rotate_s=None if single else settings.tape_rotate_s,
        max_pending_bytes=settings.tape_buffer_mb * 1_000_000,
        on_stop=ended.tell,
    )
    desk = Desk(settings, tap=writer)  # first, so that wrong settings leave no file
    with writer:
        click.echo(f"recording {', '.join(settings.symbols)} into {path}", err=True)
        try:
            run(carry(desk, ended, duration_s))
        finally:
            writer.close()
            _say(writer.recorded(), as_json)
    if writer.error is not None:
        raise writer.error
    return DONE


def _usual_file(data_dir: str) -> Path:
    from datetime import UTC, datetime

    from bethna.core.clock import NS_PER_S
    from bethna.runtime.clocks import SystemClock
    from bethna.store.folder import data_root

    moment = datetime.fromtimestamp(SystemClock().now_ns() // NS_PER_S, UTC)
    return data_root(data_dir) / "recordings" / f"live-{moment:%Y%m%dT%H%M%SZ}.jsonl.zst"


def _say(recorded: Recorded, as_json: bool) -> None:
    if as_json:
        import msgspec

        said = {
            "files": [str(path) for path in recorded.files],
            "entries": recorded.entries,
            "bytes": recorded.bytes,
        }
        click.echo(msgspec.json.encode(said).decode())
    else:
        click.echo(f"{recorded.entries:,} entries, {recorded.bytes:,} bytes in {len(recorded.files)} file(s)")
