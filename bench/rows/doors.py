"""Accepted jobs a second by every door that is not IPP, each beside what people run there or the machine's limit."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from tests.peers import mailing

from bench import documents, load, machine, talking
from bench.nowhere import Nowhere
from bench.result import Row
from bench.servers import Frisket, NotUp, free_port, listens
from bench.setting import Setting

__all__ = ["measure"]

SIZE, AT_ONCE = 20_480, 8
DOMAIN, SENDER = "print.lab", "load@office.lab"
_CUPS_LPD = "/usr/lib/cups/daemon/cups-lpd"
_MORE = """
[doors.mail]
on = true
address = "127.0.0.1"
port = 0

[mail]
domains = ["{domain}"]

[folders]
roots = ["{root}"]
"""
Clients = Mapping[str, Callable[[], talking.Exchange]]
OURS, ITSELF = "Frisket", "generator"


def measure(setting: Setting) -> list[Row]:
    house = setting.workshop.frisket(_MORE.format(domain=DOMAIN, root=setting.folder))
    document = documents.pdf(SIZE)
    rows: list[Row] = []
    try:
        for measured in (_lpd, _raw, _mail, _upload):
            with ExitStack() as opened:
                rows.append(_row(setting, *measured(setting, opened, house, document)))
        rows.append(_folder(setting, house, document))
    finally:
        setting.workshop.close([house])
    return rows


def _row(setting: Setting, what: str, clients: Clients, note: str) -> Row:
    """All in turns; the last of the clients speaks to nobody, and says what the generator can do at most."""
    found: dict[str, list[load.Measured]] = {name: [] for name in clients}
    for make in clients.values():
        talking.run(make, talking.Plan(40, 5.0, 4))  # warm: code, caches, files
    plan = talking.Plan(600, 2.0, AT_ONCE) if setting.quick else talking.Plan(4000, 4.0, AT_ONCE)
    for turn in range(setting.turns):
        for name, make in clients.items():
            setting.say(f"{what}: {name}, turn {turn + 1}")
            found[name].append(talking.run(make, plan))
    rates = {name: median(each.per_second for each in turns) for name, turns in found.items()}
    if not rates[OURS]:
        raise NotUp(f"{what}: {dict(found[OURS][0].errors)}")
    detail = {
        name: [
            {"ok": len(m.latencies), "errors": dict(m.errors), "per_second": m.per_second, "p50_ms": m.ms(50)}
            for m in turns
        ]
        for name, turns in found.items()
    }
    peers = {name: rate for name, rate in rates.items() if name != OURS}
    first = next(iter(peers.values()))
    return Row("doors", what, "jobs/s", rates[OURS], peers, rates[OURS] / first if first else None, None, detail, note)


_Part = tuple[str, Clients, str]


def _nowhere(opened: ExitStack, kind: str, folder: Path | None = None) -> int:
    door = Nowhere(kind, folder)
    opened.callback(door.close)
    return door.port


def _lpd(setting: Setting, opened: ExitStack, house: Frisket, document: documents.Document) -> _Part:
    clients: dict[str, Callable[[], talking.Exchange]] = {
        OURS: lambda: talking.Lpd(_port(house, "lpd"), document, "secure")
    }
    if os.path.exists(_CUPS_LPD) and shutil.which("socat"):
        theirs = opened.enter_context(_cups_lpd(setting))
        clients["cups-lpd, cupsd durable"] = lambda: talking.Lpd(theirs, document, "null")
    itself = _nowhere(opened, "lpd")
    clients[ITSELF] = lambda: talking.Lpd(itself, document, "q")
    return f"LPD, 20 kB, {AT_ONCE} at once", clients, "cups-lpd is started for each connection, as (x)inetd does"


@contextmanager
def _cups_lpd(setting: Setting) -> Iterator[int]:
    cups = setting.workshop.cups(durable=True)
    if cups is None:
        raise NotUp("cups-lpd without cupsd")
    port = free_port()
    words = ["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=256"]
    started = f"EXEC:{_CUPS_LPD} -o job-hold-until=indefinite"
    environment = {**os.environ, "CUPS_SERVER": f"localhost:{cups.port}"}
    process = subprocess.Popen([*words, started], env=environment, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while not listens(port):
            if process.poll() is not None or time.monotonic() > end:
                raise NotUp("socat did not come up")
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()
        setting.workshop.close([cups])


def _raw(setting: Setting, opened: ExitStack, house: Frisket, document: documents.Document) -> _Part:
    place = setting.folder / "raw"
    place.mkdir()
    opened.callback(shutil.rmtree, place)
    kept, itself = _nowhere(opened, "raw", place), _nowhere(opened, "raw")
    clients = {
        OURS: lambda: talking.Raw(_port(house, "raw"), document),
        "limit": lambda: talking.Raw(kept, document),
        ITSELF: lambda: talking.Raw(itself, document),
    }
    return f"RAW, 20 kB, {AT_ONCE} at once", clients, "limit: the octets in a new file, synced, and no more"


def _mail(setting: Setting, opened: ExitStack, house: Frisket, document: documents.Document) -> _Part:
    itself = _nowhere(opened, "mail")
    clients: dict[str, Callable[[], talking.Exchange]] = {
        OURS: lambda: talking.Smtp(_port(house, "mail"), document, SENDER, house.mail_address)
    }
    if shutil.which("postfix") and os.geteuid() == 0:
        postfix = opened.enter_context(mailing.postfix_running("relayed.lab", free_port()))
        clients["Postfix"] = lambda: talking.Smtp(postfix.port, document, SENDER, "anybody@elsewhere.lab")
    clients[ITSELF] = lambda: talking.Smtp(itself, document, SENDER, "anybody@elsewhere.lab")
    return f"Mail with 20 kB, {AT_ONCE} at once", clients, "Postfix keeps it, answers and throws it away later"


def _upload(setting: Setting, opened: ExitStack, house: Frisket, document: documents.Document) -> _Part:
    place = setting.folder / "tls"
    place.mkdir()
    opened.callback(shutil.rmtree, place)
    mailing.certificate(place)
    itself = _nowhere(opened, "post", place)
    url = f"{house.urls['api']}/jobs"
    clients = {
        OURS: lambda: talking.upload(url, house.token, "secure", document),
        "its IPPS door": lambda: talking.print_job(f"{house.urls['ipps']}/secure".replace("ipps:", "https:"), document),
        ITSELF: lambda: talking.upload(f"https://127.0.0.1:{itself}/", "", "", document),
    }
    return f"Upload of 20 kB by the API, {AT_ONCE} at once", clients, "both inside TLS over kept connections"


def _port(house: Frisket, door: str) -> int:
    return int(house.urls[door].split(":")[2].split("/")[0])


# -- hot folders: nobody talks, files are put down


def _folder(setting: Setting, house: Frisket, document: documents.Document) -> Row:
    """Files renamed into a hot folder, until the last has become a job and is gone."""
    count = 150 if setting.quick else 600
    hot, aside = setting.folder / "hot", setting.folder / "aside"
    for place in (hot, aside):
        place.mkdir()
    house.run("folder", "add", "hot", str(hot), "--person", "load", "--queue", "secure", "--settle", "0.2")
    ours, limits = [], []
    for turn in range(-1, setting.turns):
        setting.say(f"hot folder, turn {turn + 1}")
        rate = _picked_up(hot, _laid_out(aside, document, 10 if turn < 0 else count))
        limit = _moved(_laid_out(aside, document, count), setting.folder / f"moved{turn}")
        if turn >= 0:  # the first warms
            ours.append(rate)
            limits.append(limit)
    rate, limit = median(ours), median(limits)
    detail = {"turns": {OURS: ours, "limit": limits}, "files": count}
    what = f"Hot folder, {count} files of 20 kB, put down to gone"
    note = "limit: each copied into a synced file, renamed, its folder synced, the first removed; one at a time"
    return Row("doors", what, "jobs/s", rate, {"limit": limit}, rate / limit, None, detail, note)


def _laid_out(place: Path, document: documents.Document, count: int) -> list[Path]:
    files = [place / f"letter-{number}.pdf" for number in range(count)]
    for number, file in enumerate(files):
        file.write_bytes(document.numbered(number))
    return files


def _picked_up(hot: Path, files: list[Path]) -> float:
    began = time.perf_counter()
    for file in files:
        file.rename(hot / file.name)
    while any(entry.is_file() for entry in os.scandir(hot)) or any(os.scandir(hot / ".frisket")):
        if time.perf_counter() - began > 120:
            raise NotUp("the hot folder was not emptied")
        time.sleep(0.005)
    if (hot / "refused").exists() and any(os.scandir(hot / "refused")):
        raise NotUp("the hot folder refused files")
    return len(files) / (time.perf_counter() - began)


def _moved(files: list[Path], into: Path) -> float:
    into.mkdir()
    began = time.perf_counter()
    for file in files:
        machine.keep(file.read_bytes(), into / file.name)
        file.unlink()
    took = time.perf_counter() - began
    shutil.rmtree(into)
    return len(files) / took
