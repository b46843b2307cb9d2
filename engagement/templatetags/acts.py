"""Template filter for what was done to a post without a word."""

from __future__ import annotations

from django.template import Library

from engagement.services.act_words import say_act

register = Library()
register.filter("say_act", say_act)
