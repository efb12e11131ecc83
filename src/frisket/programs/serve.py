"""`frisket serve`: the whole house in one process, or the parts that --only names."""

import asyncio
import gc
import json
import logging
import os
import resource
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
import uvloop
from a2wsgi import WSGIMiddleware

from frisket import audit, delivery, device, flow, identity, intake, job, prepress, release, spool
from frisket.plumbing import db, httpd, parts, work
from frisket.plumbing.scope import Actor, Scope
from frisket.plumbing.settings import Door, Settings, may_open
from frisket.programs import commands, metrics
from frisket.programs.commands_jobs import learn_formats
from frisket.programs.control import ControlServer
from frisket.programs.errors import NotForParts, WrongUse
from frisket.programs.house import House
from frisket.programs.stream_doors import StreamDoors
from frisket.web import application, door, headers, onward

__all__ = ["PARTS", "only_of", "serve"]

log = logging.getLogger("frisket.serve")
PARTS = ("doors", "worker", "web")
SYNC_FAILED = 74  # EX_IOERR: a supervisor starts the house again, and recovery sorts it out
SLOTS = 24
_ANNOUNCING_LEVELS = ("normal", "medium")  # higher levels tell nobody that they are there
HEADERS = tuple((name.lower().encode(), value.encode()) for name, value in headers.HEADERS)

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class _Release:
    """Release, delivery and flow as the IPP door knows them."""

    def cancel(self, scope: Scope, job: UUID, *, by: Actor) -> None:
        flow.cancel(scope, job, by=by)

    def hold(self, scope: Scope, job: UUID, *, by: Actor) -> None:
        release.hold(scope, job, by=by)

    def let_go(
        self,
        scope: Scope,
        job: UUID,
        *,
        by: Actor,
        password: bytes = b"",
        encryption: str = "none",
        network: str = "",
    ) -> None:
        sent = release.Password(password, encryption, identity.Place(by.at, network)) if password else None
        release.let_go(scope, job, by=by, password=sent)

    def let_print(self, view: job.JobView, *, by: Actor) -> None:
        if view.device is None:
            raise job.WrongState("Its device was removed meanwhile; release it at another one.")
        with db.transaction() as tx:
            release.let_print(view, view.device, job.Reason.BY_PERSON, by=by, tx=tx)

    def identify(self, devices: Sequence[device.DeviceView], actions: Sequence[str], message: str) -> int:
        return delivery.identify(devices, actions, message)

    def password_verifier(self, job_password: bytes, encryption: str) -> bytes:
        return release.make_verifier(job_password, encryption)


RELEASE_COMMANDS = _Release()


@dataclass
class _Running:
    """What is up, in the order it went up."""

    urls: dict[str, str] = field(default_factory=dict)
    listeners: list[httpd.Listener] = field(default_factory=list)
    doors: intake.Intake | None = None
    watchers: intake.sources.Watchers | None = None
    engine: work.Engine | None = None
    sequencer: audit.Sequencer | None = None
    control: ControlServer | None = None
    streams: StreamDoors | None = None
    advertiser: intake.Advertiser | None = None
    ipp: intake.IppDoor | None = None
    access: "asyncio.Task[None] | None" = None
    mail: intake.MailDoor | None = None
    lookout: intake.Lookout | None = None
    traps: delivery.TrapDoor | None = None


def serve(house: House, *, only: tuple[str, ...], ready_file: Path | None) -> None:
    """Run until SIGTERM or SIGINT; what is under way is finished first."""
    if only and not house.settings.database.url:
        raise NotForParts("parts of a house need a database that several processes share")
    _log_to_stderr()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold documents and keys in clear
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (most, most)
    )  # services often start with fewer than connections may need
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(house, only or PARTS, ready_file))


async def _serve(house: House, only: tuple[str, ...], ready_file: Path | None) -> None:
    began = time.monotonic()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = _Running()
    spool.when_broken(_sync_failed)
    db.when_full(spool.use_reserve)
    recovered = await asyncio.to_thread(_in_thread, flow.recover)
    try:
        await _open(house, only, running)
        _settle_memory()
        if ready_file is not None:
            await asyncio.to_thread(_write_ready, ready_file, running.urls)
        log.info("ready in %.2f s; %s", time.monotonic() - began, recovered)
        await stop.wait()
    finally:
        await _close(running)


async def _open(house: House, only: tuple[str, ...], running: _Running) -> None:
    await asyncio.to_thread(learn_formats, house)
    if "worker" in only:
        delivery.ready()
        flow.ready()
        intake.sources.ready()
        intake.ready_for_mail()
        running.engine = work.open_engine(SLOTS)
        running.engine.start()
        running.sequencer = audit.Sequencer(on_fault=_log_broken, on_full=spool.use_reserve)
        running.sequencer.start()
    running.doors = intake.Intake(flow.walk, on_failed_sync=_sync_failed)
    running.doors.start()
    flow.copies_through(running.doors)
    if "doors" in only or "web" in only:
        await _open_doors(house, only, running)
    if "worker" in only:
        running.watchers = intake.sources.Watchers(running.doors)
        await running.watchers.open()
    commands.URLS.clear()
    commands.URLS.update(running.urls)
    running.control = ControlServer(house.data, commands.runner(house, running.doors))
    await running.control.open()


async def _open_doors(house: House, only: tuple[str, ...], running: _Running) -> None:
    settings = house.settings
    await _read_access(running)
    app = _App(running, with_web="web" in only)
    plan: list[tuple[str, Door, bool]] = [("web", settings.doors.web, True)]
    if "doors" in only:
        plan += [("ipps", settings.doors.ipps, True), ("ipp", settings.doors.ipp, False)]
    for name, chosen, encrypted in plan:
        if not chosen.on or not may_open(settings, name):
            continue
        tls = house.certificates.server_context(want_client_certificate=name == "ipps") if encrypted else None
        inside = None if encrypted else house.certificates.server_context(want_client_certificate=False)
        listener = httpd.Listener(app, _bounds(settings), tls=tls, upgrade_to=inside, welcome=intake.welcome)
        await listener.open(chosen.address, chosen.port)
        running.listeners.append(listener)
        running.urls.update(_urls(name, _shown_host(settings, chosen), listener.port))
    if settings.doors.http.on and may_open(settings, "http") and "web" in running.urls:
        await _open_onward(settings, running)
    order = ("web", "api", "http", "ipp", "ipps")
    running.urls = {name: running.urls[name] for name in order if name in running.urls}
    if "doors" in only and settings.discovery.dns_sd and settings.house.level in _ANNOUNCING_LEVELS:
        _announce(house, running)
    if "doors" in only:
        await _open_mail(house, running)
        await _open_traps(settings, running)
        await _open_stream_doors(house, running)  # the last: it tells of addresses whenever queues change theirs


async def _read_access(running: _Running) -> None:
    """From where somebody may come to any door: read before the first one opens, then followed."""
    assert running.doors is not None
    await running.doors.ask(intake.access)
    running.access = asyncio.create_task(intake.follow_access(running.doors.ask))


async def _open_onward(settings: Settings, running: _Running) -> None:
    chosen = settings.doors.http
    port = urlsplit(running.urls["web"]).port or 443
    app = onward.Onward(port, settings.house.host_names)
    listener = httpd.Listener(app, _bounds(settings), welcome=intake.welcome)
    await listener.open(chosen.address, chosen.port)
    running.listeners.append(listener)
    running.urls["http"] = f"http://{_shown_host(settings, chosen)}:{listener.port}"


async def _open_stream_doors(house: House, running: _Running) -> None:
    assert running.doors is not None
    settings = house.settings
    others = dict(running.urls)

    def changed(urls: dict[str, str]) -> None:
        running.urls = {**others, **urls}
        commands.URLS.clear()
        commands.URLS.update(running.urls)

    running.streams = StreamDoors(
        settings,
        running.doors,
        RELEASE_COMMANDS,
        tls=lambda: house.certificates.server_context(want_client_certificate=False, resumes=True),
        host_of=lambda door: _shown_host(settings, door),
        changed=changed,
    )
    await running.streams.open()


def _announce(house: House, running: _Running) -> None:
    """Tell the network of the queues, at the addresses where it may find them."""
    doors, chosen = house.settings.doors, house.settings.discovery
    ports = {name: urlsplit(url).port or 0 for name, url in running.urls.items() if name in ("ipp", "ipps")}
    told_of = [door for name, door in (("ipp", doors.ipp), ("ipps", doors.ipps)) if name in ports]

    host = chosen.host or socket.gethostname().partition(".")[0]
    reach = intake.Reach(f"{host}.local", ports, running.urls.get("web", ""))
    assert running.doors is not None
    running.advertiser = intake.Advertiser(
        house.scope,
        running.doors.ask,
        reach,
        addresses=lambda: intake.addresses_of(chosen.interfaces),
        answers_at=lambda address: any(_answers_at(door, address) for door in told_of),
        only=chosen.queues,
    )
    running.advertiser.open()
    running.urls["dns-sd"] = "dns-sd://224.0.0.251:5353"


def _answers_at(door: Door, address: str) -> bool:
    every = {"": True, "0.0.0.0": ":" not in address, "::": ":" in address}
    return every.get(door.address, door.address == address)


async def _open_mail(house: House, running: _Running) -> None:
    """The mail door, where it is switched on, and the look-out over mailboxes, which costs nothing without any."""
    settings, chosen = house.settings, house.settings.doors.mail
    assert running.doors is not None
    if chosen.on and may_open(settings, "mail"):
        tls = house.certificates.server_context(want_client_certificate=False)
        running.mail = intake.MailDoor(running.doors, tls, intake.welcome)
        await running.mail.open(chosen.address, chosen.port)
        running.urls["mail"] = f"smtp://{_shown_host(settings, chosen)}:{running.mail.port}"
    running.lookout = intake.Lookout(running.doors)
    running.lookout.start()


async def _open_traps(settings: Settings, running: _Running) -> None:
    chosen = settings.doors.traps
    if chosen.on and may_open(settings, "traps"):
        running.traps = delivery.TrapDoor()
        await running.traps.open(chosen.address, chosen.port)
        running.urls["traps"] = f"udp://{_shown_host(settings, chosen)}:{running.traps.port}"


def _urls(name: str, host: str, port: int) -> dict[str, str]:
    if name == "web":
        return {"web": f"https://{host}:{port}", "api": f"https://{host}:{port}/api/v1"}
    return {name: f"{name}://{host}:{port}/ipp/print"}


def _shown_host(settings: Settings, door: Door) -> str:
    if door.address and door.address not in ("0.0.0.0", "::"):
        return f"[{door.address}]" if ":" in door.address else door.address
    return settings.house.host_names[0] if settings.house.host_names else "localhost"


def _bounds(settings: Settings) -> httpd.Bounds:
    limits = settings.limits
    return httpd.Bounds(
        header_bytes=limits.ipp_header_bytes,
        header_s=limits.header_s,
        idle_s=limits.idle_s,
        slowest_bytes_per_s=limits.slowest_bytes_per_s,
        connections=limits.connections,
        waiting_per_address=limits.waiting_connections_per_address,
    )


class _App:
    """Which door or page a request belongs to. Documents never pass through the web framework."""

    def __init__(self, running: _Running, *, with_web: bool) -> None:
        assert running.doors is not None
        self._running = running
        self._ipp = running.ipp = intake.IppDoor(running.doors, RELEASE_COMMANDS, web=self._web_address)
        self._upload = intake.UploadDoor(running.doors, door.authenticate, HEADERS)
        pages: Any = application.application()
        # A peer that sends its form slowly waits in the loop, not in one of the threads.
        most = parts.settings().limits.upload_form_bytes
        framed = httpd.Gathered(WSGIMiddleware(pages, workers=8), most=most, headers=HEADERS)  # type: ignore[arg-type]
        self._pages = framed if with_web else None

    def _web_address(self) -> str:
        return self._running.urls.get("web", "https://localhost")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if method == "OPTIONS":  # how a client goes on in TLS (RFC 2817 section 3.2)
            await _reply(send, 200, b"", b"text/plain", ((b"allow", b"GET, HEAD, OPTIONS, POST"),))
        elif method != "POST" and path.startswith(("/ipp/", "/printers/")):
            await _reply(send, 405, b"POST application/ipp here.\n", b"text/plain", ((b"allow", b"POST"),))
        elif path.startswith(("/ipp/", "/printers/")) or _is_ipp(scope):
            await self._ipp(scope, receive, send)
        elif path in ("/healthz", "/readyz"):
            await _reply(send, 200, b"ok\n", b"text/plain")
        elif scope["scheme"] != "https":  # what follows takes passwords and tokens
            await _reply(send, 404, b"Nothing here.\n", b"text/plain")
        elif path == "/api/v1/jobs" and method == "POST":
            await self._upload(scope, receive, send)
        elif path == "/metrics":
            status, body = await asyncio.to_thread(_in_thread, metrics.page, dict(scope["headers"]))
            await _reply(send, status, body, b"text/plain; version=0.0.4")
        elif self._pages is not None:
            await self._pages(dict(scope), receive, send)
        else:
            await _reply(send, 404, b"Nothing here.\n", b"text/plain")


def _is_ipp(scope: Mapping[str, Any]) -> bool:
    if scope["method"] != "POST":
        return False
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return bool(kind.lower().startswith(b"application/ipp"))


async def _reply(send: Send, status: int, body: bytes, kind: bytes, more: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more, *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _settle_memory() -> None:
    """What start made stays: the collector need not look at it again, nor look every 700 objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def _in_thread(act: Callable[..., Any], *values: Any) -> Any:
    """Database work of a thread that is not ours to keep: its connection closes with it."""
    try:
        return act(*values)
    finally:
        db.close_connections()


def _write_ready(file: Path, urls: dict[str, str]) -> None:
    token = None
    try:
        if identity.setup_needed():
            with db.transaction() as tx:
                token = identity.new_setup_token(tx=tx)
    finally:
        db.close_connections()
    fresh = file.with_name(file.name + ".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as out:
        json.dump({"pid": os.getpid(), "urls": urls, "setup_token": token}, out)
    os.replace(fresh, file)


def _sync_failed(error: BaseException) -> None:
    """A failed sync is never tried again (R27): stop accepting, exit, recover. A full disk is no failed sync."""
    if isinstance(error, spool.SpoolFull):
        return
    log.critical("a sync failed; the house stops now and recovers at its next start", exc_info=error)
    os._exit(SYNC_FAILED)


def _log_broken(error: Exception) -> None:
    """The log cannot be kept: new work would leave no mark, so there is none (security-design section 12)."""
    log.critical("the audit log cannot be written; the house stops now", exc_info=error)
    os._exit(SYNC_FAILED)


async def _close(running: _Running) -> None:
    if running.access is not None:
        running.access.cancel()
    if running.advertiser is not None:
        await running.advertiser.close()
    if running.control is not None:
        await running.control.close()
    if running.streams is not None:
        await running.streams.close()
    if running.ipp is not None:
        await running.ipp.close()
    await asyncio.gather(*[listener.close() for listener in running.listeners])
    flow.copies_through(None)
    if running.watchers is not None:
        await running.watchers.close()
    if running.mail is not None:
        await running.mail.close()
    if running.traps is not None:
        await running.traps.close()
    if running.lookout is not None:
        await running.lookout.stop()
    if running.doors is not None:
        await asyncio.to_thread(running.doors.stop)
    if running.engine is not None:
        await asyncio.to_thread(running.engine.stop)
        await asyncio.to_thread(prepress.shrink)
        await asyncio.to_thread(delivery.stop)
    if running.sequencer is not None:
        await asyncio.to_thread(running.sequencer.stop)


def _log_to_stderr() -> None:
    """One JSON line per event; fields, never a sentence with somebody's words in it."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("uvicorn", "procrastinate", "a2wsgi", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # The framework writes down the address of every page that is not there, and a mistyped queue address has
    # a secret in it; what it refuses as hostile it would describe at length for whoever wants to fill a disk.
    logging.getLogger("django.request").setLevel(logging.ERROR)
    logging.getLogger("django.security").setLevel(logging.CRITICAL)


def only_of(text: str) -> tuple[str, ...]:
    chosen = tuple(each.strip() for each in text.split(",") if each.strip())
    unknown = [each for each in chosen if each not in PARTS]
    if unknown:
        raise WrongUse(f"there is no part {unknown[0]}; parts are: {', '.join(PARTS)}")
    return chosen
