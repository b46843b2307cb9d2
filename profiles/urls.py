"""Addresses of signing in and out, and of the customer's card."""

from __future__ import annotations

from django.urls import path

from profiles import views

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", views.SignOut.as_view(), name="sign_out"),
    path("profiles/<int:pk>/card/", views.profile_card, name="profile_card"),
]
