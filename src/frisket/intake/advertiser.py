"""Telling the network of our queues, and keeping what it was told true."""

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import ifaddr
from zeroconf import Error, IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from frisket import device
from frisket.errors import Blame, FrisketError
from frisket.intake.advertising import Reach, Service, services_of
from frisket.plumbing.scope import Scope

__all__ = ["Advertiser", "CannotAdvertise", "addresses_of"]

log = logging.getLogger("frisket.discovery")
_LOOK_EVERY_S = 1.0
Ask = Callable[..., Awaitable[list[device.QueueView]]]


class CannotAdvertise(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Correct discovery.interfaces in frisket.toml, or switch discovery.dns_sd off."


def addresses_of(interfaces: Sequence[str]) -> list[str]:
    """The addresses of these interfaces, given by name or by address; of all but loopback when none is given.

    IPv4 first, then IPv6. An address that is good on one link only (fe80::/10) is told where there is no other
    link than that: on another one it would lead nowhere, or to somebody else.
    Raises CannotAdvertise for an interface or address that is not there.
    """
    here = {adapter.name: [_plain(ip.ip) for ip in adapter.ips] for adapter in ifaddr.get_adapters()}
    links = {address: name for name, found in here.items() for address in found}
    if interfaces:
        chosen = []
        for each in interfaces:
            if each not in here and each not in links:
                raise CannotAdvertise(f"there is no interface or address {each} on this machine")
            chosen += here.get(each, [each])
    else:
        chosen = [each for each in links if not ipaddress.ip_address(each).is_loopback]
    one_link = len({links[each] for each in chosen}) == 1
    found = {ipaddress.ip_address(each) for each in chosen}
    good = [each for each in found if one_link or each.version == 4 or not each.is_link_local]
    return [str(each) for each in sorted(good, key=lambda each: (each.version, each.packed))]


def _plain(found: str | tuple[str, int, int]) -> str:
    """As it is told: without the zone, which means something on this machine only."""
    return found if isinstance(found, str) else str(ipaddress.ip_address(found[0].partition("%")[0]))


class _Subtype(ServiceInfo):
    """The same instance once more, found under a subtype. Its key keeps it apart from the instance itself."""

    def __init__(self, of: ServiceInfo, subtype: str) -> None:
        super().__init__(
            f"{subtype}._sub.{of.type}",
            of.name,
            port=of.port,
            properties=of.text,
            server=of.server,
            addresses=of.addresses_by_version(IPVersion.All),
        )
        self.key = f"{subtype}|{of.key}"


@dataclass(frozen=True, slots=True)
class _Told:
    """infos: the instance, then the same under each subtype."""

    service: Service
    infos: list[ServiceInfo]


class Advertiser:
    """Looks once a second whether a queue, a device or the network has changed; says goodbye at the end.

    ask: runs a database question in a thread of the house's. addresses: of the interfaces to announce on, as of
    now; may raise CannotAdvertise. answers_at: whether a door answers at one of them: only those are told, on all
    of the interfaces. only: names of queues; empty for all of them.
    """

    def __init__(
        self,
        scope: Scope,
        ask: Ask,
        reach: Reach,
        *,
        addresses: Callable[[], list[str]],
        answers_at: Callable[[str], bool] = lambda address: True,
        only: Sequence[str] = (),
    ) -> None:
        self._scope = scope
        self._ask = ask
        self._reach = reach
        self._find_addresses = addresses
        self._answers_at = answers_at
        self._addresses: list[str] = []
        self._told_addresses: list[bytes] = []
        self._only = frozenset(only)
        self._zeroconf: AsyncZeroconf | None = None
        self._told: dict[tuple[str, str], _Told] = {}  # by kind and the name that was wanted
        self._version = -1
        self._looks: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._looks = asyncio.create_task(self._keep_true())

    async def close(self) -> None:
        if self._looks is not None:
            self._looks.cancel()
        await self._hang_up()

    async def _keep_true(self) -> None:
        """A network may come later than the house, and go: printing by address works meanwhile."""
        trouble = ""
        while True:
            try:
                await self._look()
                trouble = ""
            except (CannotAdvertise, OSError, Error) as error:
                if trouble != str(error):
                    log.warning("the network cannot be told of queues: %s", error)
                trouble = str(error)
                await self._hang_up()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _look(self) -> None:
        addresses = self._find_addresses()
        if addresses != self._addresses or self._zeroconf is None:
            await self._hang_up()
            told = [ipaddress.ip_address(each).packed for each in addresses if self._answers_at(each)]
            if not told:
                raise CannotAdvertise("this machine has no address to be found at")
            self._zeroconf = AsyncZeroconf(interfaces=addresses)  # over IPv4, IPv6 or both, as the addresses are
            self._addresses, self._told_addresses = addresses, told
        version = device.version()
        if version != self._version:
            await self._tell()
            self._version = version

    async def _hang_up(self) -> None:
        """Goodbye to all that was told."""
        told, self._zeroconf, self._version = self._zeroconf, None, -1
        self._told.clear()
        if told is not None:
            await told.async_close()

    async def _tell(self) -> None:
        queues = [each for each in await self._ask(device.queues, self._scope) if self._shown(each)]
        wanted = {(each.kind, each.name): each for queue in queues for each in services_of(queue, self._reach)}
        for key in [key for key in self._told if key not in wanted]:
            await self._withdraw(self._told.pop(key).infos)
        names: dict[str, str] = {}  # the flagship comes first and may have had to take another name
        for key, service in wanted.items():
            told = self._told.get(key)
            if told is None:
                self._told[key] = await self._announce(service, names)
            elif told.service != service:
                self._told[key] = await self._correct(told, service)
            names[service.name] = _instance(self._told[key].infos[0])

    def _shown(self, queue: device.QueueView) -> bool:
        return not self._only or queue.name in self._only

    async def _announce(self, service: Service, names: Mapping[str, str]) -> _Told:
        assert self._zeroconf is not None
        infos = self._infos(service, names.get(service.name, service.name))
        first, known = infos[0], service.name in names
        await self._zeroconf.async_register_service(first, allow_name_change=True, cooperating_responders=known)
        told = _Told(service, self._infos(service, _instance(first)))
        for more in told.infos[1:]:
            await self._zeroconf.async_register_service(more, cooperating_responders=True)
        return told

    async def _correct(self, told: _Told, service: Service) -> _Told:
        """A goodbye would follow the new announcement and take it back; so what stays is updated in its place."""
        assert self._zeroconf is not None
        now = _Told(service, self._infos(service, _instance(told.infos[0])))
        before = {info.key for info in told.infos}
        for info in now.infos:
            if info.key in before:
                await self._zeroconf.async_update_service(info)
            else:
                await self._zeroconf.async_register_service(info, cooperating_responders=True)
        kept = {info.key for info in now.infos}
        await self._withdraw([info for info in told.infos if info.key not in kept])
        return now

    def _infos(self, service: Service, instance: str) -> list[ServiceInfo]:
        kind = f"{service.kind}.local."
        info = ServiceInfo(
            kind,
            f"{instance}.{kind}",
            port=service.port,
            properties=dict(service.txt),
            server=f"{self._reach.host.removesuffix('.local')}.local.",
            addresses=self._told_addresses,
        )
        return [info, *(_Subtype(info, each) for each in service.subtypes)]

    async def _withdraw(self, infos: Sequence[ServiceInfo]) -> None:
        assert self._zeroconf is not None
        for info in reversed(infos):
            await self._zeroconf.async_unregister_service(info)


def _instance(info: ServiceInfo) -> str:
    return info.name.removesuffix(f".{info.type}")
