from frisket.errors import Blame, FrisketError

__all__ = ["SandboxUnavailable", "ScannerDown"]


class SandboxUnavailable(FrisketError):
    """The walls a document needs around it cannot be built here; so it is not opened."""

    blame = Blame.OPERATOR
    remedy = "Install bubblewrap and allow unprivileged user namespaces on this machine."


class ScannerDown(FrisketError):
    """The virus scanner does not answer, or says nothing that can be believed."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Start clamd, or check antivirus.clamd and antivirus.signatures in the settings."
