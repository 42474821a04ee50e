"""Which columns of the lake the references of a declaration stand for. Reading them belongs elsewhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from neuro_assets.science.features.use import USE_FAMILIES
from neuro_assets.science.features.yields import YIELD
from neuro_assets.streams.features import FEATURE_TABLES, TRAILING, trailing_table
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD, FEATURES_SURVEY, USE_TABLES
from neuro_assets.streams.model import Table
from neuro_assets.streams.surveys import SURVEY_RESPONSE
from neuro_assets.study import Study
from neuro_assets.study_features import WHOLE_DAY
from neuro_assets.study_models import PERSON, ModelDeclaration
from neuro_assets.study_references import SURVEY, WILDCARD, Reference, is_listed_as, near, parse_reference
from neuro_assets.surveys.model import Codebook

DECLARED: tuple[Table, ...] = (
    *FEATURE_TABLES,
    *USE_TABLES.values(),
    *(trailing_table(family) for family in USE_FAMILIES if any(feature.is_trailing for feature in family)),
    FEATURES_DATA_YIELD,
    trailing_table(YIELD),
)
_SPANS = "_trailing"
# What stands in brackets after a family, and what is meant without brackets.
_OF = {"stream": "steps", "category": "all"}
Key = tuple[str, str | int]


@dataclass(frozen=True)
class FeatureRef:
    """A column of the lake that is a feature.

    Attributes:
        name: how it is called: the shortest reference to it.
        table: where it is.
        column: its SQL column.
        keys: columns with the value that they have in its rows, beside participant_id and day.
        reference: what it was named by, with nothing left out.
    """

    name: str
    table: Table
    column: str
    keys: tuple[Key, ...]
    reference: Reference

    @property
    def is_of_day(self) -> bool:
        """Whether it is of one day, and no span and no answer."""
        return self.reference.window_days is None and self.reference.family != SURVEY

    @property
    def is_item(self) -> bool:
        """Whether it is the answer to an item."""
        return self.table is SURVEY_RESPONSE


@dataclass(frozen=True)
class Family:
    """Tables of features under one name: by the day, over spans of days, or both."""

    name: str
    by_day: Table | None = None
    spans: Table | None = None

    @property
    def of(self) -> str | None:
        """The key column that stands in brackets after the name."""
        columns = {c for t in (self.by_day, self.spans) if t for c in t.column_names}
        return next((key for key in _OF if key in columns), None)

    @property
    def has_segments(self) -> bool:
        """Whether it has parts of the day."""
        return self.by_day is not None and "segment" in self.by_day.column_names

    @property
    def has_statistics(self) -> bool:
        """Whether spans are told of the days' numbers, and not by definitions of their own."""
        return self.by_day is not None and self.spans is not None


@dataclass(frozen=True)
class Vocabulary:
    """What references can name in a study.

    Attributes:
        families: by name.
        segments: parts of the day, the whole one among them.
        windows: lengths of spans in days.
        of: key column -> the values that it has.
        codebooks: by instrument.
    """

    families: Mapping[str, Family]
    segments: tuple[str, ...]
    windows: tuple[int, ...]
    of: Mapping[str, tuple[str, ...]]
    codebooks: Mapping[str, Codebook]


@dataclass(frozen=True)
class Resolved:
    """The columns of a declaration.

    Attributes:
        features: in the order in which they are asked for.
        withheld: those of the leak list that can be read: features are compared with them, and learn nothing of them.
    """

    features: tuple[FeatureRef, ...]
    withheld: tuple[FeatureRef, ...] = ()


def vocabulary_of(study: Study, codebooks: Iterable[Codebook] = (), tables: Iterable[Table] = DECLARED) -> Vocabulary:
    """What references can name in a study with these instruments."""
    families: dict[str, Family] = {}
    for table in tables:
        is_span = "window_days" in table.column_names
        name = table.name.removesuffix(_SPANS) if is_span else table.name
        known = families.get(name, Family(name))
        families[name] = replace(known, spans=table) if is_span else replace(known, by_day=table)
    categories = sorted(set(study.events.categories.values()))
    return Vocabulary(
        families,
        (WHOLE_DAY, *study.features.segments),
        study.features.windows,
        {"stream": study.features.circadian_streams, "category": ("all", "other", *categories)},
        {c.name: c for c in codebooks},
    )


def resolve(model: ModelDeclaration, vocabulary: Vocabulary) -> Resolved:
    """The columns that a declaration asks for, without those on its leak list.

    On the same day as the outcome (`horizon_days: 0`) everything that the codebook makes of the outcome's items gives
    it away, and is on the list without being named; so is the item that tells groups.

    Raises:
        ValueError: everything that cannot be named, with a remedy.
    """
    told: list[str] = []
    found: dict[str, FeatureRef] = {}
    every = [*_every(vocabulary)]
    _require_known(model.leak_list, every)
    listed = (*model.leak_list, *given_away_by(model, vocabulary.codebooks))
    for reference in model.references:
        try:
            for feature in expand(reference, vocabulary):
                is_listed = any(is_listed_as(entry, feature.reference) for entry in listed)
                if is_listed and reference.column != WILDCARD:
                    raise ValueError(f"'{reference}' gives the outcome away, or names the group; delete it")
                if not is_listed:
                    found.setdefault(feature.name, feature)
        except ValueError as error:
            told.append(str(error))
    if told:
        raise ValueError("features: " + "; ".join(told))
    if not found:
        raise ValueError("features: all that are asked for are on the leak list; ask for others")
    return Resolved(tuple(found.values()), tuple(_withheld(listed, model, every)))


def given_away_by(model: ModelDeclaration, codebooks: Mapping[str, Codebook]) -> tuple[str, ...]:
    """References to what the codebook says gives the outcome away on its own day, and to what tells groups."""
    group = () if model.group_by == PERSON else (model.group_by,)
    outcome = model.outcome
    if model.horizon_days > 0 or not outcome.instrument:
        return group
    names = [outcome.score or outcome.item or ""]
    if book := codebooks.get(outcome.instrument):
        parts = book.parts_of(names[0]) if outcome.score in book.scores else set(names)
        names += sorted(parts)
        names += [score for score in book.scores if parts & book.parts_of(score)]
        of_score = [name for name, o in book.outcomes.items() if o.score == outcome.score]
        names += [leak for name in of_score for leak in book.leaks_of(name)]
    return (*group, *(f"{SURVEY}.{outcome.instrument}.{name}" for name in dict.fromkeys(names)))


def expand(reference: Reference, vocabulary: Vocabulary) -> list[FeatureRef]:
    """The features that a reference stands for: one, or with `*` all of a table.

    Raises:
        ValueError: there is no such thing in the study, with a remedy.
    """
    if reference.family == SURVEY:
        return _answers(reference, vocabulary)
    family = vocabulary.families.get(reference.family)
    if family is None:
        raise ValueError(f"'{reference}': no features '{reference.family}'; {near(reference.family, _all(vocabulary))}")
    return [*(_span(reference, family, vocabulary) if reference.window_days else _day(reference, family, vocabulary))]


def feature_columns(table: Table) -> tuple[str, ...]:
    """The columns of a table that are features: its numbers with a fraction."""
    return tuple(c.name for c in table.columns if c.type == "DOUBLE")


def _all(vocabulary: Vocabulary) -> tuple[str, ...]:
    return (*vocabulary.families, SURVEY)


def _day(reference: Reference, family: Family, vocabulary: Vocabulary) -> Iterator[FeatureRef]:
    table = family.by_day
    if table is None:
        spans = " or ".join(f":{days}d" for days in vocabulary.windows)
        raise ValueError(f"'{reference}': {family.name} is told over spans of days; add {spans}")
    if reference.segment and not family.has_segments:
        raise ValueError(f"'{reference}': {family.name} has no parts of the day; delete [{reference.segment}]")
    segment = reference.segment or (WHOLE_DAY if family.has_segments else None)
    if segment and segment not in vocabulary.segments:
        raise ValueError(f"'{reference}': no part of the day '{segment}'; {near(segment, vocabulary.segments)}")
    of = _of(reference, family, vocabulary)
    keys = (*_keys(family.of, of), *_keys("segment", segment))
    for column in _columns(reference, feature_columns(table)):
        yield _made(replace(reference, column=column, of=of, segment=segment), table, column, keys)


def _span(reference: Reference, family: Family, vocabulary: Vocabulary) -> Iterator[FeatureRef]:
    table, days = family.spans, reference.window_days
    if table is None:
        raise ValueError(f"'{reference}': {family.name} is told by the day only; delete :{days}d")
    if reference.segment:
        raise ValueError(f"'{reference}': spans are of whole days; delete [{reference.segment}]")
    if days not in vocabulary.windows:
        there = ", ".join(str(n) for n in vocabulary.windows)
        raise ValueError(f"'{reference}': no spans of {days} days; features.windows in study.yaml has {there}")
    statistic = reference.statistic
    if family.has_statistics and statistic not in TRAILING:
        forms = ", ".join(f":{days}d.{name}" for name in TRAILING)
        raise ValueError(f"'{reference}': say what of the span is meant: {forms}")
    if statistic and not family.has_statistics:
        raise ValueError(f"'{reference}': {family.name} is of the span as it is; delete .{statistic}")
    of = _of(reference, family, vocabulary)
    keys = (*_keys(family.of, of), ("window_days", days or 0))
    suffix = f"_{statistic}" if statistic else ""
    source = family.by_day if family.has_statistics and family.by_day else table
    there = [c for c in feature_columns(source) if f"{c}{suffix}" in table.column_names]
    for column in _columns(reference, there):
        yield _made(replace(reference, column=column, of=of), table, f"{column}{suffix}", keys)


def _of(reference: Reference, family: Family, vocabulary: Vocabulary) -> str | None:
    """The stream or category that is meant."""
    if family.of is None:
        if reference.of:
            raise ValueError(f"'{reference}': {family.name} is not told apart by '{reference.of}'; delete the brackets")
        return None
    of = reference.of or _OF[family.of]
    if of not in vocabulary.of[family.of]:
        where = {"stream": "features.circadian_streams", "category": "events.categories"}[family.of]
        known = vocabulary.of[family.of]
        raise ValueError(f"'{reference}': {where} in study.yaml has no '{of}'; {near(of, known)}")
    return of


def _keys(column: str | None, value: str | None) -> tuple[Key, ...]:
    return ((column, value),) if column and value else ()


def _columns(reference: Reference, there: Sequence[str]) -> Sequence[str]:
    if reference.column == WILDCARD:
        return there
    if reference.column not in there:
        raise ValueError(f"'{reference}': no feature '{reference.column}'; {near(reference.column, there)}")
    return [reference.column]


def _made(reference: Reference, table: Table, column: str, keys: tuple[Key, ...]) -> FeatureRef:
    usual = next((_OF[key] for key, _ in keys if key in _OF), None)
    short = replace(
        reference,
        of=None if reference.of == usual else reference.of,
        segment=None if reference.segment == WHOLE_DAY else reference.segment,
    )
    return FeatureRef(str(short), table, column, keys, reference)


def _answers(reference: Reference, vocabulary: Vocabulary) -> list[FeatureRef]:
    """Scores as features have them; items as they were answered, where that is a number."""
    book = vocabulary.codebooks.get(reference.of or "")
    if book is None:
        remedy = near(reference.of or "", vocabulary.codebooks)
        raise ValueError(f"'{reference}': the study has no instrument '{reference.of}'; {remedy}")
    items = [name for name in book.kept_items if book.type_of(name) == "number"]
    found = []
    for name in _columns(reference, (*book.scores, *items)):
        key = "score_name" if name in book.scores else "item"
        table, column = (FEATURES_SURVEY, "score") if name in book.scores else (SURVEY_RESPONSE, "value")
        keys = (("instrument", book.name), (key, name))
        full = replace(reference, column=name)
        found.append(FeatureRef(str(full), table, column, keys, full))
    return found


def _every(vocabulary: Vocabulary) -> Iterator[FeatureRef]:
    """Every feature that the study has a name for."""
    for family in vocabulary.families.values():
        for of in vocabulary.of[family.of] if family.of else (None,):
            anything = Reference(family.name, WILDCARD, of)
            if family.by_day:
                for segment in vocabulary.segments if family.has_segments else (None,):
                    yield from expand(replace(anything, segment=segment), vocabulary)
            for days in vocabulary.windows if family.spans else ():
                for statistic in TRAILING if family.has_statistics else (None,):
                    yield from expand(replace(anything, window_days=days, statistic=statistic), vocabulary)
    for instrument in vocabulary.codebooks:
        yield from expand(Reference(SURVEY, WILDCARD, instrument), vocabulary)


def _require_known(entries: Iterable[str], every: Sequence[FeatureRef]) -> None:
    """A misspelt entry of a leak list would let through what it is there to keep out."""
    columns = {feature.reference.column for feature in every}
    for entry in entries:
        if not any(is_listed_as(entry, feature.reference) for feature in every):
            name = parse_reference(entry).column if "." in entry else entry
            raise ValueError(f"leak_list: '{entry}' stands for nothing in this study; {near(name, columns)}")


def _withheld(listed: Sequence[str], model: ModelDeclaration, every: Sequence[FeatureRef]) -> Iterator[FeatureRef]:
    """What is listed of the tables that features are from: the whole day's, and spans where they are named."""
    used = {(r.family, r.of if r.family == SURVEY else None) for r in model.references}
    entries = [entry for entry in listed if entry != model.group_by]
    for feature in every:
        own = feature.reference
        if (own.family, own.of if own.family == SURVEY else None) not in used:
            continue
        is_plain = own.window_days is None and own.segment in {None, WHOLE_DAY}
        if any(is_listed_as(e, own) and (is_plain or str(own) == e or feature.name == e) for e in entries):
            yield feature
