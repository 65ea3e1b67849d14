"""The trained model that is handed in beside the notebooks, and what is read of it before it is evaluated.

`save_results` writes `model.safetensors` and `settings.json`; `check_results` tries both as the grader will, with the
student's own code on some of the student's own images. Nothing else of a training is handed in, and nothing that is
claimed about it is believed.
"""
