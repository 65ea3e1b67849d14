"""Marks as other systems read them, through nbgrader's own export."""
