"""Addresses of the praise board and of what is done with a compliment."""

from __future__ import annotations

from django.urls import path

from engagement.views import compliments

urlpatterns = [
    path("conversations/<int:pk>/forward/", compliments.conversation_forward, name="conversation_forward"),
    path("compliments/", compliments.board, name="compliments"),
    path("compliments/<int:pk>/", compliments.compliment, name="compliment"),
    path("compliments/<int:pk>/accept/", compliments.accept, name="compliment_accept"),
    path("compliments/<int:pk>/ask/", compliments.ask, name="compliment_ask"),
    path("compliments/<int:pk>/record/", compliments.record, name="compliment_record"),
    path("compliments/<int:pk>/share/", compliments.share, name="compliment_share"),
    path("compliments/<int:pk>/thank/", compliments.thank, name="compliment_thank"),
    path("compliments/<int:pk>/hand/", compliments.hand, name="compliment_hand"),
    path("compliments/<int:pk>/decline/", compliments.decline, name="compliment_decline"),
    path("compliments/<int:pk>/withdraw/", compliments.withdraw, name="compliment_withdraw"),
    path("compliments/<int:pk>/take-back/", compliments.take_back, name="compliment_take_back"),
    path("compliments/<int:pk>/removed/", compliments.removed, name="compliment_removed"),
]
