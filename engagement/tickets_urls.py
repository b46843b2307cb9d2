"""Addresses of the staff's pages of tickets."""

from __future__ import annotations

from django.urls import path

from engagement.views import tickets

urlpatterns = [
    path("tickets/", tickets.tickets, name="tickets"),
    path("tickets/<int:pk>/", tickets.ticket, name="ticket"),
    path("tickets/<int:pk>/update/", tickets.ticket_update, name="ticket_update"),
    path("tickets/<int:pk>/change/", tickets.ticket_change, name="ticket_change"),
    path("tickets/<int:pk>/move/", tickets.ticket_move, name="ticket_move"),
    path("conversations/<int:pk>/ticket/", tickets.conversation_ticket, name="conversation_ticket"),
]
