"""The index of many values to a key behaves as a dictionary of sets, whatever is put in and taken out."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from apphealth.model.multimap import MultiMap

CHANGES = st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 3)), max_size=40)


@given(CHANGES)
def test_it_is_a_dictionary_of_sets(changes):
    index, plain = MultiMap(), defaultdict(set)
    for adds, key, value in changes:
        (index.add if adds else index.discard)(key, value)
        (plain[key].add if adds else plain[key].discard)(value)
        assert {key: sorted(index.get(key)) for key in range(3)} == {key: sorted(plain[key]) for key in range(3)}
        assert len(index) == sum(map(bool, plain.values()))
