"""How stores are reached: WebDAV through a real web proxy, SMB with no proof that is weaker than NTLMv2."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest
from tests.peers.client import sample
from tests.peers.proxying import WebProxy, web_proxy_running
from tests.peers.served import Served, serving, until
from tests.peers.stores import Store, store_running

from frisket.programs import control

LETTER = sample("on the way", 1)
pytestmark = pytest.mark.xdist_group("real programs")


@dataclass
class Way:
    served: Served
    proxy: WebProxy
    stores: dict[str, Store]

    def told(self, kind: str) -> dict[str, Any]:
        """What a store is added with: everything in its folder ``in`` is alice's."""
        store = self.stores[kind]
        where = f"{store.address.rstrip('/')}/in"
        return {**store.values, "address": where, "person": "alice", "settle_s": 0.3, "every_s": 1}

    def picked_up(self, kind: str, title: str) -> None:
        store = self.stores[kind]
        (store.folder / "in" / title).write_bytes(LETTER)
        until(lambda: [job for job in self.served.jobs() if job["title"] == title])
        until(lambda: not (store.folder / "in" / title).exists())


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """One house whose settings name a proxy, and whose environment asks for LM and NTLMv1 (LM_COMPAT_LEVEL)."""
    with ExitStack() as stack:
        stores = {kind: stack.enter_context(store_running(kind)) for kind in ("davs", "dav", "smb")}
        for store in stores.values():
            store.mkdir("in")
        ports = [int(stores[kind].address.rstrip("/").rpartition(":")[2]) for kind in ("davs", "dav")]
        proxy = stack.enter_context(web_proxy_running(tmp_path_factory.mktemp("proxy"), *ports))
        stack.enter_context(patch.dict("os.environ", LM_COMPAT_LEVEL="0"))
        served = stack.enter_context(serving({"FOLDERS__WEB_PROXY": f"127.0.0.1:{proxy.port}"}))
        served.ask("queue.add", name="secure", hold=True)
        served.person("alice")
        yield Way(served, proxy, stores)


@pytest.mark.peer("tinyproxy", "wsgidav")
@pytest.mark.requirement("OCE-63")
def test_webdav_stores_are_reached_at_their_port_through_the_web_proxy_and_by_no_other_way(way: Way) -> None:
    served = way.served
    with pytest.raises(control.Remote, match="fingerprint"):  # the certificate is looked at through it too
        served.ask("source.add", name="nobody-said", **{**way.told("davs"), "authority": ""})
    for kind in ("davs", "dav"):
        assert served.ask("source.add", name=kind, **way.told(kind))["notice"] is None
        way.picked_up(kind, f"by {kind}.pdf")
    asked = way.proxy.asked()
    inside, outside = (way.told(kind)["address"] for kind in ("davs", "dav"))
    assert f"CONNECT {inside.removeprefix('davs://').removesuffix('/in')}" in asked
    assert outside.replace("dav://", "http://") in asked
    assert "by%20davs" not in asked and "by%20dav.pdf" in asked  # inside TLS no name is the proxy's to know
    assert f"127.0.0.1:{way.proxy.port}" in str(served.ask("whitepaper")["outbound"])
    way.proxy.stop()
    until(lambda: [each["state"] for each in served.ask("source.list")["sources"]] == ["gone", "gone"])


@pytest.mark.peer("smbd")
@pytest.mark.requirement("OCE-11")
def test_a_share_that_takes_nothing_below_ntlmv2_is_signed_in_to_whatever_the_environment_says(way: Way) -> None:
    assert way.served.ask("source.add", name="share", **way.told("smb"))["notice"] is None
    way.picked_up("smb", "signed in.pdf")
