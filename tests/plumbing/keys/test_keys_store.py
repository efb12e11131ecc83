"""The key store: who can open what, what a restart, a rotation, a crash and sealing leave behind."""

import os
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from frisket.plumbing import keys
from frisket.plumbing.keys import Damaged, EpochGone, Header, KeyStore, KeyStoreUnusable, Kind, Sealed

TENANT, OTHER, JOB, PERSON = uuid4(), uuid4(), uuid4(), uuid4()
CHEAP = keys.Cost("frisket_argon2id", 64, 1)


class Day:
    """The wall clock, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def day() -> Day:
    return Day()


@pytest.fixture
def store(tmp_path: Path, day: Day) -> Iterator[KeyStore]:
    made = KeyStore.create(tmp_path / "keys", TENANT, clock=day)
    made.pin_cost = CHEAP
    yield made
    made.seal()


def reopened(tmp_path: Path, day: Day) -> KeyStore:
    return KeyStore.open(tmp_path / "keys", TENANT, clock=day)


# -- job keys --------------------------------------------------------------------------------------


def test_a_job_key_comes_back_after_a_restart(store: KeyStore, tmp_path: Path, day: Day):
    key, wrapped, epoch = store.new_job_key(TENANT, JOB)
    assert epoch == 20777
    again = reopened(tmp_path, day)
    assert again.unwrap_job_key(TENANT, JOB, wrapped, epoch) == key
    assert Header.parse(wrapped[:64]) == Header(Kind.WRAPPED_KEY, 0, TENANT, JOB, 1, epoch)


def test_every_job_has_its_own_key(store: KeyStore):
    made = {bytes(store.new_job_key(TENANT, JOB)[0].octets()) for _ in range(50)}
    assert len(made) == 50


def test_a_wrapped_key_opens_for_its_own_job_only(store: KeyStore):
    _, wrapped, epoch = store.new_job_key(TENANT, JOB)
    with pytest.raises(Damaged):
        store.unwrap_job_key(TENANT, uuid4(), wrapped, epoch)
    with pytest.raises(Damaged):
        store.unwrap_job_key(TENANT, JOB, wrapped, epoch, 2)


def test_a_wrapped_key_does_not_open_for_another_tenant(store: KeyStore):
    _, wrapped, epoch = store.new_job_key(TENANT, JOB)
    with pytest.raises(KeyStoreUnusable):
        store.unwrap_job_key(OTHER, JOB, wrapped, epoch)
    store.add_tenant(OTHER)
    store.current_epoch(OTHER)
    with pytest.raises(Damaged):
        store.unwrap_job_key(OTHER, JOB, wrapped, epoch)


def test_a_document_opens_by_way_of_the_wrapped_keys_and_not_without_the_root_key(
    store: KeyStore, tmp_path: Path, day: Day
):
    key, wrapped, epoch = store.new_job_key(TENANT, JOB)
    header = Header(Kind.ORIGINAL, 1, TENANT, JOB, 1, epoch)
    blob = keys.seal(key, header, b"a page")
    again = reopened(tmp_path, day)
    assert keys.open_sealed(again.unwrap_job_key(TENANT, JOB, wrapped, epoch), header, blob) == b"a page"
    (tmp_path / "keys/root.key").write_text("00" * 32)
    with pytest.raises(KeyStoreUnusable):
        reopened(tmp_path, day)


# -- the root key -----------------------------------------------------------------------------------


def test_after_a_change_of_the_root_key_everything_opens_and_the_old_one_opens_nothing(
    store: KeyStore, tmp_path: Path, day: Day
):
    root = tmp_path / "keys/root.key"
    before = root.read_bytes()
    store.add_tenant(OTHER)
    key, wrapped, epoch = store.new_job_key(OTHER, JOB)
    store.rotate_root()
    assert root.read_bytes() != before
    for opened in (store, reopened(tmp_path, day)):
        assert opened.unwrap_job_key(OTHER, JOB, wrapped, epoch) == key
    root.write_bytes(before)
    with pytest.raises(KeyStoreUnusable):
        reopened(tmp_path, day)


class PowerCut(Exception):
    pass


@pytest.mark.parametrize("steps", range(6))
def test_a_change_of_the_root_key_may_be_cut_short_anywhere(
    store: KeyStore, tmp_path: Path, day: Day, steps: int, monkeypatch: pytest.MonkeyPatch
):
    store.add_tenant(OTHER)
    made = {tenant: store.new_job_key(tenant, JOB) for tenant in (TENANT, OTHER)}
    left, really = [steps], os.replace

    def replace(old: Path, new: Path) -> None:
        if not left[0]:
            raise PowerCut
        left[0] -= 1
        really(old, new)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", replace)
        try:
            store.rotate_root()
            assert steps == 5
        except PowerCut:
            assert steps < 5
    again = reopened(tmp_path, day)
    for tenant, (key, wrapped, epoch) in made.items():
        assert again.unwrap_job_key(tenant, JOB, wrapped, epoch) == key
    assert not list((tmp_path / "keys").rglob("*.next"))


# -- epochs ----------------------------------------------------------------------------------------


def test_a_new_day_begins_a_new_epoch_and_the_old_one_still_opens(store: KeyStore, day: Day):
    key, wrapped, epoch = store.new_job_key(TENANT, JOB)
    day.now += timedelta(days=1)
    assert store.new_job_key(TENANT, uuid4())[2] == epoch + 1
    assert store.epochs(TENANT) == [epoch, epoch + 1]
    assert store.unwrap_job_key(TENANT, JOB, wrapped, epoch) == key


def test_a_rewrapped_key_outlives_its_epoch_and_the_old_wrapping_does_not(store: KeyStore, tmp_path: Path, day: Day):
    key, wrapped, epoch = store.new_job_key(TENANT, JOB)
    day.now += timedelta(days=1)
    again, now, version = store.rewrap_job_key(TENANT, JOB, wrapped, epoch, 1)
    assert (now, version) == (epoch + 1, 2)
    store.destroy_epoch(TENANT, epoch)
    for opened in (store, reopened(tmp_path, day)):
        assert opened.unwrap_job_key(TENANT, JOB, again, now, version) == key
        with pytest.raises(EpochGone):
            opened.unwrap_job_key(TENANT, JOB, wrapped, epoch)


def test_the_epoch_in_use_is_not_destroyed(store: KeyStore):
    epoch = store.current_epoch(TENANT)
    with pytest.raises(ValueError):
        store.destroy_epoch(TENANT, epoch)
    assert store.epochs(TENANT) == [epoch]


def test_a_destroyed_epoch_does_not_return_when_the_clock_goes_back(store: KeyStore, tmp_path: Path, day: Day):
    epoch = store.current_epoch(TENANT)
    day.now += timedelta(days=1)
    store.current_epoch(TENANT)
    store.destroy_epoch(TENANT, epoch)
    day.now -= timedelta(days=1)
    assert store.current_epoch(TENANT) == epoch + 1
    assert reopened(tmp_path, day).current_epoch(TENANT) == epoch + 1


def test_destroying_an_epoch_twice_is_the_same_as_once(store: KeyStore, day: Day):
    epoch = store.current_epoch(TENANT)
    day.now += timedelta(days=1)
    store.destroy_epoch(TENANT, epoch)
    store.destroy_epoch(TENANT, epoch)
    assert store.epochs(TENANT) == [epoch + 1]


def test_a_destroyed_epoch_is_overwritten_in_place(store: KeyStore, tmp_path: Path, day: Day):
    epoch = store.current_epoch(TENANT)
    file = next((tmp_path / "keys").glob(f"*/spool-{epoch}.key"))
    kept = tmp_path / "same-inode"
    os.link(file, kept)
    before = kept.read_bytes()
    day.now += timedelta(days=1)
    store.destroy_epoch(TENANT, epoch)
    assert not file.exists()
    assert len(kept.read_bytes()) == len(before)
    assert not any(kept.read_bytes()[i : i + 8] == before[i : i + 8] for i in range(0, len(before), 8))


def test_a_destruction_cut_short_is_finished_at_the_next_opening(store: KeyStore, tmp_path: Path, day: Day):
    _, wrapped, epoch = store.new_job_key(TENANT, JOB)
    file = next((tmp_path / "keys").glob(f"*/spool-{epoch}.key"))
    day.now += timedelta(days=1)
    saved = file.read_bytes()
    store.destroy_epoch(TENANT, epoch)
    file.write_bytes(saved)  # as if the power had gone after the note and before the unlink
    file.chmod(0o600)
    again = reopened(tmp_path, day)
    assert not file.exists()
    with pytest.raises(EpochGone):
        again.unwrap_job_key(TENANT, JOB, wrapped, epoch)


def test_an_epoch_destroyed_by_another_process_is_gone_here_too(store: KeyStore, tmp_path: Path, day: Day):
    _, wrapped, epoch = store.new_job_key(TENANT, JOB)
    day.now += timedelta(days=1)
    store.current_epoch(TENANT)
    reopened(tmp_path, day).destroy_epoch(TENANT, epoch)
    with pytest.raises(EpochGone):
        store.unwrap_job_key(TENANT, JOB, wrapped, epoch)


def test_two_processes_that_begin_a_day_together_agree_on_its_key(store: KeyStore, tmp_path: Path, day: Day):
    day.now += timedelta(days=1)
    stores = [reopened(tmp_path, day) for _ in range(4)]
    start, made = threading.Barrier(4), []

    def work(one: KeyStore) -> None:
        start.wait()
        made.append(one.new_job_key(TENANT, JOB))

    threads = [threading.Thread(target=work, args=(one,)) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    for key, wrapped, epoch in made:
        assert all(one.unwrap_job_key(TENANT, JOB, wrapped, epoch) == key for one in stores)


# -- sealing ---------------------------------------------------------------------------------------


def test_after_sealing_nothing_is_given_out(store: KeyStore, tmp_path: Path, day: Day):
    _, wrapped, epoch = store.new_job_key(TENANT, JOB)
    secret, name = store.seal_secret(JOB, b"value"), store.seal_personal(TENANT, PERSON, "Anna")
    store.seal()
    assert store.is_sealed
    for call in (
        lambda: store.new_job_key(TENANT, JOB),
        lambda: store.unwrap_job_key(TENANT, JOB, wrapped, epoch),
        lambda: store.rewrap_job_key(TENANT, JOB, wrapped, epoch, 1),
        lambda: store.open_secret(JOB, secret),
        lambda: store.seal_secret(JOB, b""),
        lambda: store.open_personal(TENANT, PERSON, name),
        lambda: store.index(TENANT, "card", "1"),
        lambda: store.hash_pin(TENANT, PERSON, "123456"),
        lambda: store.sign(b""),
        lambda: store.backup_opener(TENANT, JOB, 1),
        lambda: store.current_epoch(TENANT),
        lambda: store.add_tenant(OTHER),
    ):
        with pytest.raises(Sealed) as refused:
            call()
        assert refused.value.retry
    assert reopened(tmp_path, day).open_secret(JOB, secret) == b"value"


def test_sealing_under_load_never_lets_a_key_of_zeros_through(tmp_path: Path, day: Day):
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        store = KeyStore.create(folder, TENANT, clock=day)
        made: list[tuple[keys.JobKey, bytes, int]] = []
        refused = threading.Event()

        def work(store: KeyStore = store, made: list = made, refused: threading.Event = refused) -> None:
            try:
                while True:
                    made.append(store.new_job_key(TENANT, JOB))
            except Sealed:
                refused.set()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        while len(made) < 20:
            pass
        store.seal()
        for thread in threads:
            thread.join()
        assert refused.is_set()
        again = KeyStore.open(folder, TENANT, clock=day)
        assert all(again.unwrap_job_key(TENANT, JOB, wrapped, epoch) == key for key, wrapped, epoch in made[-50:])


# -- files -----------------------------------------------------------------------------------------


def test_only_the_owner_may_read_the_keys_and_none_lies_in_clear(store: KeyStore, tmp_path: Path):
    store.current_epoch(TENANT)
    root = bytes.fromhex((tmp_path / "keys/root.key").read_text())
    seen = 0
    for path in [tmp_path / "keys", *(tmp_path / "keys").rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)
        if path.is_file() and path.name != "root.key":
            assert Header.parse(path.read_bytes()[:64]).kind is Kind.WRAPPED_KEY
            assert root not in path.read_bytes()
            seen += 1
    assert seen == 8


def test_no_two_houses_share_a_key(tmp_path: Path, day: Day):
    one = KeyStore.create(tmp_path / "one", TENANT, clock=day)
    two = KeyStore.create(tmp_path / "two", TENANT, clock=day)
    assert one.public_key() != two.public_key()
    assert one.index(TENANT, "card", "4711") != two.index(TENANT, "card", "4711")
    assert (tmp_path / "one/root.key").read_text() != (tmp_path / "two/root.key").read_text()


def test_a_store_is_not_made_over_another(store: KeyStore, tmp_path: Path, day: Day):
    with pytest.raises(KeyStoreUnusable):
        KeyStore.create(tmp_path / "keys", TENANT, clock=day)


def test_a_root_key_from_elsewhere_is_used_and_not_copied(tmp_path: Path, day: Day):
    root = tmp_path / "credential"
    root.write_text("ab" * 32)
    root.chmod(0o600)
    secret = KeyStore.create(tmp_path / "keys", TENANT, clock=day, root_file=root).seal_secret(JOB, b"value")
    assert not (tmp_path / "keys/root.key").exists()
    with pytest.raises(KeyStoreUnusable):
        reopened(tmp_path, day)
    again = KeyStore.open(tmp_path / "keys", TENANT, clock=day, root_file=root)
    assert again.open_secret(JOB, secret) == b"value"


def test_a_root_key_that_others_may_read_is_refused(store: KeyStore, tmp_path: Path, day: Day):
    (tmp_path / "keys/root.key").chmod(0o640)
    with pytest.raises(KeyStoreUnusable):
        reopened(tmp_path, day)


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "00" * 31, "00" * 33])
def test_a_root_key_of_the_wrong_form_is_refused(store: KeyStore, tmp_path: Path, day: Day, text: str):
    (tmp_path / "keys/root.key").write_text(text)
    with pytest.raises(KeyStoreUnusable):
        reopened(tmp_path, day)


@pytest.mark.parametrize("name", ["tenant", "pepper", "secrets", "log-signing"])
def test_a_missing_key_file_is_said_at_opening(store: KeyStore, tmp_path: Path, day: Day, name: str):
    next((tmp_path / "keys").glob(f"*/{name}.key")).unlink()
    with pytest.raises(KeyStoreUnusable):
        reopened(tmp_path, day)


def test_one_key_file_cannot_stand_in_for_another(store: KeyStore, tmp_path: Path, day: Day):
    folder = next((tmp_path / "keys").glob("tenant-*"))
    shutil.copy(folder / "pii.key", folder / "audit-pii.key")
    with pytest.raises(KeyStoreUnusable):
        reopened(tmp_path, day)


# -- personal fields, secrets, backups -------------------------------------------------------------


def test_a_personal_field_opens_for_its_person_purpose_field_and_version_only(store: KeyStore):
    sealed = store.seal_personal(TENANT, PERSON, "Änne Müller", 3, field=1)
    assert store.open_personal(TENANT, PERSON, sealed, 3, field=1) == "Änne Müller"
    assert b"ller" not in sealed
    for call in (
        lambda: store.open_personal(TENANT, JOB, sealed, 3, field=1),
        lambda: store.open_personal(TENANT, PERSON, sealed, 2, field=1),
        lambda: store.open_personal(TENANT, PERSON, sealed, 3, field=2),
        lambda: store.open_personal(TENANT, PERSON, sealed, 3, field=1, purpose="audit-pii"),
    ):
        with pytest.raises(Damaged):
            call()


def test_a_subjects_own_key_opens_for_that_subject_only(store: KeyStore):
    key, wrapped = store.new_subject_key(TENANT, PERSON)
    assert store.unwrap_subject_key(TENANT, PERSON, wrapped) == key
    with pytest.raises(Damaged):
        store.unwrap_subject_key(TENANT, JOB, wrapped)
    with pytest.raises(Damaged):
        store.unwrap_subject_key(TENANT, PERSON, wrapped, purpose="pii")


def test_a_secret_opens_under_its_own_name_only_and_is_nowhere_in_clear(store: KeyStore, tmp_path: Path):
    name = uuid4()
    sealed = store.seal_secret(name, b"correct horse", 2)
    assert b"horse" not in sealed
    assert store.open_secret(name, sealed, 2) == b"correct horse"
    for other, version in ((uuid4(), 2), (name, 1)):
        with pytest.raises(Damaged):
            store.open_secret(other, sealed, version)


def test_a_part_of_a_backup_opens_as_that_part_only(store: KeyStore):
    backup = uuid4()
    sealer, header = store.backup_sealer(TENANT, backup, 2)
    assert header.kind is Kind.BACKUP_PART
    blob = sealer.start() + sealer.update(b"part two") + sealer.finish()
    opener = store.backup_opener(TENANT, backup, 2)
    assert opener.update(blob) + opener.finish() == b"part two"
    with pytest.raises(Damaged):
        store.backup_opener(TENANT, backup, 1).update(blob)


# -- indexes, PINs, signatures ---------------------------------------------------------------------


def test_an_index_is_the_same_after_a_restart_and_differs_by_tenant_and_purpose(
    store: KeyStore, tmp_path: Path, day: Day
):
    found = store.index(TENANT, "card", "04:A2:3F")
    assert len(found) == 32
    assert reopened(tmp_path, day).index(TENANT, "card", b"04:A2:3F") == found
    store.add_tenant(OTHER)
    others = {store.index(OTHER, "card", "04:A2:3F"), store.index(TENANT, "name", "04:A2:3F")}
    assert found not in others and len(others) == 2


def test_a_pin_fits_its_person_only(store: KeyStore):
    verifier = store.hash_pin(TENANT, PERSON, "482913")
    assert b"482913" not in verifier
    assert store.check_pin(TENANT, PERSON, "482913", verifier)
    assert not store.check_pin(TENANT, PERSON, "482914", verifier)
    assert not store.check_pin(TENANT, JOB, "482913", verifier)
    assert not store.check_pin(TENANT, PERSON, "482913", None)
    assert not store.check_pin(TENANT, PERSON, "482913", b"\xff nonsense")
    assert store.hash_pin(TENANT, PERSON, "482913") != verifier


def test_a_stolen_verifier_is_worth_nothing_without_the_pepper(store: KeyStore, tmp_path: Path, day: Day):
    other = KeyStore.create(tmp_path / "thief", TENANT, clock=day)
    assert not other.check_pin(TENANT, PERSON, "482913", store.hash_pin(TENANT, PERSON, "482913"))


def test_a_jobs_password_fits_by_what_the_client_sent_and_how(store: KeyStore):
    octets = keys.job_password_octets("sha2-256", "1234")
    verifier = store.hash_job_password(TENANT, JOB, "sha2-256", octets)
    assert store.check_job_password(TENANT, JOB, "sha2-256", octets, verifier)
    assert not store.check_job_password(TENANT, JOB, "none", octets, verifier)
    assert not store.check_job_password(TENANT, PERSON, "sha2-256", octets, verifier)
    wrong = keys.job_password_octets("sha2-256", "1235")
    assert not store.check_job_password(TENANT, JOB, "sha2-256", wrong, verifier)


def test_a_signature_is_checked_with_the_public_key_alone(store: KeyStore, tmp_path: Path, day: Day):
    public, signature = store.public_key(), store.sign(b"checkpoint")
    assert reopened(tmp_path, day).public_key() == public
    assert keys.verify_signature(public, b"checkpoint", signature)
    assert not keys.verify_signature(public, b"checkpoinT", signature)
    assert not keys.verify_signature(public, b"checkpoint", signature[:-1])
    assert not keys.verify_signature(b"no key", b"checkpoint", signature)
    assert not keys.verify_signature(bytes(32), b"checkpoint", signature)


def test_nothing_of_a_key_shows_when_a_store_is_printed(store: KeyStore, tmp_path: Path):
    root = (tmp_path / "keys/root.key").read_text().strip()
    key, _, _ = store.new_job_key(TENANT, JOB)
    shown = f"{store!r} {vars(store)!r} {key!r}"
    assert root not in shown and bytes(key.octets()).hex() not in shown


def test_a_tenant_without_keys_is_refused(store: KeyStore):
    with pytest.raises(KeyStoreUnusable):
        store.new_job_key(UUID(int=1), JOB)
