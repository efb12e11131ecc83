"""What people may fill in: typed, with every field listed (R24)."""

from typing import TYPE_CHECKING
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from frisket import device
from frisket.identity import Role

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise as Text
else:
    Text = str

__all__ = [
    "CardForm",
    "DecideForm",
    "DeviceForm",
    "FirstForm",
    "LabelForm",
    "NewPasswordForm",
    "OwnPasswordForm",
    "PersonForm",
    "PrintForm",
    "QueueForm",
    "SetupForm",
    "SignInForm",
    "UnlockForm",
    "UploadForm",
    "identifiers",
]

SIDES = [
    ("", _("As in the document")),
    ("one-sided", _("One-sided")),
    ("two-sided-long-edge", _("Two-sided")),
    ("two-sided-short-edge", _("Two-sided, short edge")),
]
COLOURS = [("", _("As in the document")), ("color", _("Colour")), ("monochrome", _("Black and white"))]
ROLES = [
    (Role.PERSON.value, _("Person: their own jobs")),
    (Role.OPERATOR.value, _("Operator: jobs, queues and devices")),
    (Role.ADMINISTRATOR.value, _("Administrator: everything")),
]
LANGUAGES = [("", _("As the browser says")), ("en", "English"), ("de", "Deutsch")]
HOUR, DAY = 3600, 86400


def identifiers(values: list[str], most: int = 1000) -> list[UUID]:
    """Ids of ticked rows; what is none is left out."""
    found = []
    for value in values[:most]:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found


def _password(label: Text, autocomplete: str, help_text: Text = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, help_text=help_text, max_length=256, strip=False, widget=widget)


class SignInForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=1024,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autofocus": True, "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = _password(_("Password"), "current-password")


class SetupForm(forms.Form):
    token = forms.CharField(
        label=_("Set-up token"),
        help_text=_("It stands on the console of the server, where it was started. It works once."),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "spellcheck": "false"}),
    )
    name = forms.CharField(
        label=_("Your name for signing in"),
        max_length=128,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = _password(
        _("Password"), "new-password", _("At least 15 characters: a sentence is easier to keep than signs.")
    )


class FirstForm(forms.Form):
    queue = forms.CharField(
        label=_("Name of the first queue"),
        help_text=_("People see it when they add the printer, for example: secure"),
        max_length=60,
        initial="secure",
    )
    device = forms.CharField(
        label=_("Name of the first device"),
        help_text=_("Leave it empty to add devices later."),
        max_length=60,
        required=False,
    )
    uri = forms.CharField(
        label=_("Address of the device"),
        help_text=_("For example ipps://copy-1.example.org/ipp/print, socket://192.0.2.7 or lpd://192.0.2.7/lp"),
        max_length=300,
        required=False,
    )


class PrintForm(forms.Form):
    """How to print: nothing chosen leaves the job as it is."""

    copies = forms.IntegerField(label=_("Copies"), min_value=1, max_value=999, required=False)
    sides = forms.ChoiceField(label=_("Sides"), choices=SIDES, required=False)
    color_mode = forms.ChoiceField(label=_("Colour"), choices=COLOURS, required=False)
    as_it_can = forms.BooleanField(
        label=_("Print it as the device can"),
        help_text=_("Even in grey, one-sided or on other paper than was meant."),
        required=False,
    )
    password = forms.CharField(
        label=_("PIN of the job"),
        max_length=64,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )


class UploadForm(forms.Form):
    """Only drawn here: documents go to the raw door, never through the framework."""

    queue = forms.ChoiceField(label=_("Queue"))
    title = forms.CharField(
        label=_("Title"),
        help_text=_("Empty: the name of the first file."),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    copies = forms.IntegerField(label=_("Copies"), min_value=1, max_value=999, initial=1)
    sides = forms.ChoiceField(label=_("Sides"), choices=SIDES, required=False)
    color_mode = forms.ChoiceField(label=_("Colour"), choices=COLOURS, required=False)

    def offer(self, queues: list[device.QueueView], default: device.QueueView | None) -> None:
        field = self.fields["queue"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(each.name, each.info or each.name) for each in queues]
        field.initial = default.name if default is not None else None


class OwnPasswordForm(forms.Form):
    old = _password(_("Password until now"), "current-password")
    new = _password(_("New password"), "new-password", _("At least 12 characters, 15 for administrators."))


class NewPasswordForm(forms.Form):
    new = _password(_("New password"), "new-password", _("Leave it empty and the house makes one."))

    def __init__(self, *values: object, **named: object) -> None:
        super().__init__(*values, **named)  # type: ignore[arg-type]
        self.fields["new"].required = False


class LabelForm(forms.Form):
    label = forms.CharField(
        label=_("What you call it"), help_text=_("For example: laptop"), max_length=60, required=False
    )


class CardForm(forms.Form):
    number = forms.CharField(
        label=_("Card number"),
        help_text=_("Hold the card to the reader, or type what it gives. It is never shown again."),
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    label = forms.CharField(label=_("What you call it"), max_length=60, required=False)


class PersonForm(forms.Form):
    name = forms.CharField(
        label=_("Name for signing in"), max_length=1024, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    full_name = forms.CharField(label=_("Full name"), max_length=200, required=False)
    mail = forms.CharField(
        label=_("Mail address"),
        max_length=254,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, initial=Role.PERSON.value)


class DeviceForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        help_text=_("Letters a to z, digits, dot, dash and underscore; it is part of addresses."),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    uri = forms.CharField(
        label=_("Address"),
        help_text=_(
            "For example ipps://copy-1.example.org/ipp/print, ipp://192.0.2.7, socket://192.0.2.7 or lpd://192.0.2.7/lp"
        ),
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    location = forms.CharField(
        label=_("Where it stands"),
        help_text=_("For example: second floor, by the stairs"),
        max_length=120,
        required=False,
    )
    tags = forms.CharField(
        label=_("Near what"),
        help_text=_("Words that devices near each other share, with commas: north wing, library"),
        max_length=800,
        required=False,
    )
    ways = forms.CharField(
        label=_("Further addresses"),
        help_text=_("One on each line. Tried in this order while nothing of a job has left yet."),
        max_length=1300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    silence_is_done = forms.BooleanField(
        label=_("It never answers: take a job that was sent in full as printed"),
        help_text=_("Only for devices without a way back. Otherwise such jobs become uncertain."),
        required=False,
    )
    shows_owner = forms.BooleanField(
        label=_("Tell the device whose job it prints"),
        help_text=_("Otherwise a neutral name goes with each job."),
        required=False,
    )
    active = forms.BooleanField(label=_("In use"), required=False, initial=True)


def _secret_of_device(label: Text) -> forms.CharField:
    """Never drawn again with what was typed. Not for the browser's own safe: it belongs to no person."""
    widget = forms.PasswordInput(attrs={"autocomplete": "off"})
    return forms.CharField(label=label, max_length=255, required=False, widget=widget, strip=False)


class SnmpForm(forms.Form):
    version = forms.ChoiceField(
        label=_("Version"),
        choices=[
            ("off", _("not asked")),
            ("3", _("3, encrypted")),
            ("2c", _("2c, readable by all")),
            ("1", _("1, readable by all")),
        ],
    )
    port = forms.IntegerField(label=_("Port"), min_value=1, max_value=65535, initial=161)
    community = _secret_of_device(_("Community, for versions 1 and 2c"))
    user = forms.CharField(
        label=_("User, for version 3"),
        max_length=32,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    auth = forms.ChoiceField(
        label=_("Authentication"),
        choices=[(word, word.upper()) for word in ("sha256", "sha512", "sha384", "sha224", "sha1", "md5")],
        initial="sha256",
    )
    auth_password = _secret_of_device(_("Its password"))
    priv = forms.ChoiceField(
        label=_("Privacy"),
        choices=[(word, word.upper()) for word in ("aes128", "aes192", "aes256", "des")],
        initial="aes128",
    )
    priv_password = _secret_of_device(_("Password of privacy"))
    expansion = forms.ChoiceField(
        label=_("Longer keys after"),
        help_text=_("Only AES192 and AES256 with a short authentication; devices differ."),
        choices=[("blumenthal", "Blumenthal"), ("cisco", "Cisco")],
        required=False,
        initial="blumenthal",
    )

    def clean_expansion(self) -> str:
        return str(self.cleaned_data["expansion"] or "blumenthal")


class QueueForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        help_text=_("Letters a to z, digits, dot, dash and underscore; it is part of addresses."),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    info = forms.CharField(label=_("What people see"), max_length=120, required=False)
    location = forms.CharField(label=_("Where it prints"), max_length=120, required=False)
    hold = forms.BooleanField(
        label=_("Jobs wait for their person"),
        help_text=_("Nothing prints until its person stands at a device and says so."),
        required=False,
        initial=True,
    )
    accepting = forms.BooleanField(label=_("Takes new jobs"), required=False, initial=True)
    running = forms.BooleanField(
        label=_("Sends jobs to devices"),
        help_text=_("Without it jobs are taken and wait until it is ticked again."),
        required=False,
        initial=True,
    )
    is_default = forms.BooleanField(label=_("The queue of whoever names none"), required=False)
    trusted_networks = forms.CharField(
        label=_("Networks whose word is taken for the name of the sender"),
        help_text=_("One on each line, such as 192.0.2.0/24. Anybody there can print in anybody's name."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    raw_port = forms.IntegerField(
        label=_("RAW port of its own"),
        help_text=_("For programs that know only a host and a port, such as 9101. Empty: none."),
        min_value=1,
        max_value=65535,
        required=False,
    )
    default_person = forms.CharField(
        label=_("Whose jobs come over LPD and RAW without a name that is believed"),
        help_text=_("The name somebody signs in with. Empty: such jobs are refused."),
        max_length=1024,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    devices = forms.MultipleChoiceField(
        label=_("Devices behind it"),
        help_text=_("None ticked: every device in use."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    held_h = forms.IntegerField(
        label=_("A job waits, hours"),
        help_text=_("Then it is destroyed."),
        min_value=1,
        max_value=24 * 365,
        initial=72,
    )
    printed_h = forms.IntegerField(
        label=_("A printed document is kept, hours"),
        help_text=_("0: destroyed at once."),
        min_value=0,
        max_value=24 * 365,
        initial=0,
    )
    history_h = forms.IntegerField(
        label=_("What happened is shown, hours"), min_value=1, max_value=24 * 365, initial=24
    )

    def offer(self, devices: list[device.DeviceView]) -> None:
        field = self.fields["devices"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(each.id.hex, each.name) for each in devices]


class UnlockForm(forms.Form):
    """The password of a document: passed on and forgotten."""

    document_password = _password(
        _("Password of the document"), "off", _("It opens the document once, here, and is kept nowhere.")
    )


class DecideForm(forms.Form):
    printed = forms.ChoiceField(choices=[("yes", ""), ("no", "")])
