"""What is asked of X beside a post's text, in the names that its API has now and in those that it had before."""

from __future__ import annotations

_USER = "connection_status,description,name,protected,public_metrics,receives_your_dm,username"
_MEDIA = "alt_text,media_key,preview_image_url,type,url,variants"
_BESIDE = {"user.fields": _USER, "media.fields": _MEDIA, "poll.fields": "options"}
_POST = "attachments,conversation_id,created_at,display_text_range,edit_controls,entities,id,lang,text,withheld"

POSTS = {
    "post.fields": f"{_POST},note_post",
    "expansions": "attachments.media_keys,attachments.poll_ids,author_id,edit_history_post_ids,referenced_posts",
    **_BESIDE,
}
TWEETS = {
    "tweet.fields": f"{_POST},author_id,edit_history_tweet_ids,note_tweet,referenced_tweets",
    "expansions": "attachments.media_keys,attachments.poll_ids,author_id,referenced_tweets.id,referenced_tweets.id.author_id",
    **_BESIDE,
}
# The stream is asked as the app, whom nobody follows and who takes no messages.
STREAM = {**TWEETS, "user.fields": "description,name,protected,public_metrics,username"}
MESSAGES = {
    "dm_event.fields": "created_at,dm_conversation_id,entities,event_type,id,text",
    "expansions": "participant_ids,sender_id",
    "user.fields": _USER,
}
USER = {"user.fields": f"{_USER},subscription_type"}
