"""Pictures as bytes. matplotlib is imported where one is drawn: it takes long, and most processes draw none."""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def open_frame(axis: "Axes") -> None:
    """Leave the sides above and to the right of what is drawn open."""
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def png_of(figure: "Figure") -> bytes:
    """The figure as PNG, closed."""
    from matplotlib import pyplot

    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    pyplot.close(figure)
    return buffer.getvalue()
