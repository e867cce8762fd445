"""The policy that reads: what its table of words learns, and what the shipped one understands."""

import numpy as np
import pytest
import torch
from bimodal.benchmark.suites import SUITES
from bimodal.envs.images import ANY
from bimodal.policies import load_policy
from bimodal.policies.networks.instruction_reader import BUCKETS, InstructionReader, buckets
from bimodal.tasks import load_task

SENTENCES = (("Take the left one.", "Go left."), ("Take the right one.", "Go right."), ("Take one.",))


def learned(sentences=SENTENCES, steps=300):
    reader = InstructionReader(sentences)
    optimiser = torch.optim.AdamW(reader.parameters(), 3e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        reader.loss().backward()
        optimiser.step()
    return reader


def test_a_reader_learns_its_sentences_and_says_nothing_of_words_that_it_has_not_seen():
    reader = learned()
    assert reader.read([one for said in SENTENCES for one in said]).tolist() == [0, 0, 1, 1, -1]
    assert reader.read(["Please, to the LEFT!"]).tolist() == [0]
    untouched = np.flatnonzero(~reader.table.detach().numpy().any(1))
    assert len(untouched) > BUCKETS / 2
    assert InstructionReader(SENTENCES).read(["Go right.", "xyz"]).tolist() == [0, 0]  # the first of equals


def test_the_loss_weighs_each_mode_alike_and_computes_where_the_reader_is():
    reader = InstructionReader(SENTENCES)
    assert reader.loss().item() == pytest.approx(np.log(3))
    assert reader.to("meta").loss().device.type == "meta"


def test_word_order_counts_and_a_word_counts_once():
    assert set(buckets("left before right")) != set(buckets("right before left"))
    assert buckets("go go go") != buckets("go") and buckets("Go!") == buckets("go")


@pytest.mark.parametrize("name", SUITES["instructed"].tasks)
def test_the_shipped_tables_know_all_that_they_learned_and_most_of_the_rest(name):
    task = load_task(name)
    reader = load_policy("flow_instructed", task).network.reader
    found = []
    for meant, mode in ((-1, ANY), *enumerate(task.modes)):
        wording = task.wording(mode)
        assert (reader.read(wording.seen) == meant).all()
        found += (reader.read(wording.unseen) == meant).tolist()
    assert np.mean(found) > 0.75
