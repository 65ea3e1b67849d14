"""The leaderboard of trained models: mean IoU against what a model costs, as a page and as CSV."""
