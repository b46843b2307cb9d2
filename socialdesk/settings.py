"""Django's settings. The environment decides between embedded (nothing given) and distributed (addresses given)."""

from __future__ import annotations

import os
import secrets
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
import django_stubs_ext
from celery.schedules import crontab
from csp.constants import NONCE, NONE, SELF
from django.core.management.utils import get_random_secret_key
from whitenoise.compress import Compressor

from socialdesk import env

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules

DATA_DIR = Path(
    env.text("SOCIALDESK_DATA", str(BASE_DIR / "data"), "folder for the database, the practice network and the generated secret key")
).resolve()
DATABASE_URL = env.text("DATABASE_URL", "", "PostgreSQL address; without it the desk keeps an SQLite file in its data folder")
REDIS_URL = env.text("REDIS_URL", "", "Redis address; without it queue, live feed and cache live in the one process")
EMBEDDED = not REDIS_URL

DEBUG = env.flag("SOCIALDESK_DEBUG", False, "Django's debug pages; never on a desk that others can reach")
HTTPS = env.flag("SOCIALDESK_HTTPS", False, "the desk is reached over HTTPS: secure cookies, HSTS")
ALLOWED_HOSTS = env.words("SOCIALDESK_HOSTS", ",".join(env.LOCAL), "host names that the desk answers to, separated by commas")
HOST = env.text("HOST", "127.0.0.1", "address that `manage.py desk` listens on")
PORT = env.text("PORT", "8000", "its port")
PUBLIC_URL = env.address(
    "SOCIALDESK_URL", env.reached_at(HOST, PORT, ALLOWED_HOSTS, https=HTTPS), "address under which customers reach the desk"
)
LINK_URL = env.address("SOCIALDESK_LINK_URL", PUBLIC_URL, "address that short links begin with, where it is a domain of its own")
ALLOWED_HOSTS += sorted({urlsplit(url).hostname or "localhost" for url in (PUBLIC_URL, LINK_URL)} - {*ALLOWED_HOSTS})
TRUSTED_PROXIES = int(env.number("SOCIALDESK_PROXIES", 0, "how many proxies of your own pass requests on to the desk"))
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if HTTPS and "*" not in host]
TIME_ZONE = env.text("SOCIALDESK_TIME_ZONE", "UTC", "time zone of the desk, for hours and days on its pages")

try:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
except OSError as error:
    raise env.BadSetting(f"cannot make the data folder {DATA_DIR}: {error.strerror}. Give SOCIALDESK_DATA another one.") from None


def _secret_key() -> str:
    """The key given, or the one that this data folder was made with: made once, readable by its owner only."""
    given = env.text("SOCIALDESK_SECRET_KEY", "", "signs sessions and encrypts credentials; made and kept in the data folder if not given")
    if given:
        return given
    path = DATA_DIR / "secret_key"
    try:
        # Created whole under another name first: two processes that start together must agree on one key.
        fresh = path.with_name(f"secret_key.{secrets.token_hex(4)}")
        if not path.exists():
            fresh.touch(mode=0o600)
            fresh.write_text(get_random_secret_key())
            try:
                os.link(fresh, path)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise env.BadSetting(
            f"cannot keep a secret key in {DATA_DIR}: {error}. Give SOCIALDESK_DATA a folder that can be written."
        ) from None


SECRET_KEY = _secret_key()

INSTALLED_APPS = [
    "socialdesk.apps.SocialDeskConfig",
    "profiles.apps.ProfilesConfig",
    "listening.apps.ListeningConfig",
    "engagement.apps.EngagementConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "simple_history",
    "heroicons",
    "axes",
    "csp",
    "django_prometheus",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "socialdesk.access.AccessMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "socialdesk.urls"
ASGI_APPLICATION = "socialdesk.asgi.application"
AUTH_USER_MODEL = "profiles.Agent"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "stream"
LOGOUT_REDIRECT_URL = "sign_in"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "socialdesk" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    }
]

# --- Database -----------------------------------------------------------------------------------------------------------

if DATABASE_URL:
    DATABASES: dict[str, Any] = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True)}
    if "postgresql" not in DATABASES["default"]["ENGINE"]:
        raise env.BadSetting("DATABASE_URL must be a PostgreSQL address; leave it out to use SQLite")
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "desk.sqlite3",
            "CONN_MAX_AGE": 60,
            "OPTIONS": {
                # A transaction that begins by reading and then writes fails at once under WAL; IMMEDIATE waits its turn.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000; PRAGMA secure_delete=ON;",
            },
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},  # a file: a browser test reads it from other threads
        }
    }

# --- Work, live events, cache -------------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600} if REDIS_URL else {"polling_interval": 0.02}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "desk"
CELERY_TASK_ROUTES = {"engagement.tasks.*": {"queue": "delivery"}, "socialdesk.tasks.*": {"queue": "intake"}}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ACKS_LATE = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "poll_sources": {"task": "socialdesk.tasks.poll_sources", "schedule": 1.0},
    "walk_backfills": {"task": "socialdesk.tasks.walk_backfills", "schedule": 2.0},
    "tell_troubled": {"task": "socialdesk.tasks.tell_troubled", "schedule": 15.0},
    "play_sandbox": {"task": "socialdesk.tasks.play_sandbox", "schedule": 1.0},
    "alert_overdue_tickets": {"task": "engagement.tasks.alert_overdue_tickets", "schedule": 60.0},
    "drop_unsent_pictures": {"task": "engagement.tasks.drop_unsent_pictures", "schedule": 3600.0},
    "tidy_pictures": {"task": "socialdesk.tasks.tidy_pictures", "schedule": 3600.0},
    "play_demo_visitors": {"task": "socialdesk.tasks.play_demo_visitors", "schedule": 5.0},
    "sweep_deliveries": {"task": "engagement.tasks.sweep_deliveries", "schedule": 5.0},
    "resume_waiting": {"task": "engagement.tasks.resume_waiting", "schedule": 5.0},
    "sweep_acts": {"task": "engagement.tasks.sweep_acts", "schedule": 10.0},
    "sweep_notices": {"task": "engagement.tasks.sweep_notices", "schedule": 10.0},
    "release_lost_calls": {"task": "engagement.tasks.release_lost_calls", "schedule": 20.0},
    "sweep_verifications": {"task": "engagement.tasks.sweep_verifications", "schedule": 10.0},
    "sweep_praise": {"task": "engagement.tasks.sweep_praise", "schedule": 15.0},
    "send_praise_digests": {"task": "engagement.tasks.send_praise_digests", "schedule": 600.0},
    "sweep_chats": {"task": "engagement.tasks.sweep_chats", "schedule": 10.0},
    "renew_due": {"task": "listening.tasks.renew_due", "schedule": 60.0},
    "wake_conversations": {"task": "listening.tasks.wake_conversations", "schedule": 10.0},
    "look_for_follows": {"task": "engagement.tasks.look_for_follows", "schedule": 10.0},
    "settle_promises": {"task": "engagement.tasks.settle_promises", "schedule": 30.0},
    "settle_template_uses": {"task": "engagement.tasks.settle_template_uses", "schedule": 60.0},
    "note_article_contacts": {"task": "engagement.tasks.note_article_contacts", "schedule": 60.0},
    "imply_channels": {"task": "engagement.tasks.imply_channels", "schedule": 300.0},
    "compact_rollups": {"task": "listening.tasks.compact_rollups", "schedule": 300.0},
    "tell_systems": {"task": "profiles.tasks.tell_systems", "schedule": 2.0},
    "write_terms": {"task": "profiles.tasks.write_terms", "schedule": 2.0},
    "ask_systems": {"task": "profiles.tasks.ask_systems", "schedule": 10.0},
    "resume_imports": {"task": "profiles.import_tasks.resume_imports", "schedule": 15.0},
    "match_new_people": {"task": "profiles.match_tasks.match_new_people", "schedule": 5.0},
    "forget_seen_hooks": {"task": "profiles.tasks.forget_seen_hooks", "schedule": 3600.0},
    "keep_to_retention": {"task": "profiles.tasks.keep_to_retention", "schedule": crontab(hour="3", minute="17")},
    "leave_no_pages_yet": {"task": "profiles.tasks.leave_no_pages_yet", "schedule": 60.0},
    "forget_deletions": {"task": "listening.tasks.forget_deletions", "schedule": 3600.0},
}

CHANNEL_LAYERS: dict[str, Any] = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    if REDIS_URL
    else {"BACKEND": "socialdesk.lib.memory_layer.MemoryLayer"}
}
CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # Pages do without it sooner than their readers do; a test waits for it.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 30 if TESTING else 2},
    }
    if REDIS_URL
    # What networks said of their limits stands in it: it must not lose something for every third thing that comes.
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 50_000}}
}
# What a network tells once: it must be there when the desk starts again.
CACHES["kept"] = (
    CACHES["default"] | {"KEY_PREFIX": "kept"}
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_DIR / "kept",
        "TIMEOUT": None,  # a count that goes up would begin anew
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
)

# --- The desk's own -----------------------------------------------------------------------------------------------------

SANDBOX_PATH = DATA_DIR / "sandbox.sqlite3"
PICTURE_CACHE = DATA_DIR / "media-cache"
PICTURE_CACHE_BYTES = 1_000_000 * env.number(
    "SOCIALDESK_PICTURE_CACHE", 500, "megabytes of pictures and films of posts that are kept in the data folder; the oldest go", least=1
)
DEMO_DIR = BASE_DIR / "fixtures" / "demo"
UNDO_SECONDS = env.number("SOCIALDESK_UNDO_SECONDS", 8, "how long a public reply is held back for Undo")
CLAIM_MINUTES = env.number("SOCIALDESK_CLAIM_MINUTES", 10, "how long a claim on a conversation lasts without activity", least=1)
# Brief B5: one target each for acknowledge, first, next and final answer, counted from the customer's post.
CLOCK_MINUTES = {
    "acknowledge": env.number("SOCIALDESK_ACKNOWLEDGE_MINUTES", 15, "target for acknowledging a new conversation", least=1),
    "first": env.number("SOCIALDESK_FIRST_MINUTES", 30, "target for its first answer", least=1),
    "next": env.number("SOCIALDESK_NEXT_MINUTES", 60, "target for each further answer", least=1),
    "final": env.number("SOCIALDESK_FINAL_MINUTES", 1440, "target for resolving it", least=1),
}
CALLBACK_MINUTES = env.number("SOCIALDESK_CALLBACK_MINUTES", 30, "target for a call, from the hour on that the customer named", least=1)

# --- Other systems ------------------------------------------------------------------------------------------------------

OUTBOUND_PRIVATE = [
    name.lower()
    for name in env.words(
        "SOCIALDESK_OUTBOUND_PRIVATE",
        "",
        "hosts in your own network that the desk may send people's data to, as a CRM of yours; separated by commas",
    )
]

# --- X ------------------------------------------------------------------------------------------------------------------

X_API = env.address("SOCIALDESK_X_API", "https://api.x.com", "address of X's API")
X_WEB = env.address("SOCIALDESK_X_WEB", "https://x.com", "address of X's website, where accounts are connected and posts are seen")
X_CLIENT_ID = env.text("SOCIALDESK_X_CLIENT_ID", "", "client ID of your app at X (OAuth 2.0), by which accounts are connected")
X_CLIENT_SECRET = env.text("SOCIALDESK_X_CLIENT_SECRET", "", "its client secret, if the app is a confidential one")
X_BEARER = env.text("SOCIALDESK_X_BEARER", "", "the app's bearer token, for the stream of new posts and for what X has counted")

# --- Facebook and Instagram ---------------------------------------------------------------------------------------------

FACEBOOK_GRAPH = env.address("SOCIALDESK_FACEBOOK_GRAPH", "https://graph.facebook.com", "address of Meta's Graph API")
FACEBOOK_WEB = env.address("SOCIALDESK_FACEBOOK_WEB", "https://www.facebook.com", "address of Facebook's website, where people sign in")
FACEBOOK_VERSION = env.text("SOCIALDESK_FACEBOOK_VERSION", "23.0", "version of the Graph API that is spoken")
FACEBOOK_APP_ID = env.text("SOCIALDESK_FACEBOOK_APP_ID", "", "id of your app at Meta, which connects Facebook and Instagram")
FACEBOOK_APP_SECRET = env.text("SOCIALDESK_FACEBOOK_APP_SECRET", "", "its secret, which also signs what Meta tells the desk")
FACEBOOK_VERIFY_TOKEN = env.text(
    "SOCIALDESK_FACEBOOK_VERIFY_TOKEN", "", "a word of your own that Meta must know before the desk takes its calls at /hooks/facebook/"
)

# --- Bluesky ------------------------------------------------------------------------------------------------------------

BLUESKY_SERVICE = env.address("SOCIALDESK_BLUESKY_SERVICE", "https://bsky.social", "address of Bluesky's own server")
BLUESKY_DIRECTORY = env.address("SOCIALDESK_BLUESKY_DIRECTORY", "https://plc.directory", "address of the directory of accounts' servers")
BLUESKY_JETSTREAM = env.text(
    "SOCIALDESK_BLUESKY_JETSTREAM",
    "wss://jetstream2.us-east.bsky.network",
    "address of a Jetstream, which tells of new posts",
).rstrip("/")
BLUESKY_CHAT = env.text("SOCIALDESK_BLUESKY_CHAT", "did:web:api.bsky.chat#bsky_chat", "the service of Bluesky's private messages")
BLUESKY_WEB = env.address("SOCIALDESK_BLUESKY_WEB", "https://bsky.app", "address of Bluesky's website, where posts are seen")
BLUESKY_CDN = env.address("SOCIALDESK_BLUESKY_CDN", "https://cdn.bsky.app", "address of Bluesky's pictures")
BLUESKY_VIDEO = env.address("SOCIALDESK_BLUESKY_VIDEO", "https://video.bsky.app", "address of Bluesky's films")

# --- E-mail and text messages -------------------------------------------------------------------------------------------

_smtp = urlsplit(env.text("SOCIALDESK_SMTP", "", "mail server, as in smtps://user:password@mail.example.com; without it mail is printed"))
if _smtp.scheme and _smtp.scheme not in ("smtp", "smtp+tls", "smtps"):
    raise env.BadSetting(f"SOCIALDESK_SMTP begins with {_smtp.scheme}://: use smtp://, smtp+tls:// or smtps://")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if _smtp.hostname else 'console'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = _smtp.hostname or "", _smtp.port or {"smtps": 465, "smtp+tls": 587}.get(_smtp.scheme, 25)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_smtp.username or ""), unquote(_smtp.password or "")
EMAIL_USE_SSL, EMAIL_USE_TLS = _smtp.scheme == "smtps", _smtp.scheme == "smtp+tls"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("SOCIALDESK_MAIL_FROM", "desk@localhost", "address that mail comes from")
SMS_CARRIER = env.text("SOCIALDESK_SMS", "console", "who carries text messages: console prints them, twilio sends them")
if SMS_CARRIER not in ("console", "twilio"):
    raise env.BadSetting(f"SOCIALDESK_SMS={SMS_CARRIER!r} is no carrier: use console or twilio")
TWILIO_ACCOUNT = env.text("SOCIALDESK_TWILIO_ACCOUNT", "", "the account's SID")
TWILIO_TOKEN = env.text("SOCIALDESK_TWILIO_TOKEN", "", "its auth token, which also signs what comes in")
TWILIO_FROM = env.text("SOCIALDESK_TWILIO_FROM", "", "our number in E.164, or the SID of a messaging service")
TWILIO_URL = env.text("SOCIALDESK_TWILIO_URL", "https://api.twilio.com", "address of its API").rstrip("/")
if SMS_CARRIER == "twilio" and not (TWILIO_ACCOUNT and TWILIO_TOKEN and TWILIO_FROM):
    raise env.BadSetting("SOCIALDESK_SMS=twilio needs SOCIALDESK_TWILIO_ACCOUNT, SOCIALDESK_TWILIO_TOKEN and SOCIALDESK_TWILIO_FROM")
PROMISE_MINUTES = env.number("SOCIALDESK_PROMISE_MINUTES", 120, "time to an answer that an acknowledgement promises", least=5)
DIGEST_HOUR = env.number("SOCIALDESK_DIGEST_HOUR", 7, "hour of the day from which the daily e-mail about praise is sent")

CHATS_PER_AGENT = int(env.number("SOCIALDESK_CHATS_PER_AGENT", 3, "live chats that one agent has at once, at most", least=1))
CHAT_WAIT_MINUTES = env.number(
    "SOCIALDESK_CHAT_WAIT_MINUTES", 5, "how long a visitor waits for an agent until the chat is a message", least=1
)

# --- People and pages ---------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = timedelta(minutes=10)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["profiles.tokens.TokenAuthentication", "rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["socialdesk.access.TableAccess"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [f"rest_framework.parsers.{name}" for name in ("JSONParser", "FormParser", "MultiPartParser")],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "socialdesk.lib.http.answer_exception",
}
REST_KNOX = {"TOKEN_TTL": None, "AUTH_HEADER_PREFIX": "Token", "AUTO_REFRESH": False}
SPECTACULAR_SETTINGS = {
    "TITLE": "Social Desk",
    "DESCRIPTION": "Mentions in, answers out.",
    "VERSION": "0.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "MessageKindEnum": "engagement.models.Message.Kind",
        "SharePurposeEnum": "engagement.models.Compliment.Purpose",
        "TicketKindEnum": "engagement.models.Ticket.Kind",
        "LinkKindEnum": "engagement.models.ShortLink.Kind",
        "ComplimentStateEnum": "engagement.models.Compliment.State",
        "HopReasonEnum": "engagement.models.Hop.Reason",
        "HopStateEnum": "engagement.models.Hop.State",
        "HopChannelEnum": "engagement.models.Hop.Channel",
        "CallbackStateEnum": "engagement.models.CallbackRequest.State",
        "NoticeStateEnum": "engagement.models.Notice.State",
        "MediumEnum": "profiles.models.Medium",
        "VerificationStateEnum": "engagement.models.Verification.State",
        "VerificationKindEnum": "engagement.models.Verification.Kind",
        "VerificationWayEnum": "engagement.models.Verification.Way",
        "ContactKindEnum": "profiles.models.ContactPoint.Kind",
        "ContactStateEnum": "profiles.models.ContactPoint.State",
        "PersonEventKindEnum": "profiles.models.ProfileEvent.Kind",
        "MatchStateEnum": "profiles.models.MatchSuggestion.State",
    },
    "SERVE_PERMISSIONS": ["socialdesk.access.TableAccess"],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 25 * 1024 * 1024  # a push of 1,000 posts, one of which may be absurdly long

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "media-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
MEDIA_ROOT = DATA_DIR / "media"
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Neither source maps nor copies without a hash in their names are asked for: compressing them took most of a minute.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
if TESTING:
    # Tests find static files where they are; the manifest is proved by the test that starts the desk as a process.
    STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_AUTOREFRESH = True
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if not REDIS_URL:  # tests that run at the same time share a folder
        CACHES["kept"] = CACHES["default"] | {"LOCATION": "kept"}

# --- Logs ---------------------------------------------------------------------------------------------------------------

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "django.request": {"level": "ERROR"},  # every 404 and 401 is a warning there
        "twilio.http_client": {"level": "ERROR"},  # it would log numbers
    },
    "root": {"handlers": ["console"], "level": env.text("SOCIALDESK_LOG_LEVEL", "WARNING", "least level that is logged")},
}
