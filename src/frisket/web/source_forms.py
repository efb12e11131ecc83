"""The form of a hot folder or store."""

from django import forms
from django.utils.translation import gettext_lazy as _

from frisket import device
from frisket.web.forms import COLOURS, SIDES

__all__ = ["ChooseForm", "SourceForm"]

OWNERS = [
    ("person", _("Everything in it belongs to the person named below")),
    ("path", _("The first folder inside is called like its person")),
    ("account", _("Whose account of this machine owns the file (hot folders only)")),
]
AFTERWARDS = [
    ("delete", _("Delete the file once its job is kept")),
    ("keep", _("Move it into the folder done")),
    ("leave", _("Leave it where it lies and remember it (stores only)")),
]
_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class SourceForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        help_text=_("Letters a to z, digits, dot, dash and underscore; it is part of addresses."),
        max_length=60,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    address = forms.CharField(
        label=_("Where it is"),
        help_text=_(
            "A folder of this machine such as /srv/print/in, smb://nas/print, ftps://host/in, davs://host/in, or"
            " usb:/media/stick for storage that is plugged in"
        ),
        max_length=400,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    queue = forms.ChoiceField(label=_("Queue its documents go to"))
    owner_rule = forms.ChoiceField(label=_("Whose documents they are"), choices=OWNERS)
    person = forms.CharField(label=_("Person"), max_length=128, required=False, widget=forms.TextInput(attrs=_PLAIN))
    copies = forms.IntegerField(label=_("Copies"), min_value=1, max_value=999, initial=1)
    sides = forms.ChoiceField(label=_("Sides"), choices=SIDES, required=False)
    color_mode = forms.ChoiceField(label=_("Colour"), choices=COLOURS, required=False)
    hold = forms.BooleanField(label=_("Its jobs wait until released, whatever the queue does"), required=False)
    afterwards = forms.ChoiceField(label=_("What becomes of a file that is in"), choices=AFTERWARDS)
    destination = forms.CharField(
        label=_("Write original, printed form and log to this folder"),
        help_text=_(
            "A folder of this machine, or of a share mounted here. They lie there in clear, for whoever may read it. "
            "Empty: nothing is written."
        ),
        max_length=400,
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    picks_up = forms.BooleanField(
        label=_("Print whatever is put there"),
        help_text=_("Each file once, when it is completely written. What is refused moves into the folder refused."),
        required=False,
        initial=True,
    )
    browsable = forms.BooleanField(
        label=_("Everybody may look into it and print single files (stores only)"),
        help_text=_("They see everything below its address, with this store's name and password."),
        required=False,
    )
    user = forms.CharField(label=_("Name to sign in with there"), max_length=256, required=False)
    password = forms.CharField(
        label=_("Password there"),
        help_text=_("Kept in the key store and never shown. Empty: as it is. Another server forgets it."),
        max_length=256,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    certificate = forms.CharField(
        label=_("Fingerprint of the server's certificate (SHA-256)"),
        help_text=_("For FTPS and WebDAV, unless you name the authority. Leave it empty to be shown it for comparing."),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    authority = forms.CharField(
        label=_("Or the authority that signed it (PEM)"),
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    settle_s = forms.FloatField(
        label=_("A file rests before it counts as complete, seconds"), min_value=0.2, max_value=3600, initial=2
    )
    every_s = forms.FloatField(label=_("Time between two looks, seconds"), min_value=1, max_value=86400, initial=5)
    active = forms.BooleanField(label=_("In use"), required=False, initial=True)
    pin: bytes | None = None

    def offer(self, queues: list[device.QueueView]) -> None:
        field = self.fields["queue"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(each.id.hex, each.name) for each in queues]

    def clean_certificate(self) -> str:
        """64 hexadecimal digits, however they are grouped."""
        text = str(self.cleaned_data["certificate"]).replace(":", "").replace(" ", "").lower()
        if text:
            try:
                self.pin = bytes.fromhex(text)
            except ValueError:
                self.pin = b""
            if len(self.pin) != 32:
                raise forms.ValidationError(_("A fingerprint has 64 hexadecimal digits."))
        return text


class ChooseForm(forms.Form):
    """How a file that is chosen in a store is printed."""

    queue = forms.ChoiceField(label=_("Queue"))
    copies = forms.IntegerField(label=_("Copies"), min_value=1, max_value=999, initial=1)
    sides = forms.ChoiceField(label=_("Sides"), choices=SIDES, required=False)
    color_mode = forms.ChoiceField(label=_("Colour"), choices=COLOURS, required=False)

    def offer(self, queues: list[device.QueueView], default: device.QueueView) -> None:
        field = self.fields["queue"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(each.name, each.info or each.name) for each in queues]
        field.initial = default.name
