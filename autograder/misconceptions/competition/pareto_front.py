"""Misconceptions about the Pareto front (task 4.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import Code, edits

front = partial(Misconception, "pareto_front")
change = partial(edits, "pareto_front")
NOTEBOOK = "04_competition"
BETTER = "(costs[None, :] < costs[:, None]) | (scores[None, :] > scores[:, None])"
EVERY = "same_entries equal_costs equal_scores large_costs manners"

MISCONCEPTIONS = (
    front(
        "strictly better in both",
        symptom="An entry is thrown out only by one that is cheaper and better; one that costs the same, or scores the "
        "same, throws nobody out.",
        hint="Two models score the same, and one costs twice as much. Who would choose that one?",
        changes=change("no_dearer & no_worse & better", "no_dearer & no_worse & " + BETTER.replace("|", "&")),
        fails="equal_costs equal_scores",
    ),
    front(
        "equal costs throw nobody out",
        symptom="Of several entries with the same cost all stay, whatever they score.",
        hint="For the same price, who would take the worse model?",
        changes=change("costs[None, :] <= costs[:, None]", "costs[None, :] < costs[:, None]"),
        fails="equal_costs",
    ),
    front(
        "equal scores throw nobody out",
        symptom="Of several entries with the same score all stay, whatever they cost.",
        hint="For the same score, who would take the dearer model?",
        changes=change("scores[None, :] >= scores[:, None]", "scores[None, :] > scores[:, None]"),
        fails="equal_scores",
    ),
    front(
        "equals throw each other out",
        symptom="Two entries that are equal in both are missing from the front, each because of the other.",
        hint="Does an entry beat its own copy? In what is it better?",
        changes=(
            Code(
                NOTEBOOK,
                "def pareto_front(costs, scores):\n"
                "    others = ~torch.eye(len(costs), dtype=torch.bool)\n"
                "    beaten = (costs[None] <= costs[:, None]) & (scores[None] >= scores[:, None]) & others\n"
                "    return ~beaten.any(dim=1)\n",
            ),
        ),
        fails="same_entries",
    ),
    front(
        "beaten by themselves",
        symptom="No entry is on the front: each is compared with itself, too, and found to be no better.",
        hint="In your comparison of all pairs, what comes out where an entry meets itself?",
        changes=change(" & better", ""),
        fails="front few",
        also=EVERY,
    ),
    front(
        "one of equals",
        symptom="Of entries that are equal in both only one stays.",
        hint="Two groups hand in equally good models. Which of the two was beaten, and by whom?",
        changes=(
            Code(
                NOTEBOOK,
                "def pareto_front(costs, scores):\n"
                "    order = sorted(range(len(costs)), key=lambda i: (costs[i].item(), -scores[i].item()))\n"
                "    mask, best = torch.zeros(len(costs), dtype=torch.bool), -1.0\n"
                "    for i in order:\n"
                "        if scores[i] > best:\n"
                "            mask[i], best = True, scores[i]\n"
                "    return mask\n",
            ),
        ),
        fails="same_entries",
    ),
    front(
        "in the order of costs",
        symptom="The mask belongs to the entries sorted by cost, not to the entries as they came.",
        hint="Somebody writes costs[mask]. Whose costs come out?",
        changes=change(".any(dim=1)", ".any(dim=1)[costs.argsort(stable=True)]"),
        fails="front",
        also="same_entries equal_costs equal_scores",
        perhaps="large_costs manners",
    ),
    front(
        "only the best score",
        symptom="Only the entries with the highest score stay.",
        hint="Whoever has half the budget cannot use the best model. Which one should be on the list for them?",
        changes=change("costs[None, :] <= costs[:, None]", "torch.ones_like(costs[None, :] <= costs[:, None])"),
        fails="front",
        also=EVERY,
    ),
    front(
        "dearer is better",
        symptom="High costs count as good: the front lies on the side of the dear entries.",
        hint="Take two entries with the same score. Which of them beats the other in your code?",
        changes=change(
            "costs[None, :] <= costs[:, None]",
            "costs[None, :] >= costs[:, None]",
            "(costs[None, :] < costs[:, None])",
            "(costs[None, :] > costs[:, None])",
        ),
        fails="front",
        also=EVERY,
    ),
    front(
        "lower scores are better",
        symptom="Low scores count as good, as if they were errors.",
        hint="Is a mean IoU of 0.6 better or worse than one of 0.3?",
        changes=change(
            "scores[None, :] >= scores[:, None]",
            "scores[None, :] <= scores[:, None]",
            "(scores[None, :] > scores[:, None])",
            "(scores[None, :] < scores[:, None])",
        ),
        fails="front",
        also=EVERY,
    ),
    front(
        "the beaten ones",
        symptom="The mask is inverted: it marks the entries that are beaten.",
        hint="In your mask, does True stand for who is beaten or for who is not?",
        changes=change("return ~", "return "),
        fails="front few",
        also=EVERY,
    ),
    front(
        "who beats nobody",
        symptom="The mask marks the entries that beat no other one, where it should mark those that none beats.",
        hint="Your table of pairs has a side of those who beat and a side of the beaten. Along which do you ask?",
        changes=change(".any(dim=1)", ".any(dim=0)"),
        fails="front",
        also=EVERY,
    ),
    front(
        "cheaper or better",
        symptom="An entry is thrown out by any that is cheaper, and by any that is better, so that hardly one is left.",
        hint="A model is better than yours, but costs ten times as much. Has it beaten yours?",
        changes=change("no_dearer & no_worse & better", "(no_dearer | no_worse) & better"),
        fails="front",
        also=EVERY,
    ),
    front(
        "compared with the next cheaper one",
        symptom="Each entry is held only against the one that is next cheaper, and not against all cheaper ones.",
        hint="A good cheap model is followed by two bad dear ones, the second a little better than the first. "
        "Who beats the second?",
        changes=(
            Code(
                NOTEBOOK,
                "def pareto_front(costs, scores):\n"
                "    order = sorted(range(len(costs)), key=lambda i: (costs[i].item(), -scores[i].item()))\n"
                "    mask = torch.ones(len(costs), dtype=torch.bool)\n"
                "    for before, i in zip(order, order[1:]):\n"
                "        same = costs[before] == costs[i] and scores[before] == scores[i]\n"
                "        mask[i] = bool(mask[before]) if same else bool(scores[i] > scores[before])\n"
                "    return mask\n",
            ),
        ),
        fails="front",
        perhaps=EVERY,
    ),
    front(
        "the convex hull",
        symptom="Only entries on the outer hull stay: one that lies below the straight line between two others is "
        "left out, although neither beats it.",
        hint="Nobody can buy a mixture of two models. Which single entry is as cheap as the one that you left out, and "
        "better?",
        changes=change(
            "return ~(no_dearer & no_worse & better).any(dim=1)",
            "front = ~(no_dearer & no_worse & better).any(dim=1)\n"
            "    on, hull = front.nonzero().flatten().tolist(), front.clone()\n"
            "    for i in on:\n"
            "        for a in on:\n"
            "            for b in on:\n"
            "                if costs[a] < costs[i] < costs[b]:\n"
            "                    part = (costs[i] - costs[a]) / (costs[b] - costs[a])\n"
            "                    line = scores[a] + part * (scores[b] - scores[a])\n"
            "                    hull[i] &= bool(scores[i] >= line - 1e-6)\n"
            "    return hull",
        ),
        fails="front",
        perhaps=EVERY,
    ),
    front(
        "numbers instead of a mask",
        symptom="The numbers of the entries on the front come back, where a mask is wanted: True or False for each.",
        hint="How long is your answer for five entries, and how long should it be?",
        changes=change("return ~", "return (~", ".any(dim=1)", ".any(dim=1)).nonzero().flatten()"),
        fails="front few",
        also=EVERY,
    ),
    front(
        "costs rounded",
        symptom="Costs are turned into float32, whose seven digits do not tell close multiply-adds apart.",
        hint="Print torch.tensor(50_260_000_001).float() - 50_260_000_000. Who needs floats here?",
        changes=change("    no_dearer", "    costs = costs.float()\n    no_dearer"),
        fails="large_costs",
        public=False,
    ),
    front(
        "ones and zeros",
        symptom="The mask holds ones and zeros instead of True and False: used as an index, it picks entries 1 and 0.",
        hint="What does costs[mask] give with your mask?",
        changes=change("return ~", "return (~", ".any(dim=1)", ".any(dim=1)).long()"),
        fails="manners",
        public=False,
    ),
    front(
        "entries sorted in place",
        symptom="The mask is right, but the costs that were passed in come back in another order.",
        hint="The next cell draws these costs. Do they still belong to the names?",
        changes=change(
            "return ~(no_dearer & no_worse & better).any(dim=1)",
            "mask = ~(no_dearer & no_worse & better).any(dim=1)\n    costs.copy_(costs.sort()[0])\n    return mask",
        ),
        fails="manners",
        public=False,
    ),
)
