"""The competition on hidden images: entries read strictly, scored where they can do no harm, and a board of them.

Labels never leave this side. Nothing that an entry claims is believed; a claimed cost is shown as one.
"""
