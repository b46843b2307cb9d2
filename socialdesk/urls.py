"""Every address of the desk, composed from the apps. Who may use which is in access.py."""

from __future__ import annotations

from django.urls import include, path

from socialdesk import films, health, media, webhooks

handler500 = "socialdesk.faults.answer_fault"

urlpatterns = [
    path("", include("listening.urls")),
    path("", include("listening.pages_urls")),
    path("", include("listening.accounts_urls")),
    path("", include("engagement.urls")),
    path("", include("engagement.outbox_urls")),
    path("", include("engagement.links_urls")),
    path("", include("engagement.tickets_urls")),
    path("", include("engagement.callback_urls")),
    path("", include("engagement.company_urls")),
    path("", include("engagement.templates_urls")),
    path("", include("engagement.articles_urls")),
    path("", include("engagement.policy_urls")),
    path("", include("engagement.compliments_urls")),
    path("", include("engagement.chat_urls")),
    path("", include("profiles.urls")),
    path("", include("profiles.page_urls")),
    path("", include("profiles.editing_urls")),
    path("", include("profiles.people_urls")),
    path("", include("profiles.merge_urls")),
    path("", include("profiles.sync_urls")),
    path("", include("profiles.files_urls")),
    path("", include("profiles.rights_urls")),
    path("api/", include("socialdesk.api")),
    path("media/<str:name>", media.picture, name="picture"),
    path("media/films/<str:name>", films.film, name="film"),
    path("hooks/json/<slug:name>/", webhooks.json_call, name="json_call"),
    path("hooks/<slug:network>/", webhooks.network_hook, name="network_hook"),  # after those that have names of their own
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
