"""A file that is to be settled, and what people have said of it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from neuro_assets.ingest import inbox
from neuro_assets.ingest.dates import Order
from neuro_assets.ingest.decided import Said
from neuro_assets.ingest.numbers import Decimal
from neuro_assets.ingest.whose_payload import Note, notes_around


@dataclass(frozen=True)
class Choice:
    """What a person decided for the files of one call; `note` is about payloads, which do not say it themselves."""

    date_order: Order | None = None
    supersedes: bool = False
    kind: str | None = None
    decimal: Decimal | None = None
    actor: str = "ingest"
    note: Note = field(default_factory=Note)

    @property
    def said(self) -> Said:
        """What is then not asked of the file."""
        return Said(self.kind, self.date_order, self.decimal)

    @property
    def actions(self) -> list[str]:
        """The decisions, for the audit."""
        return (["supersedes"] if self.supersedes else []) + [f"{k}={v}" for k, v in self.said.told.items()]


@dataclass(frozen=True)
class Arrival:
    """A file that is to be settled, with what is said of it.

    Attributes:
        taken: the file.
        choice: what a person decided.
        folder: where it lay, for the notes there; None where that is not known.
        stop: the folder above which no notes are looked for.
        is_copy: the file itself stays where it came from.
    """

    taken: inbox.Taken
    choice: Choice
    folder: Path | None = None
    stop: Path | None = None
    is_copy: bool = False

    def note(self) -> Note:
        """What is said of it, a person's word before that of the notes around it.

        Raises:
            FileRefusedError: `bad_note`.
        """
        if self.folder is None:
            return self.choice.note
        return self.choice.note.over(notes_around(self.folder, self.stop or self.folder))

    def member(self, taken: inbox.Taken, note: Note) -> "Arrival":
        """A file that was in this one."""
        return replace(self, taken=taken, choice=replace(self.choice, note=self.choice.note.over(note)))
