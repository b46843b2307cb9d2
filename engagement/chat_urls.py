"""Addresses of what agents do with live chats. The visitor's page is a short link."""

from __future__ import annotations

from django.urls import path

from engagement.views import chats

urlpatterns = [
    path("chats/here/", chats.chats_here, name="chats_here"),
    path("chats/<int:pk>/accept/", chats.chat_accept, name="chat_accept"),
    path("chats/<int:pk>/say/", chats.chat_say, name="chat_say"),
    path("chats/<int:pk>/typing/", chats.chat_typing, name="chat_typing"),
    path("chats/<int:pk>/transfer/", chats.chat_transfer, name="chat_transfer"),
    path("chats/<int:pk>/end/", chats.chat_end, name="chat_end"),
]
