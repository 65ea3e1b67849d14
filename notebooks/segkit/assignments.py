"""Which notebooks belong to which assignment: what is expected when one is handed in."""

NOTEBOOKS = {
    "intro": ("01_warmup",),
    "segformer": ("01_data", "02_modules", "03_model", "04_results", "05_discussion"),
    "transfer": ("01_data_and_metric", "02_fcn", "03_segformer", "04_transfer", "05_report"),
    "competition": ("01_streets", "02_training", "03_ladder", "04_competition"),
}
