"""What became of a mail, told to whoever sent it: once, by the rules for automatic replies (RFC 3834)."""

from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from frisket import audit
from frisket.intake.mail.ledger import Facts, Outcome
from frisket.intake.mail.models import Mail
from frisket.intake.mail.senders import ANSWER_MARK
from frisket.plumbing import mailer, parts, work
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE

__all__ = ["MOST_ATTEMPTS", "WHY", "compose", "send_answer"]

MOST_ATTEMPTS = 24  # with pauses doubling to 15 minutes: about five hours
WHY = {
    "nothing": gettext_noop("Nothing was attached that could be printed."),
    "archive": gettext_noop("This is an archive. Unpack it and attach the files themselves."),
    "encrypted-archive": gettext_noop("This archive is encrypted. Unpack it and attach the files themselves."),
    "encrypted": gettext_noop("This is encrypted, and only its reader can open it. Attach the document unprotected."),
    "tnef": gettext_noop("This is a winmail.dat of Outlook. Send the mail as HTML or plain text instead of rich text."),
    "mail-inside": gettext_noop("This is a mail inside the mail. Attach the documents themselves."),
    "elsewhere": gettext_noop("Only a part or a reference was sent. Attach the whole document."),
    "program": gettext_noop("This is a program. Programs are neither run nor printed."),
    "broken": gettext_noop("This arrived damaged. Send it again."),
    "empty": gettext_noop("This file is empty."),
    "unknown": gettext_noop("What kind of file this is could not be found out. Attach a PDF."),
    "format": gettext_noop("No device of this queue prints this kind of file. Attach a PDF."),
    "too-large": gettext_noop("This document is larger than a job may be. Send it in parts."),
    "too-many": gettext_noop("One mail may bring only so many documents. Send the rest in another mail."),
    "too-many-documents": gettext_noop("One mail may bring only so many documents. Send the rest in another mail."),
    "over-quota": gettext_noop("As many of your jobs wait as may wait. Print or delete some, then send it again."),
    "not-accepting": gettext_noop("This queue takes no jobs at the moment. Ask the operator, or try again later."),
}


def send_answer(item: work.Item) -> None:
    """The work ``intake.mail-answer``: {"mail"}. Raises mailer.MailerUnreachable while it may be tried again."""
    row = Mail.objects.filter(tenant=parts.tenant(), id=UUID(str(item.payload["mail"]))).first()
    if row is None or row.answer != "due" or row.facts is None:
        return
    if _too_many(row):
        _ended(row, "kept-back")
        return
    facts = Facts.read(parts.keys().open_personal(parts.tenant(), row.id, bytes(row.facts)))
    message = compose(facts, row.id)
    try:
        mailer.send(message, facts.to, told_of_failure=False)
    except (mailer.MailNotTaken, mailer.MailerOff):
        _ended(row, "given-up")
    except mailer.MailerUnreachable:
        if item.attempt < MOST_ATTEMPTS:
            raise
        _ended(row, "given-up")
    else:
        _ended(row, "sent")


def _too_many(row: Mail) -> bool:
    if row.person_id is None:
        return False
    since = parts.clock().now() - timedelta(hours=1)
    sent = Mail.objects.filter(tenant=parts.tenant(), person_id=row.person_id, answered_at__gte=since).count()
    return sent >= parts.settings().mail.answers_per_hour


def _ended(row: Mail, how: str) -> None:
    """What the answer said goes with it; that there was one stays."""
    now = parts.clock().now()
    with transaction() as tx:
        changed = Mail.objects.filter(id=row.id, answer="due").update(
            answer=how, facts=None, answered_at=now if how == "sent" else None
        )
        if changed:
            audit.record("mail.answered", row.id, by=HOUSE, tx=tx, facts={"answer": how})


def compose(facts: Facts, mail: UUID) -> EmailMessage:
    """The answer in the language of its person; the same Message-ID whenever it is made."""
    with translation.override(facts.language):
        subject, lines = _subject(facts.outcomes), _lines(facts)
    domain = mailer.own_address().rpartition("@")[2]
    message = EmailMessage()
    message["From"] = f"{_quoted(parts.settings().house.name)} <{mailer.own_address()}>"
    message["To"] = facts.to
    message["Subject"] = subject
    message["Date"] = format_datetime(parts.clock().now())
    message["Message-ID"] = f"<{mail.hex}@{parts.tenant().hex}.{domain}>"
    if facts.message_id:
        message["In-Reply-To"] = f"<{facts.message_id}>"
        message["References"] = f"<{facts.message_id}>"
    message["Auto-Submitted"] = "auto-replied"
    message["X-Auto-Response-Suppress"] = "All"
    message[ANSWER_MARK] = mail.hex
    message.set_content("\n\n".join(_text(*line) for line in lines) + "\n")
    message.add_alternative(_page(subject, lines, facts.language), subtype="html")
    return message


def _quoted(name: str) -> str:
    clean = "".join(letter for letter in name if letter.isprintable() and letter not in '"\\<>')
    return f'"{clean}"'


def _subject(outcomes: Sequence[Outcome]) -> str:
    taken = sum(1 for each in outcomes if each.number)
    if not taken:
        return _("Not printed: your mail")
    jobs = ngettext("%(taken)d job from your mail", "%(taken)d jobs from your mail", taken) % {"taken": taken}
    return jobs if taken == len(outcomes) else _("%(jobs)s, not all of it") % {"jobs": jobs}


def _lines(facts: Facts) -> list[tuple[str, str]]:
    """What is said of each document: its name, and what became of it."""
    said = []
    for place, each in enumerate(facts.outcomes, 1):
        name = each.name if parts.settings().mail.answers_name_documents and each.name else ""
        if not name and each.why != "nothing":
            name = _("Document %(place)d") % {"place": place}
        said.append((name, _what(each, facts.queue)))
    return said


def _what(each: Outcome, queue: str) -> str:
    if each.number and each.held:
        return _("Waits for you as job %(number)d on %(queue)s.") % {"number": each.number, "queue": queue}
    if each.number:
        return _("Is job %(number)d on %(queue)s.") % {"number": each.number, "queue": queue}
    return _("Not printed. %(why)s") % {"why": _(WHY[each.why]) if each.why in WHY else each.words or each.why}


def _text(name: str, what: str) -> str:
    return f"{name}: {what}" if name else what


def _page(subject: str, lines: Sequence[tuple[str, str]], language: str) -> str:
    """Plain markup without pictures, styles or links: nothing in it calls anybody."""
    rows = "".join(f"<li>{f'<b>{escape(name)}</b><br>' if name else ''}{escape(what)}</li>" for name, what in lines)
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        f"<title>{escape(subject)}</title></head><body><h1>{escape(subject)}</h1><ul>{rows}</ul></body></html>\n"
    )
