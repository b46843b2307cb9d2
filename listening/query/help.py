"""The query language by example, for the screen beside the query field."""

from __future__ import annotations

HELP: list[tuple[str, str]] = [
    (
        "tidewheel battery",
        "Both words, in any order, whatever their capitals and accents. Also as #tidewheel and @tidewheel.",
    ),
    ("tidewheel OR tide-wheel", "Either one. OR, AND and NOT are written in capitals. A hyphen counts as a space."),
    ("tidewheel (broken OR stolen)", "Parentheses keep together what belongs together; AND goes before OR."),
    ("tidewheel -jobs", 'Without this word. NOT jobs says the same; so do -"we are hiring" and -(jobs OR careers) for more.'),
    ('"flat tyre"', "These words in a row, whatever punctuation or line break stands between them."),
    ("refund*", "Every word that begins so: refund, refunds, refunded."),
    ("#tidewheel", "Only the tag. #tide* finds every tag that begins so."),
    ("@tidewheel", "Only where the account is named."),
    ("from:tidewheel", "Written by this account."),
    ("lang:pt", "In this language; lang:pt also finds pt-BR, lang:pt-BR only Brazilian Portuguese."),
    ("network:mastodon", "From this network."),
    ("has:link   has:media", "With a link; with a picture or film."),
    ("min_followers:1000", "By an author with at least so many followers."),
    ('C++   AT&T   tidewheel.example   ":)"', "Signs within a word count as written. Signs alone go in quotes."),
    ("電動自転車   จักรยาน", "Scripts without spaces are found inside the text."),
]
