"""Sets the web framework up: its tables when `programs` is imported, this house's settings when it opens."""

import importlib
import importlib.util
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.apps import AppConfig
from django.apps import apps as registry
from django.conf import settings as django_settings
from django.db import connections

from frisket.plumbing.settings import Settings

__all__ = ["ROOMS", "prepare", "use"]

ROOMS: tuple[str, ...] = (
    "plumbing",
    "audit",
    "identity",
    "device",
    "job",
    "intake",
    "spool",
    "ledger",
    "release",
    "delivery",
    "web",
)


class Room(AppConfig):
    """A room with tables, as the framework wants to see it.

    The framework imports an app's package before it lets any table be defined, and a room's door imports its
    tables. So the package is only described here, and imported when the framework loads the tables.
    """

    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, room: str) -> None:
        spec = importlib.util.find_spec(f"frisket.{room}")
        if spec is None:
            raise ImportError(f"no room {room}")
        self.label = room
        super().__init__(f"frisket.{room}", importlib.util.module_from_spec(spec))

    def import_models(self) -> None:
        # The framework's own version takes any failing import for "no tables".
        self.models = registry.all_models[self.label]
        self.module = importlib.import_module(self.name)
        if self.label != "web":
            self.models_module = importlib.import_module(f"{self.name}.models")


def prepare() -> None:
    """Load every table. Happens when `programs` is imported, before any room is."""
    if django_settings.configured:
        return
    settings = Settings()
    django_settings.configure(
        DEBUG=False,
        SECRET_KEY="",  # refused by the framework until use() gives the key store's
        ALLOWED_HOSTS=["*"],  # the Host header is checked by our own middleware against house.host_names
        DATABASES={"default": {"ENGINE": "frisket.plumbing.sqlite", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "django.contrib.messages",
            *[Room(room) for room in ROOMS],
        ],
        AUTH_USER_MODEL="identity.Person",
        PASSWORD_HASHERS=[
            "frisket.plumbing.keys.password.Argon2idHasher",
            "frisket.plumbing.keys.password.Argon2idStrongHasher",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE="UTC",
        USE_I18N=True,
        LANGUAGE_CODE=settings.house.language,
        LANGUAGES=[("en", "English"), ("de", "Deutsch")],
        LOCALE_PATHS=[str(Path(__file__).parent.parent / "locale")],
        ROOT_URLCONF="frisket.web.urls",
        **_web(settings),
    )
    django.setup(set_prefix=False)


def use(settings: Settings, data: Path, *, secret_key: str) -> None:
    """Point the framework at this house. ``secret_key`` comes from the key store, never from a settings file."""
    django_settings.SECRET_KEY = secret_key
    django_settings.LANGUAGE_CODE = settings.house.language
    for name, value in _web(settings).items():
        setattr(django_settings, name, value)
    django_settings.DATABASES = {"default": _database(settings, data)}
    connections.close_all()
    # The framework reads its databases once; this house's file was not known then.
    handler: Any = connections
    handler.__dict__.pop("settings", None)
    handler._settings = django_settings.DATABASES
    for alias in handler:
        if hasattr(handler._connections, alias):
            delattr(handler._connections, alias)


def _web(settings: Settings) -> dict[str, Any]:
    return {
        "MIDDLEWARE": [
            "frisket.web.middleware.Guard",
            "whitenoise.middleware.WhiteNoiseMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.locale.LocaleMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "frisket.web.middleware.PersonSession",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.template.context_processors.i18n",
                        "django.contrib.messages.context_processors.messages",
                        "frisket.web.context.page",
                    ]
                },
            }
        ],
        "STATIC_URL": "/static/",
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_ALLOW_ALL_ORIGINS": False,
        "WHITENOISE_AUTOREFRESH": False,
        "SESSION_ENGINE": "frisket.web.keyed_sessions",
        "SESSION_COOKIE_NAME": "__Host-session",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_AGE": settings.sessions.longest_s,
        "CSRF_COOKIE_NAME": "__Host-csrf",
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_USE_SESSIONS": False,
        "LANGUAGE_COOKIE_NAME": "language",
        "CSRF_FAILURE_VIEW": "frisket.web.problems.csrf_failed",
        "WHITENOISE_MAX_AGE": 86400,  # addresses of static files change with their content
        "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
        "FILE_UPLOAD_HANDLERS": ["django.core.files.uploadhandler.MemoryFileUploadHandler"],
        "FILE_UPLOAD_MAX_MEMORY_SIZE": settings.limits.upload_form_bytes,
        "DATA_UPLOAD_MAX_MEMORY_SIZE": settings.limits.upload_form_bytes,
        "LOGGING_CONFIG": None,
        "LOGIN_URL": "/sign-in",
    }


def _database(settings: Settings, data: Path) -> dict[str, Any]:
    url = settings.database.url
    if not url:
        return {
            "ENGINE": "frisket.plumbing.sqlite",
            "NAME": str(data / "house.db"),
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY",
            },
        }
    parts = urlsplit(url)
    password = Path(settings.database.password_file).read_text().strip() if settings.database.password_file else ""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username or "",
        "PASSWORD": password,
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
