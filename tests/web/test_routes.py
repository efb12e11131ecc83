"""Who reaches which page: declared for each, and held for each."""

import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, get_resolver

from frisket import identity
from frisket.web.api.entry import OPERATIONS, operation
from frisket.web.routes import ROUTES, Route, Who, page
from tests.web.conftest import Town

ROLES = {"alice": identity.Role.PERSON, "olga": identity.Role.OPERATOR, "adam": identity.Role.ADMINISTRATOR}


def address(route: Route, town: Town) -> str:
    """A path of the route with something that exists in its places."""
    person = town.person("alice").id
    place = {"number": "1", "name": "copy-1" if route.path.startswith(("devices", "terminal")) else "secure"}
    place["person_id"] = str(person)
    return "/" + re.sub(r"<\w+:(\w+)>", lambda found: place[found[1]], route.path)


def filled(town: Town) -> Town:
    town.person("adam")
    town.add_queue()
    town.add_device()
    town.add_store()
    town.send("alice")
    return town


def test_every_address_of_the_pages_is_in_the_table_of_routes() -> None:
    patterns = [each for each in get_resolver().url_patterns if isinstance(each, URLPattern)]
    assert {each.name for each in patterns} == {route.name for route in ROUTES}
    views = {each.callback for each in patterns}
    assert views == {route.view for route in ROUTES}


def test_a_page_without_a_declared_permission_cannot_be_registered() -> None:
    def bare(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    before = len(ROUTES)
    with pytest.raises(TypeError):
        page("/bare")(bare)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        page("/bare", needs=None)(bare)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        operation("GET", "/bare", needs="anybody", tag="bare")(bare)  # type: ignore[arg-type]
    assert len(ROUTES) == before


def test_only_these_pages_are_for_everybody() -> None:
    public = {route.name for route in ROUTES if route.needs is Who.PUBLIC}
    assert public == {"sign-in", "setup", "language", "help-page"}
    assert all(route.path.startswith("terminal/") for route in ROUTES if route.needs is Who.TERMINAL)
    assert all(isinstance(each.needs, identity.Permission) for each in OPERATIONS)


def test_whoever_has_not_signed_in_reaches_no_other_page(town: Town) -> None:
    filled(town)
    browser = town.browser()
    for route in ROUTES:
        if route.needs in (Who.PUBLIC, Who.TERMINAL):
            continue
        for method in route.methods:
            answer = browser.generic(method, address(route, town), secure=True)
            assert answer.status_code == 302, (method, route.path, answer.status_code)
            assert answer["Location"].startswith("/sign-in"), route.path


def test_whoever_has_not_signed_in_at_a_terminal_sees_nobodys_jobs(town: Town) -> None:
    filled(town)
    browser = town.browser()
    for route in ROUTES:
        if route.needs is not Who.TERMINAL or route.name == "terminal-sign-in":
            continue
        for method in route.methods:
            answer = browser.generic(method, address(route, town), secure=True)
            assert b"Letter" not in answer.content, route.path
            assert answer.status_code == 302 or b"Hold your card" in answer.content, route.path


def test_whoever_has_not_signed_in_gets_401_from_every_operation(town: Town) -> None:
    filled(town)
    browser = town.browser()
    for each in OPERATIONS:
        path = re.sub(r"{(\w+)}", lambda found: str(town.person("alice").id) if "id" in found[1] else "1", each.path)
        answer = browser.generic(each.method, f"/api/v1{path}", b"{}", "application/json", secure=True)
        assert answer.status_code == 401, (each, answer.status_code)
        assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", sorted(ROLES))
def test_a_role_reaches_the_pages_of_its_permissions_and_no_others(town: Town, name: str) -> None:
    filled(town)
    browser = town.browser(name)
    rights = identity.RIGHTS[ROLES[name]]
    for route in ROUTES:
        if "GET" not in route.methods or route.needs in (Who.PUBLIC, Who.TERMINAL):
            continue
        answer = browser.get(address(route, town), secure=True)
        allowed = route.needs is Who.SIGNED_IN or route.needs in rights
        if route.name == "job-receipt":
            allowed, expected = True, (404,)  # not destroyed yet
        else:
            expected = (200,)
        assert answer.status_code in (expected if allowed else (403,)), (name, route.path, answer.status_code)


@pytest.mark.parametrize("name", sorted(ROLES))
def test_a_role_may_use_the_operations_of_its_permissions_and_no_others(town: Town, name: str) -> None:
    filled(town)
    browser = town.browser(name)
    rights = identity.RIGHTS[ROLES[name]]
    for each in OPERATIONS:
        path = re.sub(r"{(\w+)}", lambda found: str(town.person("alice").id) if "id" in found[1] else "none", each.path)
        answer = browser.generic(each.method, f"/api/v1{path}", b"{}", "application/json", secure=True)
        if each.needs in rights:
            assert answer.status_code not in (401, 403), (name, each, answer.status_code)
        else:
            assert answer.status_code in (403, 422), (name, each, answer.status_code)


def test_another_method_than_the_declared_ones_is_refused(town: Town) -> None:
    browser = town.browser("alice")
    assert browser.put("/jobs", secure=True).status_code == 405
    assert browser.get("/sign-out", secure=True).status_code == 405


def test_the_terminal_of_a_device_that_is_not_there_is_not_there(town: Town) -> None:
    assert town.browser().get("/terminal/copy-9", secure=True).status_code == 404
