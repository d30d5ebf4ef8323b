"""The options that guard an operation, and those that start it."""

from __future__ import annotations

from batch_ops.spec import forms
from batch_ops.spec.option import Option, Place

_O = Place.OPERATION

OPTIONS = (
    Option(
        "preconditions",
        (_O,),
        forms.CHECKS,
        "What must hold before the first row is written; judged once per execution.",
        "preconditions: [\"COUNT(*) FILTER (WHERE status = 'paid') > 0\"]",
        otherwise="none",
    ),
    Option(
        "postconditions",
        (_O,),
        forms.CHECKS,
        "What must hold after the last step; where one does not, what was written stays and the"
        " execution says so.",
        'postconditions: [{row: "amount >= 0", name: no_debt}]',
        otherwise="none",
    ),
    Option(
        "requires_confirmation",
        (_O,),
        forms.BOOLEAN,
        "A person must say yes: at the terminal, by --yes, or `confirm: true` in launchpad,"
        " schedule or sensor.",
        "requires_confirmation: true",
        default=False,
    ),
    Option(
        "once",
        (_O,),
        forms.BOOLEAN,
        "What was completed with the same parameters is refused unless it is run --again.",
        "once: true",
        default=False,
    ),
    Option(
        "schedule",
        (_O,),
        forms.SCHEDULE,
        "When it starts by itself: a cron text, with `timezone` and `confirm` where they are"
        " needed.",
        'schedule: {cron: "0 3 * * *", timezone: Europe/Berlin}',
        otherwise="by hand",
    ),
    Option(
        "sensor",
        (_O,),
        forms.SENSOR,
        "Start it for each new file in a folder, once the file stands still.",
        'sensor: {folder: incoming, pattern: "*.csv"}',
        otherwise="none",
    ),
)
