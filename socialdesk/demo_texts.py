"""The demo company's saved replies and articles; what is there already is left as it is."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from engagement.models import Article, Template
from engagement.services.articles import Written, save_article
from engagement.services.templates import Wording, save_template
from listening.models import Topic
from socialdesk.lib.clock import now


def write_texts() -> None:
    """Make them, for topics that are there."""
    topics = {topic.name: topic for topic in Topic.objects.all()}
    known = set(Template.objects.values_list("name", flat=True))
    for entry in json.loads((settings.DEMO_DIR / "templates.json").read_text()):
        if entry["name"] not in known:
            save_template(
                template=None,
                name=entry["name"],
                purpose=entry["purpose"],
                wordings=[Wording(**text) for text in entry["texts"]],
                topics=[topics[name] for name in entry["topics"] if name in topics],
                agent=None,
            )
    published = set(Article.objects.values_list("slug", flat=True))
    for entry in json.loads((settings.DEMO_DIR / "articles.json").read_text()):
        if entry["slug"] not in published:
            article = save_article(
                article=None,
                slug=entry["slug"],
                texts=read_texts(entry["slug"]),
                topics=[topics[name] for name in entry["topics"] if name in topics],
                agent=None,
            )
            Article.objects.filter(pk=article.pk).update(reviewed_at=now() - timedelta(days=entry["reviewed_days_ago"]))


def read_texts(slug: str) -> list[Written]:
    """The article's texts, English first: each file is named by its language and begins with its title."""
    paths = sorted((settings.DEMO_DIR / "articles").glob(f"{slug}.*.md"), key=lambda path: (path.suffixes[0] != ".en", path.name))
    return [_read(path) for path in paths]


def _read(path: Path) -> Written:
    title, _, body = path.read_text(encoding="utf-8").partition("\n")
    return Written(language=path.suffixes[0].removeprefix("."), title=title.removeprefix("# "), body=body.strip())
