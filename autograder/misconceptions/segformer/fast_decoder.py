"""Misconceptions about the decoder that fuses each map at its own size (task 3.4, a bonus)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

fast = partial(Misconception, "fast_decoder")
change = partial(edits, "FastMLPDecoder")
LAYERS = "mapped = F.conv2d(level, product[:, :, None, None], block @ project.bias)  # (B, E, h, w)"
PRODUCT = "product = block @ project.weight.flatten(1)  # (E, E) @ (E, C) -> (E, C)"
ADDED = 'fused = fused + F.interpolate(mapped, size, mode="bilinear", align_corners=False)'
RESULT = "return self.classifier(F.relu(self.norm(fused)))"

MISCONCEPTIONS = (
    # ---------------------------------------------------------------------------------------------- the order of work
    fast(
        "fused at full size, as in task 2.5",
        symptom="The logits are right, but matrices still meet enlarged maps, as in task 2.5.",
        hint="Count the multiply-adds of both decoders. Which of your steps could come before the maps are enlarged?",
        changes=change(
            LAYERS,
            "mapped = project(level)",
            ADDED,
            'enlarged = F.interpolate(mapped, size, mode="bilinear", align_corners=False)\n'
            "            fused = fused + F.conv2d(enlarged, block[:, :, None, None])",
        ),
        fails="first_map_size any_size given_size training_mode own_weights",
    ),
    fast(
        "ReLU on every map",
        symptom="Every map passes through a ReLU before the maps are added up.",
        hint="Is the ReLU of a sum the sum of ReLUs? The tiny example shows which steps may change places.",
        changes=change(LAYERS, LAYERS.replace("F.conv2d(", "F.relu(F.conv2d(").replace("bias)", "bias))")),
        fails="first_map_size own_weights",
        also="any_size given_size training_mode gradients weights manners precision",
    ),
    fast(
        "BatchNorm on every map",
        symptom="Every map is normalised before the maps are added up.",
        hint="The decoder of task 2.5 normalises once. How often is its mean taken off here?",
        changes=change(
            LAYERS,
            LAYERS.replace("F.conv2d(", "self.norm(F.conv2d(").replace("bias)", "bias))"),
            "F.relu(self.norm(fused))",
            "F.relu(fused)",
        ),
        fails="first_map_size training_mode",
        also="any_size given_size own_weights gradients weights manners precision",
    ),
    fast(
        "the mean of the maps",
        symptom="The mapped maps are averaged and not added up.",
        hint="A matrix on joined vectors is its blocks added up. What did the example do with its two terms?",
        changes=change("self.norm(fused)", "self.norm(fused / len(features))"),
        fails="first_map_size own_weights",
        also="any_size given_size gradients weights manners precision",
        perhaps="training_mode",
    ),
    # --------------------------------------------------------------------------------------------------- the matrices
    fast(
        "biases of the stages forgotten",
        symptom="The biases of the stages' linear layers are left out.",
        hint="A linear layer is a matrix and a bias: what becomes of the bias when the block is applied to the sum of "
        "both?",
        changes=change(", block @ project.bias)", ")"),
        fails="first_map_size own_weights",
        also="any_size given_size gradients weights manners precision",
    ),
    fast(
        "biases not mapped by the block",
        symptom="The biases of the stages are added as they are, without their blocks of the fusing layer.",
        hint="Multiply W (P x + b) out: what stands before b?",
        changes=change("block @ project.bias", "project.bias"),
        fails="first_map_size own_weights",
        also="any_size given_size gradients weights manners precision",
    ),
    fast(
        "blocks transposed",
        symptom="The blocks of the fusing layer are used with rows and columns exchanged.",
        hint="The weight of a linear layer is (out, in). Which side of a block meets what the stage's layer puts out?",
        changes=change(
            "block @ project.weight", "block.T @ project.weight", "block @ project.bias", "block.T @ project.bias"
        ),
        fails="first_map_size own_weights",
        also="any_size given_size training_mode gradients weights manners precision",
    ),
    fast(
        "blocks for the wrong maps",
        symptom="The blocks of the fusing layer meet other maps than in MLPDecoder.",
        hint="In which order did your MLPDecoder join the maps? The first columns of its matrix belong to the map that "
        "stands first there.",
        changes=change("dim=1)[::-1]", "dim=1)"),
        fails="own_weights",
    ),
    fast(
        "the fusing layer left out",
        symptom="The maps are added up without the matrix of the fusing layer.",
        hint="Each map meets a block of that matrix. Where in your order of work does it come in?",
        changes=change(PRODUCT, "product = project.weight.flatten(1)", "block @ project.bias", "project.bias"),
        fails="first_map_size weights own_weights",
        also="any_size given_size training_mode gradients manners precision",
    ),
    fast(
        "the product kept from the first call",
        symptom="The products of matrices are computed in the first call and kept: later weights have no effect.",
        hint="Load other weights, or take a step of the optimiser, and call again: which weights answer?",
        changes=change(
            "        fused = 0\n",
            "        if not hasattr(self, 'kept'):\n"
            "            pairs = list(zip(self.projections, blocks))\n"
            "            self.kept = [(w @ p.weight.flatten(1), w @ p.bias) for p, w in pairs]\n"
            "        fused = 0\n",
            "for level, project, block in zip(features, self.projections, blocks, strict=True)",
            "for level, (product, bias) in zip(features, self.kept, strict=True)",
            f"            {PRODUCT}\n",
            "",
            "block @ project.bias",
            "bias",
        ),
        fails="own_weights",
    ),
    # --------------------------------------------------------------------------------------------------- the upsampling
    fast(
        "nearest",
        symptom="The maps are enlarged by repeating the nearest number.",
        hint="Your MLPDecoder enlarges bilinearly. What does a library take if nothing is asked for?",
        changes=change('mode="bilinear", align_corners=False', 'mode="nearest"'),
        fails="any_size own_weights",
        also="first_map_size given_size training_mode gradients weights manners precision",
    ),
    fast(
        "corners aligned",
        symptom="The maps are enlarged so that the centres of their corner pixels meet.",
        hint="Notebook 2 shows three ways to make four pixels of two: which one does MLPDecoder use?",
        changes=change("align_corners=False", "align_corners=True"),
        fails="any_size own_weights",
        also="first_map_size given_size training_mode gradients weights manners precision",
    ),
    fast(
        "upsampled by 1, 2, 4 and 8",
        symptom="The maps are enlarged by fixed factors, which meet the wanted size only if each is exactly half of "
        "the one before.",
        hint="Which sizes do the four maps of an image of 250 x 333 have, and which size is asked for?",
        changes=change(
            "level, project, block in zip(features, self.projections, blocks, strict=True)",
            "i, (level, project, block) in enumerate(zip(features, self.projections, blocks, strict=True))",
            "F.interpolate(mapped, size,",
            "F.interpolate(mapped, scale_factor=2**i,",
        ),
        fails="any_size given_size",
        also="own_weights",
    ),
    fast(
        "out_dims ignored",
        symptom="The logits always have the size of the first map, also where another size is asked for.",
        hint="The class inherits more than layers. Which of your lines uses the size that the constructor was given?",
        changes=change("self.out_dims or features", "features"),
        fails="given_size",
        also="own_weights",
    ),
    # --------------------------------------------------------------------------------------------- modes and manners
    fast(
        "stored statistics in training mode",
        symptom="BatchNorm uses its stored statistics in training mode as well.",
        hint="In training a norm looks at the batch before it. Which statistics are yours, and when do they hold?",
        changes=change(
            "self.norm(fused)",
            "F.batch_norm(fused, self.norm.running_mean, self.norm.running_var, self.norm.weight, self.norm.bias)",
        ),
        fails="training_mode",
    ),
    fast(
        "products that do not learn",
        symptom="The products of matrices are cut off from their factors, which get no gradient.",
        hint="Which parameters have a gradient after one backward? Weights may be used as numbers, but must remain "
        "weights.",
        changes=change(
            PRODUCT, PRODUCT.replace("flatten(1)  #", "flatten(1).detach()  #").replace("block @", "block.detach() @")
        ),
        fails="weights",
    ),
    fast(
        "the maps are cut off from the gradient",
        symptom="The logits are right, but no gradient flows from the decoder back into the maps.",
        hint="In training the encoder learns through the decoder. What makes a map plain numbers, with no record of "
        "how they were computed?",
        changes=change("F.conv2d(level,", "F.conv2d(level.detach(),"),
        fails="gradients",
        public=False,
    ),
    fast(
        "the caller's list overwritten",
        symptom="The list of maps that comes in holds other maps afterwards.",
        hint="Whoever called may want to use the maps again. Into which list do you write?",
        changes=change(
            "        fused = 0\n",
            "        features[-1] = features[-1] + 0\n        fused = 0\n",
        ),
        fails="manners",
        public=False,
    ),
    fast(
        "float32, whatever comes in",
        symptom="The logits are float32 even if the decoder and its maps have another precision.",
        hint="Mixed precision runs on 16 bits to save memory. Where does your decoder leave the type that came in?",
        changes=change(RESULT, RESULT + ".float()"),
        fails="precision",
        public=False,
    ),
)
