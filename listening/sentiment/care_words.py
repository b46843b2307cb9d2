"""What words mean when people write to a company in public, where that differs from what VADER's raters thought of them.

Written by hand from knowledge of customer care; learned from no data set. Weights are on VADER's scale, -4 to 4: about -0.5 is a hint
that decides nothing alone, -1 a complaint if nothing speaks against it, beyond -2 open anger.
"""

from __future__ import annotations

# Politeness and everyday words. VADER counts them as praise; in a complaint or a question they say nothing.
WITHOUT_FEELING = """
    please pls plz help helps helping helped helper like likes care cares cared support supports supporting supported hope hopes hoped
    hoping hopefully want wanted wish sure yes yeah yep yea ok okay kk kind well better free share shared sharing shares join joined
    ready reward rewards rewarding credit credits credited value special interest interests interested important importance
    security secure secured safe safely safety save saves saving savings trust trusted honestly truly sincerely sincere true certain
    certainly clear clearly clears cleared definitely definite agree agreed agrees agreement agreements accept accepts accepted
    accepting approve approved approval allow able ability active actively alert alive top big huge chance chances gift gifts fan fans
    friend friends god hand number energy create created creating matter matters natural original responsible responsibility
    solution solutions solve solved solves resolve resolves guarantee guaranteed assure assured assurance ensure ensuring
    joke jokes joking kidding wow dear party parties play playing played plays game luck opportunity opportunities capable
    commitment commitments committed promise promised promises pretty super admit admits increase increased benefit benefits
    advantage privilege award awards bonus bonuses original feeling fit fresh grant granted legal legally novel
    launched extend extends invite challenge backed strong stronger strength straight worth treat treats treated respect number
    amazon united champion championship holiday holidays freedom liberty fyi haha hahaha ha lmao lmfao rofl lol lolz hilarious
    excuse apology apologize apologise apologized apologised apologies sympathy relief relieved easier anticipation await awaits
    no pay stop leave low cut hard fight block bomb gun fire crazy insane war sick fee fees emergency doubt demand demands demanding
    limited limitation pressure regret regrets blind tired
""".split()

# (what the agent reads about it, {weight: words and phrases})
GROUPS: tuple[tuple[str, dict[float, str]], ...] = (
    (
        "a failure",
        {
            -0.6: "issue, issues, switched, bumped, incomplete, unclear, confusing, confused, unusable at, no way to, malfunction",
            -1.0: "bug, bugs, buggy, lag, lags, lagging, freeze, freezes, freezing, froze, frozen, drops, dropped, breaks, broke, offline, "
            "out of stock, fell through, ran out, timed out, times out, dead end, restarting, rebooting, reinstalled, misplaced, "
            "diverted, rerouted, oversold, understaffed, shut down, no sign, no record, no luck, no idea, inaccurate, outdated, "
            "invalid, rejected, expired, blank, lost, miss, missed, missing, incorrect, incorrectly",
            -1.5: "crash, crashes, crashed, crashing, glitch, glitches, glitchy, error, errors, outage, outages, is down, are down, went down, "
            "been down, keeps going down, down again, down for, broken, faulty, defective, damaged, leaking, leaks, leaked, laggy, "
            "buffering, malfunctioned, malfunctioning, fault, cancelled, canceled, cancellation, cancellations, overbooked, stranded, "
            "kicked off, turned away, stopped working, quit working, not working, isn't working, aren't working, still broken, "
            "doesn't work, don't work, didn't work, won't work, does not work, do not work, never works, never worked, not work, "
            "no signal, no internet, no service, no connection, no power, no heat, no water, no show, wrong item, wrong order, "
            "wrong size, never arrived, never came, never showed, never received, never got, not arrived, hasn't arrived, "
            "didn't arrive, did not arrive, not received, haven't received, have not received, did not receive, didn't receive, "
            "not delivered, failed, failing, fails, fail, failure, failures, screwed, messed, messed up, mess up, screw up, "
            "locked out, can't log in, cannot log in, can't login, won't load, not loading, doesn't load, won't open, won't start, "
            "won't turn on, not charging, won't charge, not responding, unsafe, mishandled, double booked, mixed up, mix up",
        },
    ),
    (
        "waiting",
        {
            -0.4: "delay, minutes, mins, days, weekend, overnight, later, until, after, line, lines",
            -0.7: "hours, hrs, weeks, months, still, too long, so long, any longer, long time, any update, any updates, any news, "
            "how long, how much longer, when will, taking so, rescheduled, reschedule, postponed, backlog, queue, queues, held up, "
            "long line, long lines, long queue, stood",
            -1.2: "late, slow, slower, slowly, wait, waits, waited, overdue, delays, delayed, delaying, forever, long wait, long delay, "
            "long delays, an hour, over an hour, hour wait, hour delay, yet again, took forever, takes forever, taking forever, waited for, "
            "waiting on, waiting for, waiting, stuck, stuck in, behind schedule",
            -1.7: "still waiting, been waiting, keep waiting, kept waiting, keeps waiting, left waiting, waiting since, on hold, on hold for, "
            "sat on hold, left on hold, put on hold, keep getting delayed, hours late, hour late, days late, weeks late, "
            "minutes late, mins late, hrs late, hours delayed, hour delayed, delayed again, late again, cancelled again, canceled again",
        },
    ),
    (
        "not being heard",
        {
            -0.4: "told, called, calls, calling, phoned, emailed, messaged, contacted, spoke, anyone, someone, somebody, complaint form, "
            "manager, supervisor, speak to, talk to, speak with, talk with, customer service, customer care, phone, rep, reps, "
            "escalate, escalated, transferred, voicemail, automated, robot, bot, response",
            -0.8: "trying to, tried to, tried, busy signal, answer the, answer your, pick up, get through, get a hold, get ahold, "
            "get hold of, reach anyone, reach someone, speak to someone, talk to someone, talk to a, speak to a, real person, "
            "a human, multiple times, several times, so many times, complaint, complaints, been told, was told, were told, told me, "
            "told us, you said, they said, unanswered, how do i complain, need an answer, need answers, explanation, cut off, "
            "respond to, reply to, look into, dm'd, back and forth",
            -1.5: "hung up, hang up, hangs up, hanging up, hung up on, disconnected, disconnects, disconnecting, ignored, ignoring, ignore, "
            "ignores, unresponsive, nobody, no one, noone, no body, runaround, run around, the run around, passed around, "
            "no response, no reply, no answer, no answers, no help, no update, no updates, no explanation, no communication, "
            "no info, no information, no call, no email, no apology, no customer, no contact, no way, no record, no reason, no excuse, "
            "no sense, no support, no clue, can't get through, cannot get through, never answer, never answered, never call, "
            "never called, never heard, never respond, never responds, never replied, no longer, not answering, no feedback, "
            "not respond, doesn't answer, don't answer, won't answer, didn't answer, not helpful, unhelpful, not helping, "
            "lack of, zero, clueless, falling on deaf ears, radio silence, silence, voicemail again, lip service, copy paste, copy and paste",
            -2.0: "nobody answers, no one answers, nobody answered, no one answered, nobody cares, no one cares, nobody knows, no one knows, "
            "no one is, nobody is, no one can, nobody can, no one to, nobody to, no one will, no one has, don't care, doesn't care, "
            "don't even, couldn't care less, complain, complained, complaining, complains, thanks for nothing, thank you for nothing, "
            "no thanks to, get your act together, get it together, get your shit together, do better, "
            "be better, deserve better, expect better, expected better, worse than",
        },
    ),
    (
        "money in dispute",
        {
            -0.4: "money, charge, charges, bill, billing, pay for, paid, paying, pay, cost, costs, fee, fees, voucher, compensation, compensate, deposit",
            -0.7: "refund, refunds, refunded, refunding, reimburse, reimbursed, reimbursement, charged, billed, owe, owes, owed, expensive, pricey, "
            "my money, money back, hidden fees, hidden fee, extra charge, dispute, disputed",
            -1.2: "no refund, no refunds, won't refund, refuse to refund, double charged, charged me, charged twice, charged us, still charged, "
            "overpriced, price hike, waste of, wasting, chargeback, price gouging, gouging",
            -2.0: "overcharged, overcharge, overcharging, rip off, ripoff, rip-off, ripped off, ripping off, want my money back, "
            "give me my money, robbed, robbery, steal, stealing, stole, stolen, con artists, daylight robbery, money grab, fraudulent, "
            "extortion, waste of money, waste of time, wasted my, wasted our, wasting my, wasting our",
        },
    ),
    (
        "a complaint",
        {
            -0.4: "again, another, already, instead, yet, anymore, actually, apparently, literally, even, ever, only, why, how come, "
            "your, how is, how are, how can, how could, you guys, y'all, seriously, come on, c'mon, fix, excuse, excuses, same, hey, omg, cancel, "
            "where is, where's, where are, what happened, explain, reason, nothing, used to, second time, stop, last minute, apparently, unless, "
            "anything, otherwise, instead of, due to, problem, problems, switching, trouble, troubles",
            -0.8: "supposed, supposed to, should have, should be, shouldn't, shouldn't be, unable, unable to, impossible, fix this, fix it, fix your, fixed, "
            "sort this, sort it out, sort it, every time, each time, once again, what's going on, what is going on, how hard, "
            "how many times, why can't, why won't, why is, why are, why do, why does, why did, why is it, why isn't, wth, smh, tf, too bad, too late, too many, "
            "inconvenience, inconvenient, inconvenienced, unreliable, unorganized, disorganized, unorganised, disorganised, disappoints, "
            "can't even, can't believe, cannot believe, i can't, at least, really?, so much for, how about you, make it right, speechless, "
            "sick of, tired of, had enough, good luck, any day, third time, fourth time, fifth time, last time, never again, first and last, "
            "switch to, switching to, going elsewhere, go elsewhere, no wonder, wonder why, refuse, refuses, refused, refusing, denied, deny, useless",
            -1.6: "unacceptable, ridiculous, unreal, unbelievable, absurd, outrageous, shocking, embarrassing, embarrassment, shambles, mess, a joke, "
            "such a joke, what a joke, big joke, total joke, complete joke, joke of, sort yourselves out, let down, let me down, let us down, letting me down, "
            "lied, lie, lies, lying, liars, misled, misleading, mislead, false advertising, deceptive, dishonest, shady, sketchy, "
            "unprofessional, uncomfortable, dirty, filthy, gross, rude, attitude, careless, sloppy, shoddy, subpar, lousy, ruined, ruining, ruin, ruins, wtf, wth, ffs, fml, "
            "ugh, argh, grr, not happy, not impressed, not good, not cool, not ok, not okay, not acceptable, not fair, so bad, "
            "thanks for ruining, thanks for the delay, thanks for losing, thanks for wasting, thanks for making, thanks for not, thanks for cancelling, "
            "thanks for canceling, thanks for leaving, thanks to your, thanks alot, nice try, way to go, way to ruin, bad service, "
            "poor service, slow service, poor, avoid, stay away, don't bother, beware, buyer beware, boycott, boycotting, switching, "
            "leaving you, losing a customer, lost a customer, lost my business, lose a customer, losing my business, taking my business, take my business, "
            "cancel my account, cancelling my, canceling my, close my account, closing my account, garbage, trash, rubbish, crap, crappy, crappiest, idiots, idiotic, "
            "stupidity, dumb, moron, morons, incompetence, incompetent, negligence, negligent, mistreated, discriminated, discrimination, unethical, dissatisfied, unsatisfied, "
            "fuming, livid, irate, pissed, pissed off, furious, infuriating, infuriated, frustrating, frustrated, frustration, annoying, annoyed, "
            "unhappy, upset, upsetting, angry, disgraceful, shameful, appalling, appalled, unimpressed, inexcusable, unforgivable, "
            "bullshit, bs, nonsense, nightmare, fiasco, debacle, clusterfuck, catastrophe, failing miserably, laughable, laughing stock, last straw, stressful, stressed, stranding",
            -2.7: "worst, the worst, worst ever, atrocious, abysmal, horrendous, horrific, horrid, horrible, terrible, awful, dreadful, disgusting, disgusted, pathetic, "
            "disgrace, hate, hated, despise, sucks, suck, sucked, sux, scam, scammed, scammers, scammer, fraud, crooks, thieves, criminals, never fly, never flying, "
            "never use, never using, never buy, never buying, never order, never ordering, never shop, never shopping, never book, never booking, never coming back, never stay, "
            "never fly with, never going back, never ever, never will i, will never, i'll never, fuck you, fuck off, screw you, shit, shitty, bloody joke, epic fail, epicfail",
        },
    ),
    (
        "praise",
        {
            0.3: "early, quick, quickly, fast, faster, lol, polite, resolved, upgraded, upgrade, sorted, cheaper, welcome",
            1.2: "wonderful, on time, on-time, ahead of schedule, smooth, smoothly, prompt, promptly, professional, attentive, responsive, quick response, quick reply, fast response, fast reply, "
            "quick to, comfy, looking forward, so excited, excited, no problem, no problems, no worries, no issues, no hassle, no complaints, no delays, can't complain, all good, all set, all sorted, problem solved, "
            "issue resolved, works great, works perfectly, sorted out, fixed it, got it sorted, works now, working now, working again, feel better, much better, welcomed, worth it, well worth, "
            "good job, nice job, nice work, good work, good stuff, good service, nice touch, good on you, good to know, good news, made it, yum, yummy, cool, keep up, can't wait, cannot wait, cant wait",
            2.0: "thank, thanks, thank you, thankyou, thx, thanx, thnx, thnks, tnx, tks, ty, tysm, thank u, thanku, thank ya, many thanks, props, props to, shout out, shoutout, shout-out, cheers, appreciate, appreciates, "
            "appreciated, appreciative, appreciation, grateful, thankful, gratitude, great job, great work, great service, well done, well played, nicely done, keep it up, keep up the, you rock, you guys rock, rocks, rockstar, rock star, rock stars, "
            "hats off, five star, five stars, 5 star, 5 stars, top notch, top-notch, first rate, world class, seamless, flawless, flawlessly, stellar, superb, amazeballs, "
            "so helpful, very helpful, super helpful, helpful, friendly, pleasantly surprised, pleasant, delightful, delicious, recommend, highly recommend, courteous, "
            "lifesaver, life saver, saved the day, saved my day, no complaints, hooray, woohoo, woot, yay, yes!, bravo, impressed, glad, happy, pleased, satisfied",
            2.8: "above and beyond, made my day, made my week, made my night, make my day, best ever, the best, you're the best, you are the best, you guys are the best, best service, best customer service, best customer, the greatest, "
            "amazing, awesome, fantastic, excellent, outstanding, phenomenal, exceptional, incredible, fabulous, love, loved, loves, loving, love you, love it, love this, blown away, kudos, thank you so much, thanks so much, thank you very much, "
            "huge thanks, big thanks, huge thank you, big thank you, a million thanks, can't thank you enough, cannot thank you enough, much appreciated, greatly appreciated, never disappoints, never disappoint, rocked, saved me",
        },
    ),
    (
        "says nothing by itself",
        {
            0.0: "thanks in advance, thank you in advance, thx in advance, be appreciated, would be great, would be nice, would be helpful, would be awesome, be great if, be nice if, be awesome if, would love, i'd love, we'd love, "
            "love to know, love to see, love to hear, love for you, love how, love when, love the way, love that, love being, great way to, happy to, glad to, i'd like, like to, would like, feel free, as well, best way, best time, best price, best regards, best number, best place, best bet, "
            "best buy, best option, kind regards, good morning, good afternoon, good evening, good day, good night, good idea, quick question, great question, good question, good luck with, happy birthday, no need, no rush, no longer need, "
            "any help, some help, need help, please help, help me, can you help, rather than, not sure, no thanks, nice to, super bowl, pretty much, pretty sure, at best, great if, nice if, good thing, good reason, make sure, lost and found, lost & found, last night, last week, last year, "
            "bad weather, rock and roll, day after tomorrow, right after, after all, even though, even if, if only, not only, only one, how are you, how is your, wait to, phone number, pay attention, charge my, charge your, charging station, fast charge, on the line, in line with, "
            "never mind, no matter, not bad, hold on, black friday, stop by, cut the, at the same time, same time, same day, late night, late show, until then, the other day, these days, my days, game days, days of",
        },
    ),
)

# Spelled-out numbers that make a duration of the word after them. Figures do so too.
NUMBERS = "two three four five six seven eight nine ten twelve fifteen twenty thirty forty sixty ninety several few couple many multiple".split()
DURATIONS: dict[str, float] = {
    **dict.fromkeys("min mins minute minutes".split(), -0.6),
    **dict.fromkeys("hr hrs hour hours".split(), -1.0),
    **dict.fromkeys("day days week weeks wk wks month months".split(), -0.7),
}

THANKS = """
    thank thanks thankyou thx thanx thnx thnks tnx tks ty tysm thanku cheers appreciate appreciated
""".split()
# Words that make a post a request, so that its thanks are a way to close it.
REQUESTS = "please pls plz plse help advise assist can could would need wondering possible how when where does is do any dm".split()

BOOSTERS = {"pretty": 0.293, "super": 0.293, "extra": 0.293, "absolute": 0.293, "complete": 0.293, "completely": 0.293, "such": 0.293, "way": 0.0, "damn": 0.293}

EMOJI: dict[float, str] = {
    -3.0: "🤬🖕",
    -2.5: "😡🤮👿💩",
    -2.0: "😠👎💔🤢😤🤡🗑",
    -1.6: "🙄😒😞😩😫😢🤦☹🙁😖😣😟😾😿💢",
    -1.0: "😭😕😔😑🙃😓😥😰😨😱😵❌⛔🚫⏳⌛⚠🤨🥺😮🐌",
    -0.4: "😐🤷😳😬🤔😶🥱😴🤯💀⏰😪🆘",
    0.0: "🔥👀🙏💁🙋✋🖐👋🤚✍🤙🤝💪🎁🎩🎲🚒💳🔈🛑📵🧯📏🔝🆒🆓🆗🏅🥇🍀💥💣💤🕹✔☑✅🙍👻🙅🙆🙎💫",
    0.6: "😂🤣😅😆😉🙂😜😝😛🤪✨🤠😏😌😇✌",
    1.8: "👍👌👏🙌😀😃😄😁😊☺😎🤗😋💯⭐🌟🏆😺😸🫶🤘💋😚😙😗🫡",
    2.5: "❤♥💕💖💗💓💞💘💝💙💚💛💜🧡🖤🤍🤎😍🥰😘🤩🥳🎉🎊😻❣💟",
}
