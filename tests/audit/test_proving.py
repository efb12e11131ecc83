"""What the house hands out can be checked without the house."""

import base64
import hashlib
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.audit.proving import follows, leads_to

from frisket import audit
from frisket.audit.note import Checkpoint, Signer
from frisket.plumbing import parts
from frisket.plumbing.scope import Scope


def read_note(note, verifier_key):
    """Size and root of a signed note, by the rules of C2SP signed-note; raises when it is not genuine."""
    name, key_id, material = verifier_key.split("+", 2)
    material = base64.b64decode(material)
    assert material[:1] == b"\x01"
    text, _, signatures = note.rpartition(b"\n\n")
    text += b"\n"
    dash, signed_by, octets = signatures.decode().strip().split(" ")
    octets = base64.b64decode(octets)
    assert (dash, signed_by) == ("—", name) and text.decode().split("\n")[0] == name
    assert octets[:4].hex() == key_id == hashlib.sha256(name.encode() + b"\n" + material).hexdigest()[:8]
    Ed25519PublicKey.from_public_bytes(material[1:]).verify(octets[4:], text)
    _, size, root, _ = text.decode().split("\n")
    return int(size), base64.b64decode(root)


def leaf_hash(body):
    return hashlib.sha256(b"\x00" + body).digest()


def test_each_leaf_of_a_log_is_proven(log, house):
    log.grow(300, 17)
    for entry in audit.recent(house.scope, limit=1000):
        proof = audit.prove(house.scope, entry.id)
        size, root = read_note(proof.note, proof.verifier_key)
        assert (size, root) == (317, proof.root) and proof.position == entry.position
        assert leads_to(root, leaf_hash(proof.body), proof.position, size, proof.path)
        assert json.loads(proof.body)["facts"] == entry.facts


def test_a_proof_fits_no_other_leaf(log, house):
    log.grow(20)
    one, other = (audit.prove(house.scope, entry.id) for entry in audit.recent(house.scope, limit=2))
    assert not leads_to(one.root, leaf_hash(other.body), one.position, one.size, one.path)


def test_the_log_is_shown_to_have_only_grown(log):
    log.grow(300)
    before = audit.prove_growth(300)
    log.grow(1, 400)
    after = audit.prove_growth(300)
    assert (after.first, after.size) == (300, 701)
    assert follows(before.root, after.root, 300, 701, after.path)
    assert audit.prove_growth(701).path == []


def test_a_leaf_not_signed_yet_has_no_proof_yet(log, house):
    log.grow(1)
    log.write(1)
    newest, *_ = audit.recent(house.scope)
    assert newest.position is None
    with pytest.raises(audit.NotSequencedYet):
        audit.prove(house.scope, newest.id)
    with pytest.raises(audit.NotSequencedYet):
        audit.prove_growth(2)


def test_nobody_gets_a_proof_of_another_tenants_leaf(log, house):
    log.grow(1)
    (entry,) = audit.recent(house.scope)
    other = Scope(house.administrator, uuid4(), house.scope.purpose)
    for scope in (other, house.own(uuid4())):
        with pytest.raises(audit.NoSuchLeaf):
            audit.prove(scope, entry.id)


def test_an_export_is_checked_without_the_house(log, house):
    log.grow(300)
    start = house.clock.now() + timedelta(hours=1)
    house.clock.pass_time(timedelta(hours=1))
    log.grow(20)
    end = house.clock.now() + timedelta(seconds=1)
    heading, *lines = [json.loads(line) for line in audit.export(house.scope, start, end)]
    size, root = read_note(heading["checkpoint"].encode(), heading["verifier_key"])
    assert size == 320 and len(lines) == 20
    for line in lines:
        path = [base64.b64decode(node) for node in line["path"]]
        assert leads_to(root, leaf_hash(line["body"].encode()), line["position"], size, path)
    assert [json.loads(line["body"])["facts"]["number"] for line in lines] == list(range(300, 320))


def test_an_export_tells_what_is_not_signed_yet(log, house):
    log.write(2)
    since, until = house.clock.now(), house.clock.now() + timedelta(seconds=1)
    heading, *lines = [json.loads(line) for line in audit.export(house.scope, since, until)]
    assert heading["checkpoint"] is None
    assert [(line["position"], line["path"]) for line in lines] == [(None, None)] * 2


def test_a_note_has_one_form_only(house):
    signer = Signer(parts.keys(), parts.tenant())
    checkpoint = Checkpoint(7, hashlib.sha256(b"root").digest())
    note = signer.sign(checkpoint)
    assert signer.read(note) == checkpoint and signer.genuine(note, checkpoint)
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\n "
    for at in range(len(note)):
        for octet in alphabet:
            changed = note[:at] + bytes([octet]) + note[at + 1 :]
            said = signer.read(changed)
            assert changed == note or said is None or not signer.genuine(changed, said)


@pytest.mark.parametrize("change", [lambda n: n[:-1], lambda n: n + b"\n", lambda n: n * 2, lambda n: b""])
def test_a_note_with_more_or_less_is_none(house, change):
    signer = Signer(parts.keys(), parts.tenant())
    assert signer.read(change(signer.sign(Checkpoint(7, bytes(32))))) is None
