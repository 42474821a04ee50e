"""Google's OAuth of the fake: consent, codes, refreshes, revocation, scopes."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from neuro_assets.simulate.google_health import GoogleHealthServer, World
from neuro_assets.simulate.google_health.catalogue import SCOPE, SCOPES
from neuro_assets.simulate.google_health.oauth import CLIENT_ID, CLIENT_SECRET
from neuro_assets_tests.google_health.fake_api import Asker

REDIRECT = "http://127.0.0.1:9/callback"
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
CLIENT = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


@pytest.fixture
def server() -> Iterator[GoogleHealthServer]:
    with GoogleHealthServer(World(3, "2026-10-20", now="2026-10-22"), rotate_every=2, empty_share=0.0) as server:
        yield server


def _asked(server: GoogleHealthServer, **changes: str) -> requests.Response:
    params = {
        "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "response_type": "code", "scope": " ".join(SCOPES),
        "state": "s1", "access_type": "offline", "prompt": "consent", "code_challenge": CHALLENGE,
        "code_challenge_method": "S256", "login_hint": "P002",
    }  # fmt: skip
    return requests.get(server.auth_url, params=params | changes, timeout=10)


def _pressed(server: GoogleHealthServer, page: str, button: str) -> dict[str, str]:
    """What comes back to the redirect when somebody presses a button of the page as it is."""
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    fields += [("scope", s) for s in re.findall(r'name="scope" value="([^"]+)" checked', page)]
    fields += [("person", p) for p in re.findall(r'<option value="([^"]+)" selected', page)]
    url, pressed = f"{server.auth_url}/decide", [*fields, ("decision", button)]
    answer = requests.post(url, data=pressed, timeout=10, allow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{REDIRECT}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def _exchanged(server: GoogleHealthServer, **form: str) -> requests.Response:
    return requests.post(server.token_url, data=CLIENT | form, timeout=10)


def _with_code(server: GoogleHealthServer, code: str, **changes: str) -> requests.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return _exchanged(server, **form | changes)


def _refreshed(server: GoogleHealthServer, token: object) -> requests.Response:
    return _exchanged(server, grant_type="refresh_token", refresh_token=str(token))


def test_who_allows_is_connected_as_the_account_that_was_hinted_at(server: GoogleHealthServer) -> None:
    back = _pressed(server, _asked(server).text, "allow")
    assert back["state"] == "s1"
    answer = _with_code(server, back["code"])
    tokens = answer.json()
    assert tokens.keys() == {"access_token", "refresh_token", "expires_in", "scope", "token_type"}
    assert (tokens["expires_in"], tokens["token_type"]) == (3599, "Bearer")
    assert set(tokens["scope"].split()) == set(SCOPES)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    told = requests.get(f"{server.url}/v4/users/me/identity", headers=bearer, timeout=10).json()
    assert told["healthUserId"] == server.world.people["P002"].health_user_id


def test_who_denies_or_unticks_everything_comes_back_without_a_code(server: GoogleHealthServer) -> None:
    denied = _pressed(server, _asked(server).text, "deny")
    none = ",".join(scope.removeprefix(SCOPE).removesuffix(".readonly") for scope in SCOPES)
    unticked = _pressed(server, _asked(server, without=none).text, "allow")
    assert denied == unticked == {"state": "s1", "error": "access_denied"}


def test_scopes_that_are_unticked_are_not_granted(server: GoogleHealthServer) -> None:
    back = _pressed(server, _asked(server, without="sleep,settings").text, "allow")
    tokens = _with_code(server, back["code"]).json()
    assert set(SCOPES) - set(tokens["scope"].split()) == {f"{SCOPE}sleep.readonly", f"{SCOPE}settings.readonly"}
    asker = Asker(server, "P002", scopes=tuple(tokens["scope"].split()))
    codes = [asker.points(name).status_code for name in ("sleep", "steps", "heart-rate")]
    assert (codes, asker.get("settings").status_code, asker.get("profile").status_code) == ([403, 200, 200], 403, 200)
    error = asker.points("sleep").json()["error"]
    assert (error["status"], error["details"][0]["reason"]) == ("PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"client_id": "other"}, "invalid_client"),
        ({"redirect_uri": "https://example.org/cb"}, "redirect_uri_mismatch"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_refused_on_a_page_and_not_sent_back(
    server: GoogleHealthServer, changes: dict[str, str], told: str
) -> None:
    answer = _asked(server, **changes)
    assert answer.status_code == 400
    assert told in answer.text
    assert "<form" not in answer.text


def test_a_code_holds_once_for_its_redirect_and_verifier(server: GoogleHealthServer) -> None:
    def code() -> str:
        return _pressed(server, _asked(server).text, "allow")["code"]

    used = code()
    assert [_with_code(server, used).status_code for _ in range(2)] == [200, 400]
    late = code()
    server.oauth.expire_codes()
    refused = [
        _with_code(server, late),
        _with_code(server, "nonsense"),
        _with_code(server, code(), code_verifier="another"),
        _with_code(server, code(), code_verifier=""),
        _with_code(server, code(), redirect_uri="http://127.0.0.1:9/other"),
    ]
    assert [r.status_code for r in refused] == [400] * 5
    assert [r.json()["error"] for r in refused] == ["invalid_grant"] * 4 + ["redirect_uri_mismatch"]
    stranger = _exchanged(server, client_secret="x", grant_type="refresh_token")
    assert (stranger.status_code, stranger.json()["error"]) == (401, "invalid_client")


def test_a_refresh_token_comes_offline_and_again_only_when_asked_for(server: GoogleHealthServer) -> None:
    def tokens(**changes: str) -> set[str]:
        back = _pressed(server, _asked(server, **changes).text, "allow")
        return set(_with_code(server, back["code"]).json())

    assert "refresh_token" not in tokens(access_type="online")
    assert "refresh_token" not in tokens(prompt="none")
    assert "refresh_token" in tokens()


def test_every_second_refresh_gives_a_new_token_and_ends_the_old_one(server: GoogleHealthServer) -> None:
    old = server.connect("P001")["refresh_token"]
    first, second = _refreshed(server, old).json(), _refreshed(server, old).json()
    assert "refresh_token" not in first
    assert second["refresh_token"] != old
    assert _refreshed(server, old).json()["error"] == "invalid_grant"
    assert _refreshed(server, second["refresh_token"]).status_code == 200
    assert server.refreshes == {"P001": 3}


def test_revoking_ends_all_tokens_until_a_new_consent(server: GoogleHealthServer) -> None:
    asker = Asker(server, "P001")
    assert asker.points("steps").status_code == 200
    server.world.revoke("P001")
    answer = asker.points("steps")
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    refused = _refreshed(server, asker.tokens["refresh_token"])
    told = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    assert (refused.status_code, refused.json()) == (400, told)
    again = Asker(server, "P001")
    assert again.points("steps").status_code == 200
    assert (
        requests.post(server.revoke_url, data={"token": again.tokens["refresh_token"]}, timeout=10).status_code == 200
    )
    assert again.points("steps").status_code == 401
    assert (
        requests.post(server.revoke_url, data={"token": again.tokens["refresh_token"]}, timeout=10).status_code == 400
    )


def test_a_lost_permission_is_cured_by_consenting_again(server: GoogleHealthServer) -> None:
    asker = Asker(server, "P001")
    server.world.lose_permission("P001")
    error = asker.points("steps").json()["error"]
    assert (error["code"], error["details"][0]["reason"]) == (403, "RESOURCE_PERMISSION_DENIED")
    assert _refreshed(server, asker.tokens["refresh_token"]).status_code == 200
    assert asker.points("steps").status_code == 403
    back = _pressed(server, _asked(server, login_hint="P001").text, "allow")
    assert _with_code(server, back["code"]).status_code == 200
    assert asker.points("steps").status_code == 200


def test_an_access_token_ends_and_a_refresh_gives_another(server: GoogleHealthServer) -> None:
    asker = Asker(server, "P001")
    server.oauth.expire_access("P001")
    assert asker.points("steps").status_code == 401
    fresh = _refreshed(server, asker.tokens["refresh_token"]).json()["access_token"]
    asker.session.headers["Authorization"] = f"Bearer {fresh}"
    assert asker.points("steps").status_code == 200
    asker.session.headers["Authorization"] = "Bearer ya29.nobody"
    assert asker.points("steps").status_code == 401
    del asker.session.headers["Authorization"]
    assert asker.points("steps").status_code == 401
