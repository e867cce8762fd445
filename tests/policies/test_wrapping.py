"""Names of policies around policies: what is inside, which options, and what is refused."""

import pytest
from bimodal.envs.errors import WrongUse
from bimodal.policies.core.registry import load_policy, policy_class
from bimodal.policies.core.wrapping import unwrapped, with_inner, wrapper_options, wrappers, wrapping
from bimodal.tasks import load_task

DUMBBELL = "PandaLiftDumbbell-v1"


@pytest.mark.parametrize(
    ("uri", "inner", "options"),
    [
        ("bid(flow)", "flow", {}),
        ("bid(flow, candidates=3,decay=0.25)", "flow", {"candidates": 3, "decay": 0.25}),
        ("bid(a (1), b/c.py:D, n_action_steps=2)", "a (1), b/c.py:D", {"n_action_steps": 2}),
        ("safe(bid(flow, candidates=3))", "bid(flow, candidates=3)", {}),
        ("bid(safe(mine.py:Mine), candidates=3)", "safe(mine.py:Mine)", {"candidates": 3}),
    ],
)
def test_a_name_says_what_is_inside_and_how(uri, inner, options):
    said = wrapping(uri)
    assert said and said.inner == inner and wrapper_options(said) == options
    assert said.around(inner) == uri
    assert with_inner(uri, lambda name: name) == uri
    assert with_inner(uri, lambda name: f"other_{name}").count("other_" + unwrapped(uri)) == 1
    assert wrappers(uri) == (said.wrapper, *wrappers(inner)) and ("safe" in wrappers(uri)) == ("safe" in uri)


@pytest.mark.parametrize("uri", ["flow", "bid()", "bid(flow", "bid flow)", "other(flow)", "mine.py:Mine"])
def test_other_names_wrap_nothing(uri):
    assert wrapping(uri) is None and unwrapped(uri) == uri and wrappers(uri) == ()


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("bid(nothing)", "nothing"),
        ("bid(flow, speed=3)", "option of bid.* 'speed'.*n_action_steps"),
        ("bid(flow, candidates=1.5)", "candidates is '1.5'; it must be a whole number"),
        ("bid(flow, decay=)", "decay is ''; it must be a number"),
        ("safe(flow, limits=3)", "option of safe"),
        ("bid(flow, candidates=0)", "cannot choose among 0"),
        ("bid(expert)", "draws chunks .*; Expert does not"),
        ("bid(veteran)", "draws chunks .*; Veteran does not"),
    ],
)
def test_what_cannot_be_wrapped_so_is_refused_in_one_line(uri, said):
    with pytest.raises(WrongUse, match=said):
        load_policy(uri, load_task(DUMBBELL))


def test_a_wrapped_policy_bears_the_name_and_the_weights_of_the_inner_one():
    policy = load_policy("bid(flow, n_action_steps=4)", load_task(DUMBBELL))
    assert type(policy).__qualname__ == "bid(flow, n_action_steps=4)"
    assert policy.needs().n_action_steps == 4 and policy.parameters
    assert policy.artifacts() == load_policy("flow", load_task(DUMBBELL)).artifacts()
    assert policy_class("safe(bid(flow))").__qualname__ == "safe(bid(flow))"
