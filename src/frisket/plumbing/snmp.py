"""Asking SNMP agents: v1, v2c and v3, never longer, larger or more at once than allowed.

Reading only. Nothing here knows what the numbers mean. Secrets are in no text this module makes; of a v3 user
it keeps the keys made of the passwords (RFC 3414 section A.2), not the passwords.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gufo.snmp import (
    Aes128Key,
    Aes192Key,
    Aes256Key,
    BaseAuthKey,
    BasePrivKey,
    DesKey,
    KeyExpansion,
    Md5Key,
    NoSuchInstance,
    Sha1Key,
    Sha224Key,
    Sha256Key,
    Sha384Key,
    Sha512Key,
    SnmpAuthError,
    SnmpError,
    SnmpVersion,
    User,
)
from gufo.snmp.aio import SnmpSession
from gufo.snmp.user import KeyType

from frisket.errors import Blame, FrisketError

__all__ = [
    "AUTH",
    "EXPANSIONS",
    "PRIV",
    "Access",
    "Community",
    "Denied",
    "Garbled",
    "Keyed",
    "Limits",
    "NoAnswer",
    "Value",
    "Values",
    "Walker",
    "WeakPassword",
    "in_order",
    "read",
    "user",
]

Value = int | str | bytes | None  # str is an object identifier or an address; text comes as octets
Values = Mapping[str, Value]  # by object identifier, without a dot in front
Done = TypeVar("Done")

AUTH: dict[str, type[BaseAuthKey]] = {
    "md5": Md5Key,
    "sha1": Sha1Key,
    "sha224": Sha224Key,
    "sha256": Sha256Key,
    "sha384": Sha384Key,
    "sha512": Sha512Key,
}
PRIV: dict[str, type[BasePrivKey]] = {"des": DesKey, "aes128": Aes128Key, "aes192": Aes192Key, "aes256": Aes256Key}
EXPANSIONS = {"blumenthal": KeyExpansion.Blumenthal, "cisco": KeyExpansion.Cisco}
SHORTEST_PASSWORD = 8  # RFC 3414 section 11.2


class NoAnswer(FrisketError):
    """Nobody answers, or not to this community: v1 and v2c do not tell these apart."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Check that SNMP is on at the device, that UDP port 161 is open, and the community or privacy password."


class Denied(FrisketError):
    """The agent says that it does not know the user, or that a password is wrong."""

    blame = Blame.OPERATOR
    remedy = "Compare user name, authentication and privacy with what is set at the device."


class Garbled(FrisketError):
    """The agent's answers cannot be read, go round in circles or never end."""

    blame = Blame.PEER
    remedy = "Update the device's firmware, or ask it by another version of SNMP."


class WeakPassword(FrisketError):
    """SNMPv3 takes no password below eight octets."""

    blame = Blame.PERSON
    remedy = "SNMPv3 passwords have eight characters or more."


@dataclass(frozen=True, slots=True)
class Community:
    """v1 and v2c: the name is all there is, and it travels in the clear."""

    community: str = field(repr=False)
    version: int = 2  # 1 or 2


@dataclass(frozen=True, slots=True)
class Keyed:
    """A v3 user. auth of AUTH or "", priv of PRIV or ""; expansion of EXPANSIONS, for AES-192 and AES-256."""

    name: str
    auth: str = ""
    priv: str = ""
    auth_key: bytes = field(default=b"", repr=False)
    priv_key: bytes = field(default=b"", repr=False)
    expansion: str = "blumenthal"


Access = Community | Keyed


@dataclass(frozen=True, slots=True)
class Limits:
    """timeout_s: for one answer. seconds: for a whole reading. octets: longest text kept of one value."""

    timeout_s: float = 2.0
    retries: int = 1
    seconds: float = 20.0
    values: int = 4000
    octets: int = 1024
    repetitions: int = 16  # of a GetBulk: the answer stays below 1400 octets


def user(
    name: str, auth: str, auth_password: str, priv: str = "", priv_password: str = "", expansion: str = "blumenthal"
) -> Keyed:
    """A v3 user from passwords, which are forgotten here. Raises WeakPassword, KeyError for a word not listed."""
    if not auth:
        return Keyed(name)
    kind = AUTH[auth]
    if priv:
        PRIV[priv]
    octets = [word.encode() for word in (auth_password, *([priv_password] if priv else []))]
    if min(map(len, octets)) < SHORTEST_PASSWORD:
        raise WeakPassword("a password of SNMPv3 has eight octets at least")
    made = [kind.get_master_key(word) for word in octets]
    EXPANSIONS[expansion]
    return Keyed(name, auth, priv, made[0], made[1] if priv else b"", expansion)


def in_order(oid: str) -> tuple[int, ...]:
    """Object identifiers as agents sort them."""
    return tuple(int(part) for part in oid.split("."))


async def read(
    host: str,
    port: int,
    access: Access,
    *,
    scalars: Iterable[str] = (),
    tables: Iterable[str] = (),
    limits: Limits = Limits(),
) -> dict[str, Value]:
    """Everything below the tables, and the scalars; what the agent does not have is not in the answer.

    Raises NoAnswer, Denied, Garbled.
    """
    try:
        async with asyncio.timeout(limits.seconds):
            asking = Walker(await _resolved(host), port, access, limits)
            await asking.open()
            found = await asking.get(list(scalars))
            for table in tables:
                found |= await asking.walk(table)
            return found
    except TimeoutError as error:
        raise NoAnswer("the SNMP agent does not answer in time") from error


async def _resolved(host: str) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise NoAnswer("the name of the SNMP agent has no address") from error
    return str(found[0][4][0])


class Walker:
    """One agent, asked one question at a time (RFC 3805's agents are small). Not reused across event loops."""

    def __init__(self, address: str, port: int, access: Access, limits: Limits) -> None:
        self._limits = limits
        self._v1 = isinstance(access, Community) and access.version == 1
        self._bulk = not self._v1
        self._session = _session(address, port, access, limits)
        self._taken = 0
        self._heard = False  # whether it has answered anything that could be read

    async def open(self) -> None:
        await self._asked(self._session.refresh)

    async def get(self, oids: list[str]) -> dict[str, Value]:
        """What there is of these. v1 fails the whole question for one that is missing, so it is asked singly."""
        found: dict[str, Value] = {}
        if self._v1:
            for oid in oids:
                with suppress(_Missing):
                    told = self._kept(await self._asked(lambda: self._session.get(oid)))  # noqa: B023
                    found |= {oid: told} if told is not None else {}
            return found
        for start in range(0, len(oids), 10):
            some = oids[start : start + 10]
            with suppress(_Missing):
                for oid, value in (await self._asked(lambda: self._session.get_many(some))).items():  # noqa: B023
                    found[oid] = self._kept(value)
        return found

    async def walk(self, table: str) -> dict[str, Value]:
        """Everything below a table; by GetBulk, and step by step where an agent does not answer that."""
        if self._bulk:
            try:
                return await self._walk(self._session.getbulk(table, self._limits.repetitions), table)
            except (NoAnswer, Garbled):
                if not self._heard:
                    raise
                self._bulk = False  # some agents know GetBulk and answer it wrongly, or not at all
        return await self._walk(self._session.getnext(table), table)

    async def _walk(self, steps: AsyncIterator[tuple[str, Any]], table: str) -> dict[str, Value]:
        found: dict[str, Value] = {}
        root = last = in_order(table)
        while True:
            try:
                oid, value = await self._asked(lambda: anext(steps))
            except (StopAsyncIteration, _Missing):
                return found
            now = in_order(oid)
            if now[: len(root)] != root:
                return found
            if now <= last:
                raise Garbled("the SNMP agent's answers go round in circles")
            last = now
            found[oid] = self._kept(value)

    def _kept(self, value: Any) -> Value:
        self._taken += 1
        if self._taken > self._limits.values:
            raise Garbled("the SNMP agent has more values than any such device")
        if isinstance(value, float):
            return int(value) if value == value and abs(value) < 1 << 63 else None
        if isinstance(value, bytes | str):
            return value[: self._limits.octets]
        return value if isinstance(value, int) else None

    async def _asked(self, question: Callable[[], Awaitable[Done]]) -> Done:
        """Put a question, again where no answer comes. Raises NoAnswer, Denied, Garbled, _Missing."""
        for turn in range(self._limits.retries + 1):
            try:
                told = await question()
                self._heard = True
                return told
            except StopAsyncIteration:
                self._heard = True
                raise
            except TimeoutError as error:
                if turn == self._limits.retries:
                    raise NoAnswer("the SNMP agent does not answer") from error
            except OSError as error:  # the port is closed, or there is no way to it
                raise NoAnswer("the SNMP agent cannot be reached") from error
            except SnmpAuthError as error:
                raise Denied("the SNMP agent does not take this user, or its password") from error
            except NoSuchInstance as error:
                raise _Missing("not there") from error
            except (SnmpError, RuntimeError, ValueError) as error:
                raise Garbled("the SNMP agent's answer cannot be read") from error
            except BaseException as error:
                # The library's decoder panics over some damaged answers; that error is no Exception, and has no
                # name that could be imported.
                if type(error).__module__ != "pyo3_runtime":
                    raise
                raise Garbled("the SNMP agent's answer cannot be read") from error
        raise AssertionError


class _Missing(FrisketError):
    """The agent does not have this object."""


def _session(address: str, port: int, access: Access, limits: Limits) -> SnmpSession:
    if isinstance(access, Community):
        version = SnmpVersion.v1 if access.version == 1 else SnmpVersion.v2c
        return SnmpSession(address, port, community=access.community, version=version, timeout=limits.timeout_s)
    return SnmpSession(address, port, user=_user(access), version=SnmpVersion.v3, timeout=limits.timeout_s)


def _user(access: Keyed) -> User:
    if not access.auth:
        return User(access.name)
    auth = AUTH[access.auth](access.auth_key, KeyType.Master)
    priv = PRIV[access.priv](access.priv_key, KeyType.Master) if access.priv else None
    return User(access.name, auth_key=auth, priv_key=priv, key_expansion=EXPANSIONS[access.expansion])
