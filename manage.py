#!/usr/bin/env python
"""Django's command line for Social Desk."""

import os
import sys

from django.core.management import execute_from_command_line

from socialdesk.env import BadSetting

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socialdesk.settings")
    try:
        execute_from_command_line(sys.argv)
    except BadSetting as error:
        sys.exit(str(error))
