"""Why a file cannot be loaded, in the terms a person needs: what, where, and what to do."""

from typing import Any

_SHOWN = 60


class FileRefusedError(Exception):
    """A file that cannot be loaded.

    Args:
        code: for programs; stable.
        what: what is wrong, a sentence without its full stop.
        remedy: what a person can do about it.
        row: data row at fault, the first being 1.
        column: column at fault, as the file calls it.
        value: what stands there; cut to 60 characters.

    Attributes:
        kind: `source.kind` the file was taken for, once that is known.
    """

    def __init__(
        self,
        code: str,
        what: str,
        remedy: str = "",
        *,
        row: int | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        super().__init__(f"{what}. {remedy}" if remedy else what)
        self.code = code
        self.what = what
        self.remedy = remedy
        self.row = row
        self.column = column
        self.kind: str | None = None
        self.value = None if value is None else value[:_SHOWN]

    def as_dict(self) -> dict[str, Any]:
        """For `.reason.json` and `neuro rejected --json`."""
        where = {k: v for k in ("row", "column", "value") if (v := getattr(self, k)) is not None}
        return {"code": self.code, "reason": str(self), "what": self.what, "where": where, "remedy": self.remedy}
