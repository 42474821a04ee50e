"""The page on which a person allows or denies scopes, and the pages of refusals before it."""

from collections.abc import Mapping
from html import escape

from neuro_assets.simulate.google_health.catalogue import SCOPE
from neuro_assets.simulate.google_health.people import Person

PATH = "/o/oauth2/v2/auth"
DECIDE = f"{PATH}/decide"
CARRIED = ("client_id", "redirect_uri", "state", "code_challenge", "access_type", "prompt")
_STYLE = "body{font:16px sans-serif;max-width:34em;margin:3em auto}label{display:block;margin:.4em 0}"


def consent(params: Mapping[str, str], people: Mapping[str, Person], chosen: str | None) -> str:
    """The page: an account, scopes as check boxes, Allow and Deny.

    `auto` (allow or deny) among the parameters presses the button by script; `without` (last parts of scopes, joined
    by commas) unticks boxes.
    """
    without = params.get("without", "").split(",")
    boxes = [_box(scope, scope.rpartition(".readonly")[0].removeprefix(SCOPE) not in without)
             for scope in params.get("scope", "").split()]  # fmt: skip
    hidden = [_hidden(name, params[name]) for name in CARRIED if name in params]
    options = [
        f'<option value="{escape(p.id)}"{" selected" if p.id == chosen else ""}>{escape(p.email)}</option>'
        for p in people.values()
    ]
    auto = params.get("auto")
    script = f'<script>document.getElementById("{auto}").click()</script>' if auto in ("allow", "deny") else ""
    return _page(
        "Sign in with a pretended Google",
        f'<form method="post" action="{DECIDE}">{"".join(hidden)}'
        f'<label>Account <select name="person" id="person">{"".join(options)}</select></label>'
        f"<p>The study asks to see:</p>{''.join(boxes)}"
        '<button id="allow" name="decision" value="allow">Allow</button> '
        f'<button id="deny" name="decision" value="deny">Deny</button></form>{script}',
    )


def refusal(error: str, told: str) -> str:
    """What Google shows instead of sending the person back."""
    return _page("Access blocked", f"<p>Error 400: {escape(error)}</p><p>{escape(told)}</p>")


def _box(scope: str, is_ticked: bool) -> str:
    ticked = " checked" if is_ticked else ""
    told = escape(scope.removeprefix(SCOPE))
    return f'<label><input type="checkbox" name="scope" value="{escape(scope)}"{ticked}> {told}</label>'


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1>{body}</html>"
    )
