"""Addresses of the pages on which our accounts are seen, connected, checked and removed."""

from __future__ import annotations

from django.urls import path

from listening.views import accounts

urlpatterns = [
    path("accounts/", accounts.accounts, name="accounts"),
    path("accounts/connect/", accounts.account_networks, name="account_networks"),
    path("accounts/connect/<str:network>/", accounts.account_connect, name="account_connect"),
    path("accounts/callback/<str:network>/", accounts.account_callback, name="account_callback"),
    path("accounts/choose/", accounts.account_choose, name="account_choose"),
    path("accounts/<int:pk>/usage/", accounts.account_usage, name="account_usage"),
    path("accounts/<int:pk>/check/", accounts.account_check, name="account_check"),
    path("accounts/<int:pk>/remove/", accounts.account_remove, name="account_remove"),
]
