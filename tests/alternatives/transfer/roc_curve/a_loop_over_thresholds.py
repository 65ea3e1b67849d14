"""A loop over all thresholds and Python numbers: slow, obviously right."""


def roc_curve(scores, target, label, ignore_index=255):
    pixels = [
        (score, truth == label)
        for score, truth in zip(scores[:, label].flatten().tolist(), target.flatten().tolist(), strict=True)
        if truth != ignore_index
    ]
    positives = sum(is_class for _, is_class in pixels)
    negatives = len(pixels) - positives
    nan = float("nan")
    fpr, tpr = [0.0 if negatives else nan], [0.0 if positives else nan]
    for threshold in sorted({score for score, _ in pixels}, reverse=True):
        let_in = [is_class for score, is_class in pixels if score >= threshold]
        tpr.append(sum(let_in) / positives if positives else nan)
        fpr.append((len(let_in) - sum(let_in)) / negatives if negatives else nan)
    area = sum((fpr[i] - fpr[i - 1]) * (tpr[i] + tpr[i - 1]) / 2 for i in range(1, len(fpr)))
    return fpr, tpr, area
