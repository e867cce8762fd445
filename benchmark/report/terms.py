"""The words that a reader needs: of docs/glossary.md, the report and the leaderboard."""

from markupsafe import Markup

WORDS = {
    "Action chunk": "the next H actions that a policy answers at once; only the first `n_action_steps` of "
    "them are executed.",
    "Attempt": "one of several entries of a policy on a suite; the last one has the row.",
    "Averaging": "acting between two right ways, where the mean of the two lies and every attempt fails.",
    "Board": "the table of all entries of a suite, ranked by paired tests on the same seeds.",
    "Certificate": "the measurements that show that a task has the modes that it claims, and that their "
    "average fails.",
    "Clean": "without a perturbation; every perturbed episode is compared with the clean one of the same "
    "seed.",
    "Contract card": "what a submitter says of a policy before its first episode, such as when not to use "
    "it.",
    "Control step": "50 ms, in which one action is executed (20 a second).",
    "Decision": "one call of a policy's `act`, which is answered by an action chunk.",
    "Demonstration": "an episode of a scripted expert, recorded to train from.",
    "End effector, TCP": "the hand, and the point between its finger pads that an action moves.",
    "Entry": "one file with all results of a policy on a suite, which others can check and run again.",
    "Episode": "one attempt at a task, from a start that its seed fixes to one of the outcomes below.",
    "Executed length": "the number of actions of a chunk that are executed before the next decision, "
    "`n_action_steps`, 8 by default.",
    "Expert": "a scripted policy that reads the simulator and carries out one mode.",
    "Fresh seeds": "scenes that follow from a salt, which was secret when the entry was submitted.",
    "Horizon": "the number of control steps after which an episode ends by itself.",
    "Paired": "compared episode by episode on the same seeds, so that easy and hard scenes cancel.",
    "Perturbation": "one physical change of an episode, at level 1, 2 or 3.",
    "Policy": "what turns observations into actions; here a class with the method `act`.",
    "Privileged": "reading the simulator itself, which no real robot offers; scored on a track of its own.",
    "Replay": "simulating an episode again from its recorded actions, without the policy.",
    "Replayed": "said of an entry whose episodes were simulated again from their recorded actions.",
    "Reported": "said of an entry whose figures follow from its episodes, and of which no more is known.",
    "Reproduced": "said of an entry whose policy somebody else has run again, on fresh seeds, too.",
    "Rollout": "carrying out a policy in the simulation, for a batch of episodes side by side.",
    "Shard": "a batch of episodes of one task and variant that one worker process runs and records as a "
    "whole.",
    "Suite": "a fixed and versioned list of tasks, seeds and variants, such as `smoke`, `core` and `full`.",
    "Trace": "the recorded actions and states of an episode.",
    "Variant": "what an episode is run in: `clean`, or perturbations with levels or magnitudes, such as "
    "`contact.friction:2`.",
}
"""The words of the field and what they mean here, in half a sentence; Markdown."""

TERMS = {
    "Mode": "One of the ways in which the task is meant to be solved, such as the left or the right bar.",
    "Macro": "The mean over tasks; every task weighs the same.",
    "Interval": "95 % confidence: exact (Clopper-Pearson) for one task, combined over tasks for the macro.",
    "Mixture coordinate α": "Where the hand acted on the line between the grasps: 0 is the first mode,"
    " 1 the second, 0.5 their average. With more than two: the distance from the nearest grasp, in units of"
    " the smallest distance between two.",
    "Dead zone": "The stretch of α in which every grasp is certified to fail.",
    "Seed panel": "The fixed list of seeds of a suite; every policy meets the same scenes.",
    "Track": "What a policy may see: state (poses), vision (pictures and no pose of an object) or"
    " privileged (the simulator itself); instructed where a suite asks for a mode in words, which it reads.",
}
"""The words that a reader of a report or of the leaderboard needs."""


def meanings() -> dict[str, str]:
    """Return every word with its meaning as a sentence of plain text, sorted."""
    told = {name: text[0].upper() + text[1:].replace("`", "") for name, text in (WORDS | TERMS).items()}
    return dict(sorted(told.items(), key=lambda pair: pair[0].lower()))


def slug(name: str) -> str:
    """Return a word as the end of an address: `Seed panel` is `seed-panel`."""
    return "-".join(name.lower().replace(",", "").split())


def word(name: str, shown: str = "", page: str = "") -> Markup:
    """Return a word of a page that says what it means, and leads to the list of words.

    Called by templates where a word appears first; `shown` is how it stands in the text, and `page` where the
    list stands, "" for the same page.
    """
    return Markup('<a class="word" href="{}#word-{}" title="{}">{}</a>').format(
        page, slug(name), meanings()[name], shown or name
    )
