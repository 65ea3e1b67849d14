"""Public cases and neutral doubles, one package per assignment."""
