from frisket.errors import Blame, FrisketError

__all__ = ["SandboxUnavailable"]


class SandboxUnavailable(FrisketError):
    """The walls a document needs around it cannot be built here; so it is not opened."""

    blame = Blame.OPERATOR
    remedy = "Install bubblewrap and allow unprivileged user namespaces on this machine."
