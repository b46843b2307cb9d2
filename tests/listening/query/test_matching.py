"""Which texts a query matches: words, phrases, signs, tags, handles, scripts, fields."""

from __future__ import annotations

import pytest

from listening.query import Doc, TopicMatcher, find_spans, parse

WORDS = [
    # query, a text that it matches, a text that it does not
    ("tidewheel", "TIDEWHEEL!", "tidewheels"),
    ("tidewheel", "the Tidewheel’s brake", "midtidewheel"),
    ("tidewheel", "so #TideWheel", "#TidewheelOne"),
    ("tidewheel", "hey @tidewheel", "@tidewheel2"),
    ("tidewheel", "Tidewheel™ and Tidewheel®One", "tide wheel"),
    ("tidewheel", "https://www.tidewheel.example/plans", "https://short.example/xtidewheel"),
    ("one", "one", "0ne"),
    ("2025", "in 2025年", "20251"),
    ("tide*", "Tidewheel", "lowtide"),
    ("tide*", "#tidewheel", "ebb"),
    ("refund*", "refunded.", "prerefund"),
    ("e-mail", "my E-Mail!", "email"),
    ("e-mail", "e\u2011mail, e—mail, e mail", "mail e"),
    ("mail", "e-mail", "email"),
    ("state-of-the-art", "State of the art", "state of art"),
    ("sub-scri*", "sub-scription", "subscription"),
    ("don't", "I DON’T", "I do"),
    ("don’t", "I don't", "don t"),
    ("won", "we won", "it won't"),
    ("oreal", "L’Oréal", "loreal"),
    ("l'oréal", "L’OREAL", "oreal"),
    ("rock'n'roll", "Rock’n’Roll", "rock and roll"),
    ("C++", "I write c++, mostly", "vitamin C"),
    ("C++", "C++17", "C+"),
    ("C+", "a C+", "C++"),
    ("C#", "in c#.", "c"),
    ("AT&T", "At&t again", "look at t"),
    (".net", "the ASP.NET docs", "the net"),
    ("yahoo!", "yahoo, really", "yahooligan"),
    ("hello,", "hello there", "hell"),
    ("100%", "100% sure", "100 percent"),
    ("$9.99", "only $9.99!", "9.99"),
    ("$9.99", "US$9.99", "$9.990"),
    ("9,99€", "für 9,99 €", "9.99 €"),
    ("10:30", "at 10:30.", "10.30"),
    ("24/7", "24/7", "24 7"),
    ("amazon.in", "from Amazon.in", "from amazon in"),
    ("http://t.example/AbC", "see http://t.example/abc.", "http://t.example/abcd"),
    ("ann@tidewheel.example", "mail ann@tidewheel.example", "joann@tidewheel.example"),
    ("snake_case", "a snake_case b", "snake case"),
    ("snake", "_snake_", "snake_case"),
    ("__init__", "init", "initial"),
    ("#1", "our #1", "1"),
    ('"f***ing"', "f***ing bike", "fing bike"),
    ('":)"', "thanks :)", "thanks ;)"),
    ('"..."', "so... yes", "so. yes"),
    ('"OR"', "Salem, OR", "oregon"),
    ("and", "you AND me", "band"),
]
TAGS = [
    ("#tidewheel", "love #TideWheel!", "tidewheel"),
    ("#tidewheel", "(#tidewheel)", "#tidewheelone"),
    ("#tidewheel", "＃tidewheel", "@tidewheel"),
    ("#tidewheel", "东京#tidewheel", "https://x.example/y#tidewheel"),
    ("#tidewheel,", "#tidewheel", "tidewheel,"),
    ("#tide*", "#tidewheel", "tidewheel #low"),
    ("#café", "#CAFE", "#cafes"),
    ("#tide_wheel", "#tide_wheel", "#tide"),
    ("#e-bike", "#e-bike", "#e bikes"),
    ("#東京", "#東京 です", "#東京タワー"),
    ("東京", "#東京タワー", "#京東"),
    ("#39", "route #39", "it&#39;s"),
    ("@tidewheel", "@TideWheel: hi", "tidewheel"),
    ("@tidewheel", ".@tidewheel hi", "@tidewheel2"),
    ("@tidewheel", "@tidewheel.Great", "@tidewheel_help"),
    ("@tidewheel", "@tidewheel@social.example", "#tidewheel"),
    ("@tidewheel", "感谢@tidewheel的服务", "ann@tidewheel.example"),
    ("@tidewheel", "＠tidewheel", "https://social.example/@tidewheel"),
    ("@tidewheel@social.example", "cc @tidewheel@social.example.", "@tidewheel@other.example"),
    ("@tidewheel.bsky.social", "@tidewheel.bsky.social!", "@tidewheel"),
    ("@tide*", "@tidewheel", "tidewheel"),
    ("@_tide_", "@_tide_", "@tide"),
]
PHRASES = [
    ('"flight delayed"', "Flight, DELAYED?", "delayed flight"),
    ('"flight delayed"', "flight\n\n  delayed", "flight was delayed"),
    ('"flight delayed"', "a flight-delayed mess", "flight delayeds"),
    ('"flight delayed"', "no flight… “delayed”", "inflight delayed"),
    ("“flight delayed”", "flight delayed", "flight"),
    ('"tidewheel one"', "my @tidewheel #one", "tidewheel two one"),
    ('"cancel* subscription"', "cancelling subscription", "cancelling my subscription"),
    ('"my subscr*"', "my subscription", "my own subscription"),
    ('"AT&T store"', "the AT&T, Store", "at t store"),
    ('"C++ developer"', "c++ developer", "c developer"),
    ('"love #tidewheel"', "love\n#tidewheel", "love tidewheel"),
    ('"@tidewheel sucks"', "@tidewheel sucks", "tidewheel sucks"),
    ('"great 👍"', "great👍", "great service 👍"),
    ('"never again"', "never, again", "never 😡 again"),
    ('"don\'t buy"', "don’t buy", "don buy"),
    ('"hello, world!"', "hello world", "hello"),
    ('"a - b"', "a, b", "a c b"),
    ('"東京 大学"', "東京大学", "東京都大学"),
]
SCRIPTS = [
    ("cafe", "CAFÉ", "cafés"),
    ("café", "cafe", "caf"),
    ("café", "cafe\u0301", "cafe\u0301s"),
    ("strasse", "Straße", "Strase"),
    ("STRASSE", "straße", "trasse"),
    ("straße", "STRASSE", "strassen"),
    ("istanbul", "İSTANBUL", "istanbull"),
    ("İstanbul", "istanbul", "stanbul"),
    ("ısparta", "ISPARTA", "sparta"),
    ("łódź", "Lodz", "lod"),
    ("ｔｉｄｅｗｈｅｅｌ", "tidewheel", "tide"),
    ("tidewheel", "𝐓𝐢𝐝𝐞𝐰𝐡𝐞𝐞𝐥", "𝐓𝐢𝐝𝐞"),
    ("tidewheel", "tide\u00adwheel", "tide-wheel"),
    ("σοφος", "ΣΟΦΌΣ", "σοφοσα"),
    ("всё", "ВСЕ", "все́гда"),
    ("مدرسة", "مَدْرَسَة", "مدرستي"),
    ("أحمد", "احمد", "محمد"),
    ("طفلا", "ﻃﻔﻼً", "طفل"),
    ("سلام", "ســـلام", "سلامة"),
    ("שלום", "שָׁלוֹם", "שלומי"),
    ("हिन्दी", "यह हिन्दी है", "हिन्द"),
    ("हिन", "हिन है", "हिन्दी"),
    ("ज़ुकाम", "जुकाम", "काम"),
    ("한국", "한국 여행", "한국어"),
    ("한국", "한국", "한구"),
    ("한국*", "한국어", "대한국"),
    ("東京", "私は東京大学です", "京東"),
    ("東京", "東京2020", "東、京"),
    ("iphone", "新しいiPhoneです", "iPhones"),
    ("iPhone手机", "iphone 手机很好", "手机iphone"),
    ("バス", "高速バスで", "ハス"),
    ("ﾊﾞｽ", "バス", "ハス"),
    ("バス", "ハ\u3099ス", "ハス"),
    ("ข่าว", "อ่านข่าวดี", "ขาว"),
    ("ລາວ", "ພາສາລາວ", "ລາ"),
    ("ខ្មែរ", "ភាសាខ្មែរ", "ខែរ"),
    ("မြန်မာ", "မြန်မာစာ", "မန်မာ"),
    ("東*", "東京", "京"),
    ("😍", "love it😍😍", "😡"),
    ("❤", "I ❤️ you", "♥"),
    ("👍", "yes👍🏽", "👎"),
    ("👍🏽", "👍", "🏽"),
    ("🤷‍♀️", "🤷🏽‍♀️", "🤷"),
    ("🤷", "🤷‍♂️", "♂"),
    ("🇺🇸", "🇫🇷🇺🇸", "🇫🇷"),
    ("🇷🇺", "🇷🇺", "🇫🇷🇺🇸"),
    ("😍*", "😍", "*"),
]


@pytest.mark.parametrize(("query", "hit", "miss"), WORDS + TAGS + PHRASES + SCRIPTS)
def test_query_finds_one_text_and_not_the_other(query: str, hit: str, miss: str) -> None:
    for text, expected in ((hit, True), (miss, False)):
        assert parse(query).matches(Doc(text)) is expected, text
        assert TopicMatcher({7: query}).match(Doc(text)) == [7] * expected, text
        assert parse(f"{query} -absent").matches(Doc(text)) is expected, text
        assert parse(f"lead -{query}").matches(Doc(f"lead\n{text}")) is not expected, text
        assert bool(find_spans(parse(query), text)) is expected, text


@pytest.mark.parametrize(
    ("query", "doc", "expected"),
    [
        ("from:ann", Doc("x", author="Ann"), True),
        ("from:@ann", Doc("x", author="ann"), True),
        ("from:ann", Doc("x", author="@ann"), True),
        ("from:ann", Doc("x", author="ann@social.example"), True),
        ("from:ann@social.example", Doc("x", author="Ann@social.example"), True),
        ("from:ann@social.example", Doc("x", author="ann"), False),
        ("from:ann", Doc("x", author="annette"), False),
        ("from:ann", Doc("from ann"), False),
        ("from:jürgen", Doc("x", author="Jurgen"), True),
        ("from:ann.b-c_d", Doc("x", author="ann.b-c_d"), True),
        ("lang:pt", Doc("x", language="pt"), True),
        ("lang:pt", Doc("x", language="pt-BR"), True),
        ("lang:pt-BR", Doc("x", language="pt_br"), True),
        ("lang:pt-BR", Doc("x", language="pt"), False),
        ("lang:zh-Hant", Doc("x", language="zh-Hant-TW"), True),
        ("lang:fi", Doc("x", language="fil"), False),
        ("lang:en", Doc("x"), False),
        ("network:Mastodon", Doc("x", network="mastodon"), True),
        ("network:x", Doc("x", network="mastodon"), False),
        ("has:link", Doc("see https://tidewheel.example"), True),
        ("has:link", Doc("see WWW.tidewheel.example"), True),
        ("has:link", Doc("see nothing"), False),
        ("has:link", Doc("see nothing", has_link=True), True),
        ("has:link", Doc("see https://tidewheel.example", has_link=False), False),
        ("has:media", Doc("x", has_media=True), True),
        ("has:media", Doc("x"), False),
        ("min_followers:100", Doc("x", followers=100), True),
        ("min_followers:100", Doc("x", followers=99), False),
        ("x -from:ann", Doc("x", author="ann"), False),
        ("x (lang:de OR lang:fr)", Doc("x", language="fr-CH"), True),
        ("-has:media from:ann", Doc("x", author="ann"), True),
    ],
)
def test_field_is_compared_with_the_post(query: str, doc: Doc, expected: bool) -> None:
    assert parse(query).matches(doc) is expected
    assert TopicMatcher({1: query}).match(doc) == [1] * expected


@pytest.mark.parametrize(
    ("query", "matching", "other"),
    [
        ("a b", ["a b", "b x a"], ["a", "b", ""]),
        ("a OR b", ["a", "b", "a b"], ["c", ""]),
        ("a -b OR c", ["a", "c", "a b c"], ["a b", "b"]),
        ("a b OR c d", ["a b", "d c"], ["a c", "b d"]),
        ("a (b OR c)", ["a b", "a c"], ["a", "b c"]),
        ("a -(b OR c)", ["a", "a d"], ["a b", "a c"]),
        ("a -(b c)", ["a b", "a c"], ["a b c"]),
        ('a -"b c"', ["a b", "a c b"], ["a b c"]),
        ("a OR -b", ["a b", "c", ""], ["b"]),
        ("NOT (NOT a OR b)", ["a"], ["a b", "b", ""]),
        ("a NOT b c", ["a c"], ["a b c", "a"]),
    ],
)
def test_operators_combine(query: str, matching: list[str], other: list[str]) -> None:
    for text in matching + other:
        assert parse(query).matches(Doc(text)) is (text in matching), text
        assert TopicMatcher({1: query}).match(Doc(text)) == [1] * (text in matching), text


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "\u202e", "#", "@", "# @ #", "é" * 100_000, "!" * 100_000, "\u0301" * 1_000])
def test_strange_texts_are_matched_without_harm(text: str) -> None:
    matcher = TopicMatcher({1: 'a "b c" d* #e @f C++ 東京 😍', 2: "x OR -y", 3: '"!?"'})
    assert matcher.match(Doc(text)) == [2]
