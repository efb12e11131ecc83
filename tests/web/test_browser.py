"""Journeys in real Chromium against a served house with virtual devices."""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from reportlab.pdfgen import canvas

from frisket import lab
from tests.peers.agents import ReplayAgent, office
from tests.peers.office import arrived_at
from tests.peers.recording import recording
from tests.peers.served import Served, serving
from tests.web.reading import faults

pytestmark = pytest.mark.peer("chromium")

PASSWORD = "a quiet walk by the river"
CARD = "0A1B2C3D"
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
PAGES = (
    "/ /jobs /jobs/1 /upload /me /all-jobs /devices /devices/copy-1 /queues /queues/secure /persons "
    "/audit /health /access /help"
).split()
SIZES = {"phone": (360, 740), "panel": (800, 480), "desk": (1280, 860), "wide": (1920, 1080)}


def pdf(pages: int = 1) -> bytes:
    octets = io.BytesIO()
    drawing = canvas.Canvas(octets)
    for number in range(pages):
        drawing.drawString(100, 700, f"page {number + 1}")
        drawing.showPage()
    drawing.save()
    return octets.getvalue()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium")
    if found is None:
        missing = "chromium is not installed"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as played:
        browser = played.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


@dataclass
class Site:
    """A served house, its devices, and a browser."""

    served: Served
    devices: lab.Running
    chromium: Browser
    said: list[str]  # what the console of a page complained of

    def page(self, size: str = "desk", **options: Any) -> Page:
        width, height = SIZES[size]
        context = self.chromium.new_context(
            ignore_https_errors=True,
            viewport={"width": width, "height": height},
            **{"base_url": self.served.urls["web"], "locale": "en-GB", **options},
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda told: self.said.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        return page

    def signed_in(self, name: str, size: str = "desk", **options: Any) -> Page:
        page = self.page(size, **options)
        page.goto("/sign-in")
        page.fill("#id_name", name)
        page.fill("#id_password", PASSWORD)
        page.click("main button.primary")
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    def send(self, person: str, title: str, pages: int = 1) -> int:
        words = ("job", "submit", "-", "--person", person, "--title", title, "--format", "application/pdf")
        done = self.served.cli(*words, stdin=pdf(pages))
        return int(done["number"])


@contextmanager
def _virtual(folder: Path, *plans: lab.DevicePlan) -> Iterator[lab.Running]:
    """Begun and ended in a thread of their own: this one has Playwright's event loop."""
    with ThreadPoolExecutor(1) as aside, ExitStack() as stack:
        yield aside.submit(stack.enter_context, lab.running(folder, *plans)).result(60)
        aside.submit(stack.close).result(60)


@pytest.fixture(scope="module")
def site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Set up through the pages themselves: the first journey is everybody's ground."""
    folder = tmp_path_factory.mktemp("lab")
    plans = (lab.DevicePlan("copy", lab.Door.IPPS), lab.DevicePlan("other", lab.Door.IPPS))
    with _virtual(folder, *plans) as devices, serving() as served:
        site = Site(served, devices, chromium, [])
        page = site.page()
        page.goto("/")
        page.fill("#id_token", served.ready["setup_token"])
        page.fill("#id_name", "adam")
        page.fill("#id_password", PASSWORD)
        page.click("main button.primary")
        page.fill("#id_device", "copy-1")
        page.fill("#id_uri", devices.uri("copy"))
        page.click("main button.primary")
        page.wait_for_selector("h1:has-text('Today')")
        page.context.close()
        for name in ("alice", "bert"):
            served.ask("person.add", name=name, password=PASSWORD)
        served.ask("person.card", name="alice", number=CARD)
        yield site
        assert site.said == []


def sideways(page: Page) -> bool:
    """Whether the page has to be pushed sideways to be read."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_the_first_minute_ends_with_a_queue_and_an_adopted_device(site: Site) -> None:
    page = site.signed_in("adam")
    page.goto("/devices/copy-1")
    assert "Frisket Lab" in page.inner_text("main") and "ready" in page.inner_text("#state")
    assert page.goto("/setup").status == 404  # type: ignore[union-attr]
    site.said[:] = [each for each in site.said if "404" not in each]
    page.context.close()


@pytest.mark.requirement("SPM-02", "SAFEQ-18")
def test_a_card_fetches_a_job_at_a_small_panel_without_scripts(site: Site) -> None:
    number = site.send("alice", "Plan of the garden", pages=3)
    other = site.send("alice", "Another paper")
    assert site.devices.jobs("copy") == []
    page = site.page("panel", java_script_enabled=False)
    page.goto("/terminal/copy-1")
    page.locator("#number:focus").wait_for()
    page.keyboard.type(CARD)
    page.keyboard.press("Enter")  # as a keyboard-wedge reader does
    page.wait_for_selector(".jobs")
    assert "Plan of th…" in page.inner_text("main") and "garden" not in page.content()
    for each in page.locator("button, .acts a, .ways a, .jobs label").all():
        box = each.bounding_box()
        assert box is not None and box["height"] >= 56, each.inner_text()
    assert not sideways(page)
    assert page.evaluate("1") == 1
    page.locator(".jobs label", has_text="Plan of th").click()
    page.click("button[value=change]")
    page.click("button[name=sparing]")
    page.wait_for_selector("h1:has-text('Take your pages')")
    page.screenshot()
    page.click(".head button")
    page.wait_for_selector("#number")
    assert site.served.job(other)["state"] == "held"
    printed = site.devices.jobs("copy")
    assert len(printed) == 1 and printed[0].documents
    assert site.served.reaches(number, "ended", "erased")["outcome"] == "printed"
    page.context.close()


@pytest.mark.requirement("SAFEQ-59")
def test_a_broken_device_says_so_at_its_panel_and_keeps_the_job(site: Site) -> None:
    number = site.send("alice", "Third paper")
    with ReplayAgent(office(host=5, errors=b"\x08")) as agent:
        site.served.cli("device", "snmp", "copy-1", "2c", "--port", str(agent.port), stdin=b"public\n")
        site.served.cli("device", "show", "copy-1", "--ask")
        page = site.page("panel", java_script_enabled=False)
        page.goto("/terminal/copy-1")
        page.locator("#number:focus").wait_for()
        page.keyboard.type(CARD)
        page.keyboard.press("Enter")
        page.wait_for_selector(".jobs")
        assert "A door of copy-1 is open." in page.inner_text("main .bad") and not sideways(page)
        page.screenshot()
        page.context.close()
        phone = site.signed_in("adam", "phone", locale="de-DE")
        phone.goto("/devices/copy-1")
        assert phone.locator(".levels svg.level").count() >= 8 and not sideways(phone)
        assert faults(phone.content()) == [] and "Tür offen" in phone.inner_text("#state")
        phone.context.close()
    assert site.served.job(number)["state"] == "held"
    site.served.cli("device", "snmp", "copy-1", "off")


def test_a_visitor_with_a_phone_uploads_a_document_and_sees_it_wait(
    site: Site, tmp_path: Path, client_seen: Callable[..., None]
) -> None:
    document = pdf(2)
    (tmp_path / "tickets.pdf").write_bytes(document)
    page = site.signed_in("bert", "phone", has_touch=True, is_mobile=True)
    page.locator("nav.bar a", has_text="Upload").click()
    page.set_input_files("#document", tmp_path / "tickets.pdf")
    page.click("main button.primary")
    page.wait_for_url("**/jobs")
    assert "tickets.pdf" in page.inner_text("main") and not sideways(page)
    page.context.close()
    (view,) = site.served.jobs("bert", "held")
    site.served.print_at(view["number"], "bert", "copy-1")
    site.served.reaches(view["number"], "ended", "erased")
    owner = "bert, who signed in on the page"
    arrived = arrived_at(site.devices, "copy")[-1]
    client_seen(
        "phone-sized Chromium (360 px)", "upload page", "a PDF of 2 pages", owner, sent=document, arrived=arrived
    )


@pytest.mark.requirement("SAFEQ-77")
def test_what_a_phone_sends_is_readable_to_nobody_on_its_way(site: Site, tmp_path: Path) -> None:
    mark = b"canary-of-a-phone-5d20"
    (tmp_path / "Title-77c1.pdf").write_bytes(pdf() + b"%" + mark)
    with recording(site.served.port("web")) as recorder:
        base = {"base_url": f"https://127.0.0.1:{recorder.port}"}
        page = site.signed_in("bert", "phone", has_touch=True, is_mobile=True, **base)
        page.goto("/upload")
        page.set_input_files("#document", tmp_path / "Title-77c1.pdf")
        page.click("main button.primary")
        page.wait_for_url("**/jobs")
        page.context.close()
        sent = b"".join(recorder.sent)
    assert "Title-77c1.pdf" in [job["title"] for job in site.served.jobs("bert", "held")]
    assert len(sent) > 1000
    assert not any(word in sent for word in (mark, b"Title-77c1", b"bert", PASSWORD.encode(), b"csrf"))


@pytest.mark.requirement("OCE-185")
@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_a_phone_gives_the_upload_pages_own_password_and_then_uploads(site: Site, locale: str) -> None:
    secret = "the lobby has blue chairs"
    adam = site.signed_in("adam", "phone", locale=locale)
    adam.goto("/access")
    assert not sideways(adam) and faults(adam.content()) == []
    adam.fill("#id_upload_password", secret)
    adam.uncheck("#id_no_password")
    adam.click("main button.primary")
    adam.wait_for_selector(".note.good")
    page = site.signed_in("bert", "phone", has_touch=True, is_mobile=True, locale=locale)
    page.goto("/upload")
    assert page.locator("#document").count() == 0 and not sideways(page) and faults(page.content()) == []
    page.fill("#password", secret)
    page.click("main button.primary")
    page.wait_for_selector("#document")
    page.context.close()
    adam.check("#id_no_password")
    adam.click("main button.primary")
    adam.wait_for_selector(".note.good")
    adam.context.close()


def test_an_upload_works_without_scripts_too(site: Site, tmp_path: Path) -> None:
    (tmp_path / "plain.pdf").write_bytes(pdf())
    page = site.signed_in("bert", java_script_enabled=False)
    page.goto("/upload")
    page.set_input_files("#document", tmp_path / "plain.pdf")
    page.click("main button.primary")
    page.wait_for_url("**/jobs/*")
    assert "plain.pdf" in page.inner_text("h1") and "It waits for its person" in page.inner_text("main")
    page.context.close()


def test_a_printed_jobs_page_shows_the_line_and_the_receipt_of_destruction(site: Site) -> None:
    number = site.send("alice", "Secret plan")
    page = site.signed_in("alice")
    page.goto(f"/jobs/{number}")
    page.click("main button.primary")
    site.served.reaches(number, "erased")
    page.goto(f"/jobs/{number}")
    assert page.inner_text("[aria-current=step]") == "destroyed"
    receipt = page.inner_text("#receipt")
    assert "E1" in receipt and "Signature" in receipt
    assert "confirmed that it printed" in page.inner_text("main")
    page.context.close()


def test_a_list_shows_what_changed_without_being_loaded_again(site: Site) -> None:
    site.served.ask("person.add", name="nora", password=PASSWORD)  # nothing of hers waits yet
    page = site.signed_in("nora")
    page.goto("/jobs")
    assert page.locator(".empty").is_visible()
    for count, title in enumerate(("came first", "came later"), start=1):
        site.send("nora", title)
        page.wait_for_selector(f".what:has-text('{title}')")
        assert page.locator(".line-list li").count() == count
    page.context.close()


def test_keys_go_and_search(site: Site) -> None:
    page = site.signed_in("adam")
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/all-jobs")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.context.close()


def test_focus_is_seen_and_nothing_traps_it(site: Site) -> None:
    page = site.page()
    page.goto("/sign-in")
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        place = page.evaluate("(e => e.tagName + (e.id || e.textContent))(document.activeElement)")
        if not place.startswith("BODY"):
            assert width >= 2, place
        seen.append(place)
    assert len(set(seen)) >= 5
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(site: Site, scheme: Any) -> None:
    page = site.signed_in("adam", color_scheme=scheme)
    for path in ("/", "/all-jobs", "/devices", "/health", "/audit", "/upload"):
        page.goto(path)
        assert page.evaluate(CONTRAST) == [], path
    page.context.close()


# Every piece of text against the first opaque colour behind it: at least 4.5 to 1 (WCAG 2.2, 1.4.3).
CONTRAST = """() => {
  const part = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const light = (c) => 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2]);
  const read = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = read(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest(".unseen, .skip, option")) continue;
    const a = light(read(getComputedStyle(e).color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${e.tagName} ${e.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""


@pytest.mark.parametrize("size", ["phone", "panel", "desk", "wide"])
@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_pages_fit_every_screen_in_both_languages(site: Site, size: str, locale: str) -> None:
    page = site.signed_in("adam", size, locale=locale)
    for path in PAGES:
        page.goto(path)
        assert not sideways(page), path
        assert faults(page.content()) == [], path
    page.context.close()
