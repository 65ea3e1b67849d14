"""Who works with whom: `groups.csv`, who the members were when graded, and what does not fit together."""
