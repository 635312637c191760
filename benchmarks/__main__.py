"""`python -m benchmarks`: see the package's docstring for what is measured and how."""

from __future__ import annotations

import argparse
import json
import sys

from benchmarks import __doc__ as explanation
from benchmarks import alerts, bulk, frames, indicators, report, venues
from benchmarks.contest import BINANCE_CONTESTS, CONTESTS, INDICATORS, VENUE_CONTESTS, Work
from benchmarks.harness import NAMES, OURS, Field, WrongAnswerError

DONE, WRONG, INTERRUPTED = 0, 1, 130


def main() -> int:
    options = _options()
    source = frames.load()
    names = tuple(name for name in CONTESTS if not options.only or name in options.only)
    works = frames.contests(source, [name for name in names if name in BINANCE_CONTESTS])
    works |= venues.contests([name for name in names if name in VENUE_CONTESTS])
    if INDICATORS in names:
        works[INDICATORS] = indicators.contest()
    if options.profile:
        return _profile(options, works.get("mix") or works[names[0]])
    if source.synthetic:
        _say(f"SYNTHETIC FRAMES: {source.reason}")
    wanted = tuple(name for name in bulk.CONTESTS if not options.only or name in options.only)
    told: dict[str, object] = {}
    try:
        if works:
            with Field(options.skip, options.python, _say) as field:
                results = field.compete(works, options.rounds)
                told = report.as_object(source, works, field, results)
                text = report.as_text(source, works, field, results)
            if not options.json:
                print(text)
        figures = bulk.run(wanted, options.rounds, _say)
        costs = alerts.run(tuple(options.only or alerts.CONTESTS), options.rounds, _say)
    except (WrongAnswerError, bulk.WrongBulkError, alerts.WrongAlertsError) as error:
        _say(f"FAILED, no figure of this run counts: {error}")
        return WRONG
    if options.json:
        print(
            json.dumps({**told, "bulk": bulk.as_object(figures), "alerts": alerts.as_object(costs)}, indent=2)
        )
        return DONE
    if figures:
        print(bulk.as_text(figures))
    if costs:
        print(alerts.as_text(costs))
    return DONE


def _profile(options: argparse.Namespace, work: Work) -> int:
    others = [name for name in NAMES if name != OURS]
    with Field(others, options.python, _say) as field:
        print(f"{OURS}, {work.contest}, {len(work.frames):,} messages; the profiler's own cost is included")
        print(field.profile(work))
    return DONE


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=explanation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--rounds", type=_positive, default=5, metavar="N", help="rounds that count (default 5)"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=(*CONTESTS, *bulk.CONTESTS, *alerts.CONTESTS),
        help="this contest (may be repeated)",
    )
    parser.add_argument(
        "--skip", action="append", choices=NAMES, default=[], help="not this contestant (may be repeated)"
    )
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PATH",
        help="a further Python for peers' environments",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument(
        "--profile", action="store_true", help="profile our contestant, on the mix unless --only"
    )
    return parser.parse_args()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, found {text!r}")
    return int(text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
