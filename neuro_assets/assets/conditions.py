"""When an asset runs by itself. Each condition is a named function, one docstring line per clause."""

import dagster as dg


def on_touched_days(besides: dg.AssetSelection | None = None) -> dg.AutomationCondition:
    """Run exactly the days of which something upstream is new, however old they are.

    - `any_deps_updated`: one upstream suffices; a fan-in never waits for a stream that has nothing that day.
    - `since_last_handled`: once per update, until the next one.
    - `~any_deps_in_progress`: not while an upstream of that day is being written.
    - `~in_progress`: not beside itself.

    There is no latest-window clause: late files touch old days. Nothing here looks at the clock: an asset with
    nothing new does not run at midnight.

    Args:
        besides: upstream assets that make nothing run.
    """
    updated = dg.AutomationCondition.any_deps_updated()
    return (
        (updated.ignore(besides) if besides else updated).since_last_handled()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
    ).with_label("on_touched_days")
