"""How a stream's column follows from the raw columns of a kind of file; the rest of a spec is in model.py."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from neuro_assets.streams.model import Column


def spelled_out(value: Any) -> Any:
    """`value: steps` is short for `value: {column: steps}`."""
    if not isinstance(value, dict):
        return value
    return {k: {"column": v} if isinstance(v, str) else v for k, v in value.items()}


class Mapped(BaseModel):
    """A raw column as it is, translated from codes or scaled; the same in every row; or a JSON object of several."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    codes: dict[str, str] | None = Field(default=None, description="What the file says -> what it means.")
    scale: float | None = Field(default=None, description="Factor from the file's unit to the stream's.")
    constant: str | None = Field(default=None, description="What every row of such files is, instead of a column.")
    members: "dict[str, Mapped] | None" = Field(
        default=None, description="A JSON object put together, instead of a column: member -> raw column or constant."
    )

    @field_validator("codes", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        """YAML reads an unquoted true or 1 as what it means."""
        if not isinstance(value, dict):
            return value
        return {str(k): str(v).lower() if isinstance(v, bool) else str(v) for k, v in value.items()}

    @field_validator("members", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return spelled_out(value)

    @model_validator(mode="after")
    def _one_way(self) -> "Mapped":
        if sum(way is not None for way in (self.column, self.constant, self.members)) != 1:
            raise ValueError("say one of 'column', 'constant' and 'members': where does the value come from?")
        if self.column is None and (self.codes is not None or self.scale is not None):
            raise ValueError("'codes' and 'scale' belong to a 'column'")
        if self.codes is not None and self.scale is not None:
            raise ValueError("'codes' and 'scale' do not go together")
        if self.members is not None and (not self.members or any(m.members for m in self.members.values())):
            raise ValueError("'members' are one or more columns or constants, none of them an object itself")
        read = [code.strip().lower() for code in self.codes or {}]
        if twice := sorted({code for code in read if read.count(code) > 1}):
            raise ValueError(f"codes are read without regard to capitals: '{twice[0]}' is there twice")
        return self

    @property
    def parts(self) -> "tuple[Mapped, ...]":
        """What it is put together from: itself, or its members."""
        return tuple(self.members.values()) if self.members else (self,)

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns that it follows from."""
        return tuple(p.column for p in self.parts if p.column is not None)

    def fits(self, target: Column) -> None:
        """Refuse codes, scales, constants and members that cannot give the stream's column.

        Raises:
            ValueError: naming what the column takes.
        """
        allowed = ("true", "false") if target.type == "BOOLEAN" else target.isin
        told = {*(self.codes or {}).values(), *([] if self.constant is None else [self.constant])}
        if allowed and (wrong := sorted(told - set(allowed))):
            raise ValueError(f"column '{target.name}' takes {', '.join(allowed)}, not '{wrong[0]}'")
        if self.scale is not None and target.type not in {"SMALLINT", "INTEGER", "BIGINT", "DOUBLE"}:
            raise ValueError(f"column '{target.name}' is no number: it cannot be scaled")
        if self.members is not None and (target.type != "VARCHAR" or target.isin):
            raise ValueError(f"column '{target.name}' is no free text: 'members' cannot be put together for it")
