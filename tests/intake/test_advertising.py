"""What a queue is told as: within the limits of DNS-SD, whatever people write into its fields."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import House

from frisket import device
from frisket.intake import Reach
from frisket.intake.advertising import Service, services_of
from frisket.plumbing import db

PORTS = {"ipps": 8631, "ipp": 8632}
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=120)


def told(house: House, ports: dict[str, int] = PORTS, **how: object) -> tuple[Service, ...]:
    with db.transaction() as tx:
        queue = device.add_queue(house.scope, device.NewQueue(**{"name": "q", **how}), by=house.administrator, tx=tx)  # type: ignore[arg-type]
    services = services_of(queue, Reach("printhouse.local", ports, "https://printhouse:8443"))
    with db.transaction() as tx:
        device.remove_queue(house.scope, queue.id, by=house.administrator, tx=tx)
    return services


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(info=WORDS, location=WORDS)
def test_names_and_strings_keep_their_limits(house: House, info: str, location: str) -> None:
    for service in told(house, info=info, location=location):
        assert 0 < len(service.name.encode()) <= 63 and "." not in service.name
        for key, value in service.txt:
            assert len(f"{key}={value}".encode()) <= 255


def test_the_flagship_comes_first_and_all_have_one_name(house: House) -> None:
    services = told(house, info="2nd floor, left")
    assert [(each.kind, each.port) for each in services] == [
        ("_printer._tcp", 0),
        ("_ipps._tcp", 8631),
        ("_ipp._tcp", 8632),
    ]
    assert {each.name for each in services} == {"2nd floor, left"}
    assert all(each.txt[0] == ("txtvers", "1") for each in services if each.txt)


def test_a_closed_door_is_not_told(house: House) -> None:
    assert [each.kind for each in told(house, {"ipps": 443})] == ["_printer._tcp", "_ipps._tcp"]
    assert told(house, {}) == ()


def test_who_wants_a_password_says_so(house: House) -> None:
    open_to = {name: dict(told(house, trusted_networks=name)[1].txt)["air"] for name in ((), ("10.0.0.0/8",))}
    assert open_to == {(): "username,password", ("10.0.0.0/8",): "none"}


def test_apple_raster_is_promised_only_where_a_device_takes_it(house: House) -> None:
    assert all("_universal" not in each.subtypes for each in told(house))
    can = device.Capabilities(formats=("application/pdf", "image/urf"), probed=True)
    with db.transaction() as tx:
        device.add_device(
            house.scope,
            device.NewDevice("apple", "ipp://127.0.0.1:6310/ipp/print", adoption=device.Adoption(can)),
            by=house.administrator,
            tx=tx,
        )
    ipps = told(house)[1]
    assert "_universal" in ipps.subtypes and "image/urf" in dict(ipps.txt)["pdl"].split(",")
    assert dict(ipps.txt)["URF"].startswith("V1")
