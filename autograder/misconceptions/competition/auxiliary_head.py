"""Misconceptions about the auxiliary head and its loss (task 2.3)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

auxiliary = partial(Misconception, "auxiliary_head")
head = partial(edits, "AuxiliaryHead")
loss = partial(edits, "auxiliary_loss")
REDUCE = "nn.Conv2d(in_channels, channels, kernel_size=3, padding=1, bias=False)"
HIDDEN = "F.relu(self.norm(self.reduce(maps)))"
RESULT = "return self.classify(hidden)"
ENLARGED = 'F.interpolate(logits, target.shape[-2:], mode="bilinear", align_corners=False)'
SUM = "main + weight * criterion(at_full_size(auxiliary_logits), target)"
WHOLE_HEAD = "training_mode head_gradient weights manners"
WHOLE_LOSS = "smaller both_smaller other_weights other_criterion loss_gradients"

MISCONCEPTIONS = (
    # AuxiliaryHead
    auxiliary(
        "1x1 in the place of 3x3",
        symptom="The first convolution of the head looks at one pixel only.",
        hint="How many of the map's pixels does a number of your logits depend on, and how many in the equation?",
        changes=head("kernel_size=3, padding=1", "kernel_size=1"),
        fails="head",
        also=WHOLE_HEAD,
    ),
    auxiliary(
        "no padding",
        symptom="The head has no padding, so that its logits are two rows and two columns smaller than the maps.",
        hint="A 3x3 filter needs a neighbour on each side. What does it find at the border of the map?",
        changes=head(", padding=1", ""),
        fails="head",
        also=WHOLE_HEAD,
    ),
    auxiliary(
        "no BatchNorm",
        symptom="There is no BatchNorm between the first convolution and the ReLU.",
        hint="Make the maps ten times as large, in training mode. Should the logits grow as well?",
        changes=head("self.norm(self.reduce(maps))", "self.reduce(maps)"),
        fails="head training_mode",
        also="head_gradient weights manners",
    ),
    auxiliary(
        "stored statistics in training mode",
        symptom="The BatchNorm of the head uses its stored statistics in training mode as well.",
        hint="This head is there in training only. Whose statistics does its norm use there?",
        changes=head(
            "self.norm(self.reduce(maps))",
            "F.batch_norm(self.reduce(maps), self.norm.running_mean, self.norm.running_var, self.norm.weight,\n"
            "                                     self.norm.bias)",
        ),
        fails="training_mode",
    ),
    auxiliary(
        "ReLU before the BatchNorm",
        symptom="The ReLU comes before the BatchNorm, so that the last layer is given negative numbers as well.",
        hint="In the equation, which of the two is applied to what the other one gives?",
        changes=head(HIDDEN, "self.norm(F.relu(self.reduce(maps)))"),
        fails="head training_mode",
        also="head_gradient weights manners",
    ),
    auxiliary(
        "no ReLU",
        symptom="There is no activation between the BatchNorm and the last layer.",
        hint="Two linear layers with nothing that bends between them are one. What stands between yours?",
        changes=head(HIDDEN, "self.norm(self.reduce(maps))"),
        fails="head",
        also=WHOLE_HEAD,
    ),
    auxiliary(
        "softmax at the end",
        symptom="The head gives probabilities and not logits: there is a softmax at the end.",
        hint="The criterion takes a softmax of what it gets. What do two of them in a row do?",
        changes=head(RESULT, "return self.classify(hidden).softmax(dim=1)"),
        fails="head",
        also=WHOLE_HEAD,
    ),
    auxiliary(
        "dropout in training",
        symptom="The head sets some of its channels to 0 at random in training mode.",
        hint="The paper's head has a layer that ours does without. Call yours twice in training mode: is it the same?",
        changes=head(RESULT, "return self.classify(F.dropout2d(hidden, 0.5, self.training))"),
        fails="training_mode",
        random=True,
    ),
    auxiliary(
        "cut off from the encoder",
        symptom="The head learns, but no gradient flows back from it to the maps.",
        hint="This head is thrown away after the training. Who is meant to have learned something from it?",
        changes=head("self.reduce(maps)", "self.reduce(maps.detach())"),
        fails="head_gradient",
    ),
    auxiliary(
        "a layer that is never used",
        symptom="The head holds weights that the logits do not depend on.",
        hint="Which layer of your constructor does not appear in the forward pass?",
        changes=head(
            "        self.norm =",
            "        self.second = nn.Conv2d(channels, channels, 3, padding=1)\n        self.norm =",
        ),
        fails="weights",
        public=False,
    ),
    auxiliary(
        "float32, whatever comes in",
        symptom="The logits of the head are always float32, whatever the dtype of the maps.",
        hint="Mixed precision sends 16 bits through the model. Which of your steps changes the type?",
        changes=head(RESULT, RESULT + ".float()"),
        fails="manners",
        public=False,
    ),
    # auxiliary_loss
    auxiliary(
        "no weight",
        symptom="The losses of both heads are added up as they are.",
        hint="Which head is used after the training, and which should have more to say?",
        changes=loss("weight * criterion", "criterion"),
        fails="loss other_weights",
        also=WHOLE_LOSS,
    ),
    auxiliary(
        "0.4, whatever is asked",
        symptom="The auxiliary loss weighs 0.4, whatever weight is asked for.",
        hint="Where in your code does the argument called weight appear?",
        changes=loss("weight * criterion", "0.4 * criterion"),
        fails="other_weights",
    ),
    auxiliary(
        "the weights add up to 1",
        symptom="The main loss is multiplied by what the auxiliary weight lacks to 1.",
        hint="With a weight of 0.4, how much of the main loss stands in the equation: all of it, or 0.6?",
        changes=loss(SUM, f"(1 - weight) * {SUM}"),
        fails="loss other_weights",
        also=WHOLE_LOSS,
    ),
    auxiliary(
        "the weight at the wrong loss",
        symptom="The main loss has the weight, and the auxiliary one counts in full.",
        hint="Which head is used after the training, and which should have more to say?",
        changes=loss(SUM, "weight * main + criterion(at_full_size(auxiliary_logits), target)"),
        fails="loss other_weights",
        also=WHOLE_LOSS,
    ),
    auxiliary(
        "logits mixed, then judged once",
        symptom="The logits of both heads are added up before the criterion sees them.",
        hint="How often does the criterion appear in the equation?",
        changes=loss(SUM, "criterion(at_full_size(main_logits) + weight * at_full_size(auxiliary_logits), target)"),
        fails="loss other_weights",
        also=WHOLE_LOSS,
    ),
    auxiliary(
        "always cross-entropy",
        symptom="Both heads are judged by cross-entropy, whatever criterion is handed in.",
        hint="Somebody wants to train both heads with ohem_loss. What does your function do with it?",
        changes=loss(
            "    def at_full_size",
            "    def criterion(a, b):\n        return F.cross_entropy(a, b, ignore_index=255)\n\n    def at_full_size",
        ),
        fails="loss other_criterion",
        also="smaller both_smaller other_weights no_auxiliary_logits loss_gradients",
    ),
    auxiliary(
        "the target is made smaller",
        symptom="The target is shrunk to the size of the auxiliary logits, by which small things disappear from it.",
        hint="A pole is one pixel wide. Is it still there in a target of a quarter of the size?",
        changes=loss(
            SUM,
            "main + weight * criterion(auxiliary_logits, F.interpolate(target[:, None].double(),\n"
            '                                     auxiliary_logits.shape[-2:], mode="nearest")[:, 0].long())',
        ),
        fails="smaller",
        also="both_smaller other_weights other_criterion loss_gradients",
    ),
    auxiliary(
        "nearest",
        symptom="The logits are enlarged by repeating the nearest number.",
        hint="What does F.interpolate do if nobody asks it for a mode?",
        changes=loss(', mode="bilinear", align_corners=False', ""),
        fails="smaller both_smaller",
        also="other_weights other_criterion loss_gradients",
    ),
    auxiliary(
        "corners aligned",
        symptom="The logits are enlarged so that the centres of their corner pixels meet.",
        hint="A pixel is a square, not a point. Where does the centre of the first one of two lie among four?",
        changes=loss("align_corners=False", "align_corners=True"),
        fails="smaller both_smaller",
        also="other_weights other_criterion loss_gradients",
    ),
    auxiliary(
        "only the auxiliary logits are enlarged",
        symptom="The main logits are handed to the criterion as they are, whatever their size.",
        hint="SegFormer's own logits have a quarter of the image's sides. Who enlarges them?",
        changes=loss("criterion(at_full_size(main_logits), target)", "criterion(main_logits, target)"),
        fails="both_smaller",
    ),
    auxiliary(
        "auxiliary logits taken for granted",
        symptom="The function wants auxiliary logits also where there are none.",
        hint="In evaluation mode a model has no auxiliary head. What is handed to your function then?",
        changes=loss("auxiliary_logits is None", "False"),
        fails="no_auxiliary_logits",
    ),
    auxiliary(
        "the auxiliary loss as a mere number",
        symptom="The value is right, but no gradient flows back to the auxiliary logits.",
        hint="What does the auxiliary head learn from, if its loss is only a number?",
        changes=loss(
            "criterion(at_full_size(auxiliary_logits), target)",
            "criterion(at_full_size(auxiliary_logits), target).detach()",
        ),
        fails="loss_gradients",
    ),
)
