"""What a customer said of us after their matter was settled."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.shortlink import ShortLink
from listening.models import Conversation
from profiles.models import Agent


class SurveyAnswer(models.Model):
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="survey_answers")
    link = models.OneToOneField(ShortLink, on_delete=models.PROTECT, related_name="survey_answer")
    score = models.PositiveSmallIntegerField()  # 1 very bad to 5 very good
    comment = models.TextField(blank=True)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="survey_answers")  # who had the conversation
    form_key = models.CharField(max_length=64)  # one page that was filled in, however often it is sent
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(score__gte=1, score__lte=5), name="survey_score_1_to_5")]
        indexes = [models.Index(fields=["conversation", "at", "id"], name="survey_of_conversation")]

    def __str__(self) -> str:
        return f"survey answer {self.pk}: {self.score}"
