"""The count of what became of all variants, as a table to print."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from neuro_assets_tests.resave.step import GROUPS
from neuro_assets_tests.resave.trial import Verdict
from neuro_assets_tests.resave.variants import STEPS, Variant


@dataclass(frozen=True)
class Result:
    """A variant of a file and what became of it."""

    label: str
    variant: Variant
    verdict: Verdict

    def __str__(self) -> str:
        harmless = "harmless" if self.variant.is_harmless else "lossy"
        verdict = self.verdict
        return f"{self.label} | {self.variant.name} ({harmless}): {verdict.outcome} {verdict.code} {verdict.detail}"


def loaded_share(results: Iterable[Result]) -> float:
    """Share of the harmless variants that give the rows of the original."""
    outcomes = [r.verdict.outcome for r in results if r.variant.is_harmless]
    return outcomes.count("loaded") / max(1, len(outcomes))


def wrong(results: Iterable[Result]) -> str:
    """The variants with a third outcome, one a line."""
    return "\n".join(str(r) for r in results if r.verdict.outcome == "wrong")


def _counts(results: Iterable[Result]) -> str:
    counted = Counter((r.variant.is_harmless, r.verdict.outcome) for r in results)
    return "".join(f"{counted[h, o]:>9}" for h in (True, False) for o in ("loaded", "refused", "wrong"))


def table(results: list[Result]) -> str:
    """Loaded, refused and wrong by kind of re-save and in total, and the refused harmless ones with their codes."""
    width = max(len(r.variant.kind) for r in results) + 2
    head = "".join(f"{w:>9}" for w in ("loaded", "refused", "wrong") * 2)
    lines = ["", f"{'':<{width}}{'harmless':>27}{'lossy':>27}", f"{'kind of re-save':<{width}}{head}"]
    for group in (*GROUPS, "pairs"):
        within = [r for r in results if r.variant.group == group]
        if not within:
            continue
        lines.append(f"{group.upper():<{width}}{_counts(within)}")
        kinds = sorted({r.variant.kind for r in within}, key=lambda k: (list(STEPS).index(k) if k in STEPS else 0, k))
        lines += [f"  {k:<{width - 2}}{_counts(r for r in within if r.variant.kind == k)}" for k in kinds]
    lines.append(f"{'TOTAL':<{width}}{_counts(results)}")
    harmless = sum(r.variant.is_harmless for r in results)
    lines.append(f"{len(results)} variants, {harmless} harmless, {loaded_share(results):.1%} of these loaded")
    return "\n".join([*lines, "", "Refused, though harmless:", *_refused_harmless(results)])


def _refused_harmless(results: Iterable[Result]) -> list[str]:
    refused = [r for r in results if r.variant.is_harmless and r.verdict.outcome == "refused"]
    where: dict[tuple[str, str], list[str]] = {}
    for r in refused:
        where.setdefault((r.verdict.code, r.variant.name), []).append(r.label)
    return [
        f"  {code}: {name} ({len(labels)}: {', '.join(labels[:4])})" for (code, name), labels in sorted(where.items())
    ]
