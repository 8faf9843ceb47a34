"""The two tables of docs/reliability.md: what was done, and what was found afterwards."""

from collections.abc import Iterable
from statistics import median

from tests.chaos.ground import Blow, Outcome


def tables(outcomes: Iterable[Outcome]) -> str:
    """Both, in Markdown."""
    outcomes = list(outcomes)
    done = [
        "| scenario | what was done | times | to the next record: median | max "
        "| less back-off: median | max |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    found = [
        "| scenario | stage | inputs folded again | lost | differences | orphans | ended by themselves |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for outcome in outcomes:
        for kind in dict.fromkeys(blow.kind for blow in outcome.blows):
            done.append(_done(outcome.name, kind, [blow for blow in outcome.blows if blow.kind == kind]))
        found += _found(outcome)
    faults = [f"- {outcome.name}: {fault}" for outcome in outcomes for fault in outcome.faults]
    return "\n".join([*done, "", *found, *(["", "Faults:", "", *faults] if faults else [])])


def _done(scenario: str, kind: str, blows: list[Blow]) -> str:
    whole = [blow.delay_s for blow in blows if blow.delay_s is not None]
    rest = [max(0.0, blow.delay_s - blow.held_s) for blow in blows if blow.delay_s is not None]
    return f"| {scenario} | {kind} | {len(blows)} | {_middle_and_most(whole)} | {_middle_and_most(rest)} |"


def _middle_and_most(seconds: list[float]) -> str:
    return f"{median(seconds):.1f} s | {max(seconds):.1f} s" if seconds else "– | –"


def _found(outcome: Outcome) -> list[str]:
    lines = []
    for stage, one in outcome.verdicts.items():
        ended = ", ".join(
            f"{count} with {code}" for (of, code), count in sorted(outcome.exits.items()) if of == stage
        )
        lines.append(
            f"| {outcome.name} | {stage} | {one.inputs:,} | {len(one.lost)} | {len(one.differences)} "
            f"| {one.orphans} | {ended or 'none'} |"
        )
    return lines
