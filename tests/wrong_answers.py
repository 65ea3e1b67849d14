"""Wrong answers, and the hidden tests that find each of them: those that the mistake concerns and no others.

`fails` names hidden tests, separated by spaces, without `test_`; `all` are all of the task, `all but` all except those
that follow. `perhaps` names tests that find it or not, by a hair. `public=False` marks what public checks let pass.
"""

from dataclasses import dataclass
from functools import partial

from answers import Change, Code, Edit, hidden_tests


@dataclass(frozen=True)
class Wrong:
    """A wrong answer: what is wrong, how the reference becomes it, and what finds it."""

    task: str
    what: str
    changes: tuple[Change, ...]
    fails: str
    perhaps: str = ""
    public: bool = True

    def failing(self) -> set[str]:
        """The names of the tests that must fail."""
        every = set(hidden_tests(self.task))
        if self.fails == "all":
            return every
        names = set(self.fails.removeprefix("all but ").split())
        if names - every:
            raise LookupError(f"{self.task} has no hidden tests {names - every}.")
        return every - names if self.fails.startswith("all but ") else names


def edit(task: str, cell: str, what: str, *texts: str, **more) -> Wrong:
    """The reference with `cell` edited: old text, new text, perhaps another old and new text, and so on."""
    changes = tuple(Edit(cell, old, new) for old, new in zip(texts[::2], texts[1::2], strict=True))
    return Wrong(task, what, changes, **more)


def code(task: str, notebook: str, what: str, text: str, **more) -> Wrong:
    """The reference with a whole definition replaced."""
    return Wrong(task, what, (Code(notebook, text),), **more)


# ------------------------------------------------------------------------------------------------------------ 01_data

labels = partial(edit, "label_mapping", "map_labels")
LABELS = [
    labels(
        "boats (77) forgotten",
        "table[list(listed)]",
        "table[[number for number in listed if number != 77]]",
        fails="vehicles",
    ),
    labels("labels 1..4 instead of 0..3", "return table[", "return 1 + table[", fails="all"),
    labels("ids taken for 0-based", "table[list(listed)]", "table[[number - 1 for number in listed]]", fails="all"),
    labels("unlabelled becomes 255", "    return", "    table[0] = 255\n    return", fails="background"),
    labels("bus and minibike made vehicles", "    return", "    table[[81, 117]] = 3\n    return", fails="background"),
    labels("labels are uint8", "dtype=torch.int64", "dtype=torch.uint8", fails="manners"),
    labels("a uint8 index, taken for a mask", "annotation.long()", "annotation", fails="all"),
    labels(
        "two axes are taken for granted",
        "    return table[annotation.long()]",
        "    H, W = annotation.shape\n    return table[annotation.long()].view(H, W)",
        fails="any_shape",
    ),
    code(
        "label_mapping",
        "01_data",
        "the annotation is changed in place",
        """
def map_labels(annotation):
    labels = annotation.long()
    for label, listed in ADE20K_CLASSES.items():
        for number in listed:
            labels[annotation == number] = label
    labels[~torch.isin(annotation, torch.tensor(sum(ADE20K_CLASSES.values(), ())))] = 0
    annotation.copy_(labels)
    return labels
""",
        fails="manners",
    ),
    code(
        "label_mapping",
        "01_data",
        "everything is background",
        "def map_labels(annotation):\n    return torch.zeros(annotation.shape, dtype=torch.int64)",
        fails="all",
    ),
]

joint = partial(edit, "joint_transform", "joint_transform")
FLIP = "image, mask = v2.RandomHorizontalFlip(flip_probability)(image, mask)"
SHRINK_MASK = "v2.functional.resize(mask, target_size, v2.InterpolationMode.NEAREST)"
TRANSFORM = [
    joint(
        "a coin for the image and another one for the mask",
        FLIP,
        "flip = v2.RandomHorizontalFlip(flip_probability)\n    image, mask = flip(image), flip(mask)",
        fails="one_coin",
    ),
    joint(
        "only the image is flipped",
        FLIP,
        "image = v2.RandomHorizontalFlip(flip_probability)(image)",
        fails="always_flipped one_coin",
    ),
    joint("nothing is flipped", f"    {FLIP}\n", "", fails="always_flipped one_coin"),
    joint(
        "the probability is ignored",
        "Flip(flip_probability)",
        "Flip(0.5)",
        fails="always_flipped never_flipped one_coin",
    ),
    joint("flipped upside down", "RandomHorizontalFlip", "RandomVerticalFlip", fails="always_flipped one_coin"),
    joint("nearest as Pillow does it", "Mode.NEAREST", "Mode.NEAREST_EXACT", fails="nearest"),
    joint(
        "labels averaged",
        SHRINK_MASK,
        "v2.functional.resize(mask[None].float(), target_size)[0].round()",
        fails="regions nearest",
    ),
    joint(
        "labels averaged, without antialiasing",
        SHRINK_MASK,
        "torch.nn.functional.interpolate(mask[None, None].float(), target_size, mode='bilinear')[0, 0].round()",
        fails="nearest",
    ),
    joint(
        "the mask is shrunk twice",
        "    target =",
        "    mask = v2.functional.resize(mask, image_size, v2.InterpolationMode.NEAREST)\n    target =",
        fails="nearest",
    ),
    joint("ignored becomes background", "    target =", "    mask[mask == 255] = 0\n    target =", fails="regions"),
    joint(
        "not normalised",
        "    image = v2.functional.normalize(image, IMAGENET_MEAN, IMAGENET_STD)\n",
        "",
        fails="normalisation",
    ),
    joint("standard deviations of blue for red", "IMAGENET_STD)", "IMAGENET_STD[::-1])", fails="normalisation"),
    joint("normalised before scaling to 0..1", "scale=True", "scale=False", fails="normalisation"),
    joint("the image is resized to nearest", "Mode.BILINEAR", "Mode.NEAREST", fails="image default_sizes"),
    joint(
        "the image is cropped to its size",
        "v2.functional.resize(image, image_size, v2.InterpolationMode.BILINEAR, antialias=True)",
        "v2.functional.center_crop(v2.functional.resize(image, max(image_size)), image_size)",
        fails="image default_sizes",
    ),
    joint("height and width exchanged", "(image, image_size,", "(image, image_size[::-1],", fails="image"),
    joint("the target stays uint8", ".to(torch.int64)", "", fails="manners"),
]

shares = partial(edit, "class_balance", "class_shares")
SHARES = [
    shares(
        "ignored pixels stay below the line",
        "pixels / pixels.sum()",
        "pixels / everything",
        "    for target",
        "    everything = 0\n    for target",
        "        pixels +=",
        "        everything += target.numel()\n        pixels +=",
        fails="ignored manners",
    ),
    shares(
        "ignored pixels counted as the last class",
        "target[target != IGNORE].long()",
        "target.long().clamp(max=num_classes - 1).flatten()",
        fails="ignored manners",
    ),
    code(
        "class_balance",
        "01_data",
        "shares averaged over targets",
        """
def class_shares(targets, num_classes=4):
    counts = [torch.bincount(t[t != 255].long(), minlength=num_classes) for t in targets]
    return torch.stack([count / count.sum() for count in counts]).mean(dim=0)
""",
        fails="several_sizes",
    ),
    shares("as many classes as are seen", ", minlength=num_classes", "", fails="other_classes"),
    shares(
        "four classes, whatever is asked", "    pixels =", "    num_classes = 4\n    pixels =", fails="other_classes"
    ),
    shares(
        "walks through the targets by index",
        "    for target in targets:",
        "    for target in (targets[i] for i in range(len(targets))):",
        fails="generator",
    ),
    shares("counts, not shares", "pixels / pixels.sum()", "pixels", fails="all"),
    shares(
        "the targets are changed in place",
        "target[target != IGNORE].long()",
        "target[target != IGNORE].long()\n        target.clamp_(max=num_classes)",
        fails="manners",
        public=False,
    ),
]

# --------------------------------------------------------------------------------------------------------- 02_modules

merging = partial(edit, "patch_merging", "OverlapPatchMerging")
MERGING = [
    merging("no normalisation", "self.norm(self.projection(x))", "self.projection(x)", fails="all"),
    merging(
        "normalised over channels, rows and columns",
        "self.norm(self.projection(x))",
        "F.group_norm(self.projection(x), 1, self.norm.weight, self.norm.bias)",
        fails="all",
    ),
    merging(
        "patches do not overlap",
        "patch_size, stride, padding)\n        self",
        "patch_size, patch_size)\n        self",
        fails="all but no_overlap",
    ),
    merging(
        "no padding",
        "patch_size, stride, padding)\n        self",
        "patch_size, stride)\n        self",
        fails="all but no_overlap",
    ),
    merging("no bias", "stride, padding)\n        self", "stride, padding, bias=False)\n        self", fails="all"),
    merging("BatchNorm", "LayerNorm2d(out_channels)", "nn.BatchNorm2d(out_channels)", fails="all"),
    merging(
        "a reshape where a transpose belongs",
        "        return self.norm(self.projection(x))",
        "        merged = self.projection(x)\n        B, C, H, W = merged.shape\n"
        "        return self.norm(merged.reshape(B, H, W, C).permute(0, 3, 1, 2))",
        fails="all",
    ),
    merging(
        "a layer that is never used",
        "self.norm =",
        "self.position = nn.Linear(out_channels, out_channels)\n        self.norm =",
        fails="weights",
        public=False,
    ),
    merging(
        "the input is overwritten",
        "        return self.norm(self.projection(x))",
        "        merged = self.norm(self.projection(x))\n        x.data.zero_()\n        return merged",
        fails="manners",
        public=False,
    ),
    merging(
        "float64, whatever comes in",
        "self.norm(self.projection(x))",
        "self.norm(self.projection(x)).double()",
        fails="float32",
        public=False,
    ),
]

attention = partial(edit, "attention", "EfficientSelfAttention")
ATTENTION = [
    attention("one head, whatever is asked", "= num_heads", "= num_heads = 1", fails="all but one_head reduction"),
    attention(
        "scaled by all channels",
        "math.sqrt(channels // num_heads)",
        "math.sqrt(channels)",
        fails="all but one_head reduction",
    ),
    attention("not scaled", "1 / math.sqrt(channels // num_heads)", "1", fails="all"),
    attention("softmax over the queries", "self.scale, dim=-1)", "self.scale, dim=-2)", fails="all"),
    attention(
        "keys and values pooled",
        "nn.Conv2d(channels, channels, kernel_size=reduction_ratio, stride=reduction_ratio)",
        "nn.AvgPool2d(reduction_ratio)",
        fails="all but one_head heads",
    ),
    attention(
        "no norm after the reduction",
        "nn.Sequential(shrink, LayerNorm2d(channels))",
        "shrink",
        fails="all but one_head heads",
    ),
    attention("no reduction", "if reduction_ratio > 1:", "if False:", fails="all but one_head heads"),
    attention("reduction and norm for ratio 1 as well", "if reduction_ratio > 1:", "if True:", fails="one_head heads"),
    attention(
        "height and width exchanged on the way back",
        "unflatten(-1, (H, W))",
        "unflatten(-1, (W, H)).transpose(2, 3)",
        fails="all",
    ),
    attention(
        "the root of N for both sides", "unflatten(-1, (H, W))", "unflatten(-1, (math.isqrt(H * W),) * 2)", fails="all"
    ),
    attention(
        "heads split by one reshape",
        "sequence.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)",
        "sequence.reshape(len(sequence), self.num_heads, sequence.shape[1], -1)",
        fails="all but one_head reduction",
    ),
    attention(
        "heads merged by one reshape",
        "(weights @ V).transpose(1, 2).flatten(2)",
        "(weights @ V).reshape(len(x), H * W, -1)",
        fails="all but one_head reduction",
    ),
    attention("no output projection", "self.output(merged)", "merged", fails="all"),
    attention("dropout in evaluation", "(weights @ V)", "(F.dropout(weights, 0.1) @ V)", fails="all"),
    attention("a residual inside", "return self.output(", "return x + self.output(", fails="all"),
    attention(
        "keys serve as values",
        "split_heads(self.value(reduced))",
        "split_heads(self.key(reduced))",
        fails="weights",
        public=False,
    ),
]

ffn = partial(edit, "mix_ffn", "MixFFN")
FFN = [
    ffn("not depthwise", ", groups=hidden", "", fails="all"),
    ffn("no convolution", "self.depthwise(self.expand(x))", "self.expand(x)", fails="all"),
    ffn(
        "GELU before the convolution",
        "F.gelu(self.depthwise(self.expand(x)))",
        "self.depthwise(F.gelu(self.expand(x)))",
        fails="all",
    ),
    ffn("a residual inside", "return self.contract(", "return x + self.contract(", fails="all"),
    ffn("ReLU", "F.gelu(", "F.relu(", fails="all"),
    ffn(
        "the tanh formula",
        "self.expand(x)))",
        "self.expand(x)), approximate='tanh')",
        fails="all but float32",
        perhaps="float32",
    ),
    ffn(
        "height and width exchanged",
        "self.depthwise(self.expand(x))",
        "self.depthwise(self.expand(x).transpose(2, 3)).transpose(2, 3)",
        fails="all",
    ),
    ffn("the border repeated, not zero", "padding=1,", "padding=1, padding_mode='replicate',", fails="all"),
    ffn(
        "expands by 4, whatever is asked",
        "channels * expansion_factor",
        "channels * 4",
        fails="other_expansion single_row manners float32",
    ),
]

stage = partial(edit, "encoder_layer", "MixTransformerEncoderLayer")
STAGE = [
    stage("no norm before attention", "self.attention(self.norm1(x))", "self.attention(x)", fails="all"),
    stage(
        "norms after the sums",
        "x = x + self.drop_path(self.attention(self.norm1(x)))",
        "x = self.norm1(x + self.drop_path(self.attention(x)))",
        "x = x + self.drop_path(self.ffn(self.norm2(x)))",
        "x = self.norm2(x + self.drop_path(self.ffn(x)))",
        fails="all",
    ),
    stage(
        "no residual around attention",
        "x + self.drop_path(self.attention",
        "self.drop_path(self.attention",
        fails="all",
    ),
    stage("no residual around Mix-FFN", "x + self.drop_path(self.ffn", "self.drop_path(self.ffn", fails="all"),
    stage(
        "no final norm",
        "self.norm(self.blocks(self.patch_merging(x)))",
        "self.blocks(self.patch_merging(x))",
        fails="all",
    ),
    stage(
        "one block's weights for all layers",
        """*(
                TransformerBlock(out_channels, reduction_ratio, num_heads, expansion_factor, drop_path)
                for _ in range(n_layers)
            )""",
        "*[TransformerBlock(out_channels, reduction_ratio, num_heads, expansion_factor, drop_path)] * n_layers",
        fails="weights",
    ),
    stage("one norm for both branches", "self.norm2(x)", "self.norm1(x)", fails="weights"),
    stage(
        "two layers, whatever is asked", "range(n_layers)", "range(2)", fails="one_layer several_layers weights float32"
    ),
    stage(
        "one head, whatever is asked",
        "reduction_ratio, num_heads)\n        self.norm2",
        "reduction_ratio, 1)\n        self.norm2",
        fails="all",
    ),
    stage(
        "Mix-FFN before attention",
        "x = x + self.drop_path(self.attention(self.norm1(x)))",
        "x = x + self.drop_path(self.ffn(self.norm1(x)))",
        "x = x + self.drop_path(self.ffn(self.norm2(x)))",
        "x = x + self.drop_path(self.attention(self.norm2(x)))",
        fails="all",
        perhaps="float32",
    ),
]

decoder = partial(edit, "decoder", "MLPDecoder")
DECODER = [
    decoder("nearest", 'mode="bilinear", align_corners=False', 'mode="nearest"', fails="all"),
    decoder("corners aligned", "align_corners=False", "align_corners=True", fails="all"),
    decoder("no BatchNorm", "self.norm(fused)", "fused", fails="all"),
    decoder("LayerNorm", "nn.BatchNorm2d(embed_channels)", "LayerNorm2d(embed_channels)", fails="all"),
    decoder("no ReLU", "F.relu(self.norm(fused))", "self.norm(fused)", fails="all"),
    decoder(
        "levels summed",
        "nn.Conv2d(len(in_channels) * embed_channels,",
        "nn.Conv2d(embed_channels,",
        "torch.cat(upsampled[::-1], dim=1)",
        "sum(upsampled)",
        fails="all",
    ),
    decoder("out_dims ignored", "self.out_dims or features", "features", fails="given_size"),
    decoder("64 x 64 if no size is given", "features[0].shape[2:]", "(64, 64)", fails="all but given_size"),
    decoder(
        "upsampled by 1, 2, 4 and 8",
        'F.interpolate(level, size, mode="bilinear", align_corners=False) for level in projected',
        'F.interpolate(level, scale_factor=2**i, mode="bilinear") for i, level in enumerate(projected)',
        fails="any_size given_size",
    ),
    decoder("softmax at the end", "self.norm(fused)))", "self.norm(fused))).softmax(dim=1)", fails="all"),
]

# ----------------------------------------------------------------------------------------------------------- 03_model

network = partial(edit, "segformer", "SegFormer")
NETWORK = [
    network("patches of the first stage in all stages", "3, 2, 1)\n", "7, 4, 3)\n", fails="all"),
    network("patches of the later stages in all stages", "(3, 7, 4, 3)", "(3, 3, 2, 1)", fails="all"),
    network("features in the wrong order", "features.append(images)", "features.insert(0, images)", fails="all"),
    network("reduction ratios in the wrong order", "reduction_ratios[i]", "reduction_ratios[-1 - i]", fails="all"),
    network("two layers per stage, whatever is asked", "n_layers[i]", "2", fails="other_settings"),
    network("ratios of B0, whatever is asked", "reduction_ratios[i]", "(8, 4, 2, 1)[i]", fails="other_settings"),
    network("out_dims not passed on", "embed_channels, out_dims,", "embed_channels, None,", fails="given_size"),
    network("64 x 64 logits, whatever comes in", "embed_channels, out_dims,", "embed_channels, (64, 64),", fails="all"),
    network("softmax at the end", "self.decoder(features)", "self.decoder(features).softmax(dim=1)", fails="all"),
    network(
        "logits at the image's size",
        "self.decoder(features)",
        "F.interpolate(self.decoder(features), scale_factor=4.0, mode='bilinear')",
        fails="all",
    ),
    network("stages in a plain list", "nn.ModuleList()", "[]", fails="all"),
    network(
        "a layer that is never used",
        "        self.decoder =",
        "        self.head = nn.Conv2d(channels[0], num_classes, 1)\n        self.decoder =",
        fails="weights",
    ),
]

confusion = partial(edit, "mean_iou", "confusion_matrix")
mean = partial(edit, "mean_iou", "mean_iou")
evaluate = partial(edit, "mean_iou", "evaluate")
UNION = "confusion.sum(dim=0) + confusion.sum(dim=1) - intersection"
ONE_MEAN = "mean absent_class one_sided_class"
EVALUATE = "one_batch several_batches evaluate_other_classes evaluation_mode model_restored"
MEAN_IOU = [
    confusion(
        "rows and columns exchanged",
        "target[labelled] * num_classes + prediction[labelled]",
        "prediction[labelled] * num_classes + target[labelled]",
        fails="rows_and_columns",
    ),
    confusion(
        "ignored pixels counted as right",
        "    labelled = target != ignore_index",
        "    target = torch.where(target == ignore_index, prediction, target)\n    labelled = target >= 0",
        fails="ignored other_ignore_index manners",
    ),
    confusion(
        "ignored pixels counted as background",
        "    labelled = target != ignore_index",
        "    target = torch.where(target == ignore_index, 0, target)\n    labelled = target >= 0",
        fails="ignored other_ignore_index manners",
    ),
    confusion("255 ignored, whatever is asked", "!= ignore_index", "!= 255", fails="other_ignore_index", public=False),
    confusion("as many pairs as are seen", ", minlength=num_classes**2", "", fails="other_classes"),
    confusion(
        "shares, not counts",
        "(num_classes, num_classes)",
        "(num_classes, num_classes) / len(pairs)",
        fails="rows_and_columns ignored other_classes other_ignore_index manners",
    ),
    confusion(
        "counts are floats",
        "(num_classes, num_classes)",
        "(num_classes, num_classes).float()",
        fails="manners",
    ),
    mean("twice the intersection in the union", UNION, "confusion.sum(dim=0) + confusion.sum(dim=1)", fails=ONE_MEAN),
    mean(
        "Dice",
        "(intersection[occurs] / union[occurs])",
        "(2 * intersection / (union + intersection))[occurs]",
        fails=ONE_MEAN,
    ),
    mean("recall", UNION, "confusion.sum(dim=1)", fails=ONE_MEAN),
    mean("precision", UNION, "confusion.sum(dim=0)", fails=ONE_MEAN),
    mean(
        "share of right pixels",
        "(intersection[occurs] / union[occurs]).mean()",
        "intersection.sum() / confusion.sum()",
        fails=ONE_MEAN,
    ),
    mean(
        "ratio of sums",
        "(intersection[occurs] / union[occurs]).mean()",
        "intersection.sum() / union.sum()",
        fails=ONE_MEAN,
    ),
    mean(
        "absent classes counted as 0",
        "(intersection[occurs] / union[occurs])",
        "(intersection / union.clamp(min=1))",
        fails="absent_class nothing",
    ),
    mean(
        "absent classes counted as 1",
        "(intersection[occurs] / union[occurs])",
        "(intersection / union).nan_to_num(1.0)",
        fails="absent_class nothing",
    ),
    mean(
        "absent classes make it NaN",
        "(intersection[occurs] / union[occurs])",
        "(intersection / union)",
        fails="absent_class",
    ),
    mean("classes without a hit left out", "union > 0", "intersection > 0", fails="one_sided_class"),
    mean(
        "classes that are never true left out",
        "union > 0",
        "confusion.sum(dim=1) > 0",
        fails="one_sided_class",
    ),
    mean(
        "0 if nothing occurs",
        "union[occurs]).mean()",
        "union[occurs]).sum() / occurs.sum().clamp(min=1)",
        fails="nothing",
        public=False,
    ),
    evaluate("no eval()", "    model.eval()\n", "", fails="evaluation_mode"),
    evaluate("left in evaluation mode", "    model.train(was_training)\n", "", fails="model_restored"),
    evaluate("left in training mode", "model.train(was_training)", "model.train()", fails="model_restored"),
    evaluate("with gradients", "with torch.no_grad():", "with torch.enable_grad():", fails="model_restored"),
    evaluate("the last batch only", "confusion += ", "confusion = ", fails="several_batches"),
    evaluate("averaged over batches", "return confusion", "return confusion / len(loader)", fails="several_batches"),
    evaluate("argmax over the columns", "argmax(dim=1)", "argmax(dim=-1)", fails=EVALUATE),
    evaluate(
        "prediction and target exchanged",
        "prediction.cpu(), target.cpu()",
        "target.cpu(), prediction.cpu()",
        fails=EVALUATE,
    ),
    evaluate(
        "four classes, whatever is asked",
        "target.cpu(), num_classes)",
        "target.cpu())",
        fails="evaluate_other_classes",
        public=False,
    ),
]

loss = partial(edit, "training_step", "segmentation_loss")
step = partial(edit, "training_step", "training_step")
LOSSES = "loss ignored gradient other_ignore_index"
STEPS = "step second_step stale_gradients training_mode other_optimizer manners"
TRAINING = [
    loss(
        "softmax before cross-entropy",
        "F.cross_entropy(logits,",
        "F.cross_entropy(logits.softmax(dim=1),",
        fails=LOSSES,
    ),
    loss("the sum over pixels", "total / labelled.clamp(min=1)", "total", fails=LOSSES),
    loss("divided by all pixels", "labelled.clamp(min=1)", "target.numel()", fails="ignored other_ignore_index"),
    loss(
        "NaN for a batch without labels",
        "total / labelled.clamp(min=1)",
        "F.cross_entropy(logits, target, ignore_index=ignore_index)",
        fails="nothing_labelled",
    ),
    loss(
        "a fresh 0 for a batch without labels",
        "return total / labelled.clamp(min=1)",
        "return total / labelled if labelled > 0 else torch.tensor(0.0)",
        fails="nothing_labelled",
    ),
    loss(
        "images averaged, not pixels",
        "return total / labelled.clamp(min=1)",
        "each = F.cross_entropy(logits, target, ignore_index=ignore_index, reduction='none').sum(dim=(1, 2))\n"
        "    return (each / (target != ignore_index).sum(dim=(1, 2)).clamp(min=1)).mean()",
        fails="ignored",
        public=False,
    ),
    loss(
        "cut off from the logits",
        "    return total",
        "    total = total.detach()\n    return total",
        fails="nothing_labelled gradient",
    ),
    loss(
        "255 ignored, whatever is asked",
        "ignore_index=ignore_index",
        "ignore_index=255",
        fails="other_ignore_index",
        public=False,
    ),
    step("no zero_grad()", "    optimizer.zero_grad()\n", "", fails="second_step stale_gradients"),
    step(
        "zero_grad() after the step",
        "    optimizer.zero_grad()\n",
        "",
        "    optimizer.step()\n",
        "    optimizer.step()\n    optimizer.zero_grad()\n",
        fails="stale_gradients",
        public=False,
    ),
    step("no train()", "    model.train()\n", "", fails="training_mode"),
    step("in evaluation mode", "model.train()", "model.eval()", fails=f"{STEPS} returned_loss"),
    step("no step", "    optimizer.step()\n", "", fails=STEPS),
    step(
        "the step before backward",
        "    loss.backward()\n    optimizer.step()",
        "    optimizer.step()\n    loss.backward()",
        fails=STEPS,
    ),
    step(
        "the loss after the step",
        "loss.item()",
        "segmentation_loss(model(images), target).item()",
        fails="returned_loss",
    ),
    step("returns nothing", "    return loss.item()\n", "", fails="returned_loss"),
    step("softmax before the loss", "model(images)", "model(images).softmax(dim=1)", fails=f"{STEPS} returned_loss"),
]

# --------------------------------------------------------------------------------------------------------- 04_results

predict = partial(edit, "prediction", "predict_full_resolution")
ENLARGED = 'F.interpolate(logits, size=image.shape[-2:], mode="bilinear", align_corners=False)'
PREDICTION = [
    predict(
        "labels enlarged, not logits",
        f"logits = {ENLARGED}",
        "logits = F.one_hot(logits.argmax(dim=1), logits.shape[1]).permute(0, 3, 1, 2).float()\n"
        "    logits = F.interpolate(logits, size=image.shape[-2:])",
        fails="labels upright",
    ),
    predict(
        "labels enlarged smoothly",
        f"logits = {ENLARGED}\n    return logits[0].argmax(dim=0)",
        "labels = logits.argmax(dim=1, keepdim=True).float()\n"
        "    return F.interpolate(labels, size=image.shape[-2:], mode='bilinear')[0, 0].round().long()",
        fails="labels upright",
    ),
    predict("corners aligned", "align_corners=False", "align_corners=True", fails="labels upright"),
    predict(
        "softmax before enlarging",
        "F.interpolate(logits,",
        "F.interpolate(logits.softmax(dim=1),",
        fails="labels upright",
    ),
    predict(
        "at the model's size", "size=image.shape[-2:]", "size=input_size", fails="all but input default_input_size"
    ),
    predict(
        "height and width exchanged",
        "image.shape[-2:]",
        "image.shape[:-3:-1]",
        fails="all but input default_input_size",
    ),
    predict(
        "a batch of one label map",
        "logits[0].argmax(dim=0)",
        "logits.argmax(dim=1)",
        fails="all but input default_input_size",
    ),
    predict(
        "argmax over the rows",
        "logits[0].argmax(dim=0)",
        "logits[0].argmax(dim=1)",
        fails="all but input default_input_size",
    ),
    predict("an image without a batch", "input_size)[None]", "input_size)", fails="all"),
    predict("input_size not passed on", "prepare_image(image, input_size)", "prepare_image(image)", fails="input"),
    predict(
        "the image not normalised",
        "prepare_image(image, input_size)[None]",
        "F.interpolate(image[None] / 255, input_size, mode='bilinear', antialias=True)",
        fails="input default_input_size",
    ),
    predict("no eval()", "    model.eval()\n", "", fails="evaluation_mode"),
    predict("left in evaluation mode", "    model.train(was_training)\n", "", fails="manners"),
    predict("with gradients", "with torch.no_grad():", "with torch.enable_grad():", fails="manners"),
]

ious = partial(edit, "per_class_iou", "per_class_iou")
PER_CLASS = [
    ious(
        "absent classes 0",
        "return intersection / union",
        "return intersection / union.clamp(min=1)",
        fails="absent_class",
    ),
    ious(
        "absent classes 1",
        "return intersection / union",
        "return (intersection / union).nan_to_num(1.0)",
        fails="absent_class",
    ),
    ious(
        "absent classes left out",
        "return intersection / union",
        "return (intersection / union)[union > 0]",
        fails="absent_class",
    ),
    ious(
        "NaN for whatever is never hit",
        "return intersection / union",
        "return torch.where(intersection > 0, intersection / union, torch.nan)",
        fails="one_sided_class",
    ),
    ious("twice the intersection in the union", UNION, "confusion.sum(dim=0) + confusion.sum(dim=1)", fails="all"),
    ious("Dice", "return intersection / union", "return 2 * intersection / (union + intersection)", fails="all"),
    ious("recall", UNION, "confusion.sum(dim=1)", fails="all"),
    ious("the mean", "return intersection / union", "return (intersection / union).nanmean()", fails="all"),
    ious(
        "the matrix is changed in place",
        "confusion.diagonal()",
        "confusion.diagonal().clone()\n    confusion.fill_diagonal_(0)",
        "- intersection",
        "+ intersection",
        fails="manners",
        public=False,
    ),
]

worst = partial(edit, "worst_images", "worst_images")
SCORE = "mean_iou(confusion_matrix(prediction.cpu(), target.cpu()))"
WORST = [
    worst("the best first", "argsort(stable=True)", "argsort(stable=True, descending=True)", fails="all"),
    worst(
        "by the share of right pixels",
        SCORE,
        "(prediction.cpu() == target.cpu()).float().mean()",
        fails="all",
        perhaps="equal_scores",
    ),
    worst("scores instead of indices", "worst_first[:count]", "torch.stack(scores).sort().values[:count]", fails="all"),
    worst(
        "one matrix for all images so far",
        f"            scores.append({SCORE})",
        "            counts = confusion_matrix(prediction.cpu(), target.cpu()) + (counts if i else 0)\n"
        "            scores.append(mean_iou(counts))",
        fails="all",
        perhaps="sizes",
    ),
    worst("unlabelled images are the worst", "nan=torch.inf", "nan=0.0", fails="unlabelled"),
    worst(
        "sorted, NaN and all",
        "torch.stack(scores).nan_to_num(nan=torch.inf).argsort(stable=True)",
        "torch.tensor(sorted(range(len(scores)), key=lambda i: scores[i]))",
        fails="unlabelled",
    ),
    worst(
        "later ones first among equals",
        ".argsort(stable=True)",
        ".flip(0).argsort(stable=True).mul(-1).add(len(scores) - 1)",
        fails="equal_scores",
        public=False,
    ),
    worst("all of them", "worst_first[:count]", "worst_first", fails="all but unlabelled equal_scores"),
    code(
        "worst_images",
        "04_results",
        "images in batches, which must have one size",
        """
def worst_images(model, dataset, count=5):
    from torch.utils.data import DataLoader

    was_training, scores = model.training, []
    model.eval()
    with torch.no_grad():
        for images, targets in DataLoader(dataset, batch_size=4):
            pairs = zip(model(images).argmax(dim=1), targets)
            scores += [mean_iou(confusion_matrix(*pair)) for pair in pairs]
    model.train(was_training)
    return torch.stack(scores).nan_to_num(torch.inf).argsort(stable=True)[:count].tolist()
""",
        fails="sizes",
        public=False,
    ),
    worst("no eval()", "    model.eval()\n", "", fails="evaluation_mode"),
    worst("left in evaluation mode", "    model.train(was_training)\n", "", fails="manners"),
    worst("with gradients", "with torch.no_grad():", "with torch.enable_grad():", fails="manners"),
]

WRONG_ANSWERS = [
    *LABELS, *TRANSFORM, *SHARES, *MERGING, *ATTENTION, *FFN, *STAGE, *DECODER, *NETWORK, *MEAN_IOU, *TRAINING,
    *PREDICTION, *PER_CLASS, *WORST,
]  # fmt: skip
