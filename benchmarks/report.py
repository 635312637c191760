"""Results as a table for people and as one object for programs; whether the aims were reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.contest import Work
from benchmarks.frames import Source
from benchmarks.harness import NAMES, OURS, PROBE, UNCOVERED, Field, Result

Results = dict[str, dict[str, Result]]

AT_LEAST_CRYPTOFEED = {"trades": 8.0, "mix": 6.0}
AT_LEAST_TALIPP = 10.0
AT_MOST_PROBE = 1.5
AT_MOST_UNCOVERED = 1.05


@dataclass(frozen=True, slots=True)
class Aim:
    """`found` is a ratio of medians of one run; an aim is judged where both sides took part."""

    contest: str
    text: str
    found: float
    reached: bool


def aims(results: Results) -> Iterator[Aim]:
    for contest, by_name in results.items():
        if OURS not in by_name:
            continue
        ours = by_name[OURS].us
        rivals = {name: result.us for name, result in by_name.items() if name.startswith("cryptofeed")}
        if contest in AT_LEAST_CRYPTOFEED and rivals:
            fastest, least = min(rivals, key=rivals.__getitem__), AT_LEAST_CRYPTOFEED[contest]
            ratio = rivals[fastest] / ours
            yield Aim(contest, f"at least {least:g} times {fastest}", ratio, ratio >= least)
        if contest in AT_LEAST_CRYPTOFEED and PROBE in by_name:
            ratio = ours / by_name[PROBE].us
            yield Aim(
                contest, f"at most {AT_MOST_PROBE:g} times the probe's cost", ratio, ratio <= AT_MOST_PROBE
            )
        if "talipp" in by_name:
            ratio = by_name["talipp"].us / ours
            yield Aim(contest, f"at least {AT_LEAST_TALIPP:g} times talipp", ratio, ratio >= AT_LEAST_TALIPP)
        if UNCOVERED in by_name:
            ratio = ours / by_name[UNCOVERED].us
            yield Aim(
                contest,
                f"coverage: at most {AT_MOST_UNCOVERED:g} times the cost without it",
                ratio,
                ratio <= AT_MOST_UNCOVERED,
            )


def as_text(source: Source, works: dict[str, Work], field: Field, results: Results) -> str:
    lines = [*_origin(source), "", *_versions(field), ""]
    for contest, by_name in results.items():
        base = OURS if OURS in by_name else PROBE
        origin = works[contest].origin and f" ({works[contest].origin})"
        lines.append(
            f"{contest}: {len(works[contest].frames):,} messages, CPU microseconds a message{origin}"
        )
        lines.append(f"  {'':14}{'median':>10}{'least':>10}{'most':>10}{'times ' + base:>14}")
        for name, result in by_name.items():
            low, high = min(result.rounds), max(result.rounds)
            ratio = f"{result.us / by_name[base].us:.2f}" if base in by_name else "-"
            lines.append(f"  {name:14}{result.us:>10.2f}{low:>10.2f}{high:>10.2f}{ratio:>14}")
        lines.append("")
    judged = list(aims(results))
    lines += [f"aim, {aim.contest}: {aim.text}: {aim.found:.2f}, {_verdict(aim)}" for aim in judged]
    if not all(aim.reached for aim in judged):
        lines.append("where our time goes: python -m benchmarks --profile --only CONTEST")
    if field.missing.get(OURS):
        lines.append(f"{OURS}: {field.missing[OURS]}; aims not judged")
    lines.append("every answer equals the independent replay")
    return "\n".join(lines)


def as_object(source: Source, works: dict[str, Work], field: Field, results: Results) -> dict[str, Any]:
    return {
        "frames": {"source": source.name, "synthetic": source.synthetic, "reason": source.reason or None},
        "contestants": {process.name: {"versions": process.versions} for process in field.present}
        | {name: {"missing": reason} for name, reason in field.missing.items()},
        "contests": {
            contest: {
                "messages": len(works[contest].frames),
                "us_per_message": {
                    name: {"median": result.us, "rounds": result.rounds, "passes": result.passes}
                    for name, result in by_name.items()
                },
            }
            for contest, by_name in results.items()
        },
        "aims": [
            {"contest": aim.contest, "aim": aim.text, "found": aim.found, "reached": aim.reached}
            for aim in aims(results)
        ],
    }


def _verdict(aim: Aim) -> str:
    return "reached" if aim.reached else "SHORT"


def _origin(source: Source) -> list[str]:
    if not source.synthetic:
        return [f"frames: {source.name}"]
    return [
        "!" * 72,
        "!!  SYNTHETIC FRAMES: made up, not recorded. Do not quote these figures.",
        f"!!  {source.reason}; set BETHNA_SHARED to the folder that holds captures/",
        "!" * 72,
    ]


def _versions(field: Field) -> Iterator[str]:
    for name in NAMES:
        process = field.named(name)
        if process is None:
            yield f"{name:14}MISSING: {field.missing[name]}"
        else:
            yield f"{name:14}" + ", ".join(
                f"{package} {version}" for package, version in process.versions.items()
            )
