"""The address of the company's settings."""

from __future__ import annotations

from django.urls import path

from engagement.views import company

urlpatterns = [path("settings/company/", company.company, name="company")]
